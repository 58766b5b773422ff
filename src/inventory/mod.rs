//! S1: what the machine is. Read once at start and again on hot-plug or on request.

mod capability;
mod host;
mod users;

pub use crate::kernel::cgroup::CgroupMode;
pub use capability::{Capability, CapabilityState};
pub use host::Inventory;
pub use users::users;
