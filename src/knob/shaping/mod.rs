//! The shaping of an interface: queues with guarantees and ceilings for what leaves and for what arrives.

mod arrivals;
mod blueprint;
mod door;
mod plan;
mod rules;
mod seen;

pub use door::Door;
pub use plan::{Step, plan};
pub use seen::{Found, Seen};
