//! The shaping of an interface: queues with guarantees and ceilings for what leaves and for what arrives.

mod arrivals;
mod blueprint;
mod door;
mod knob;
mod plan;
mod rules;
mod seen;
#[cfg(test)]
mod tests;
mod usable;

pub use door::Door;
pub use knob::ShapingKnob;
pub use plan::{Step, plan};
pub use seen::{Found, Seen};
