//! An actuator whose ticks follow each other faster than a knob may change: tests need not wait for a law that has tests of its own.

use std::time::Duration;

use plotwarden::actuate::{Actuator, Limits, Rates};

/// Without the least time between two changes of one knob.
pub fn hasty(mut actuator: Actuator) -> Actuator {
    actuator.limit(Limits { rates: Rates { cooldown: Duration::ZERO, ..Rates::default() }, ..Limits::default() });
    actuator
}
