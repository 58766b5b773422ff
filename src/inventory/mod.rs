//! S1: what the machine is. Read once at start and again on hot-plug or on request.

mod host;

pub use host::{Capability, CapabilityState, CgroupMode, Inventory};
