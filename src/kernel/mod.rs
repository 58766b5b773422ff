//! The only doors to procfs, sysfs and cgroupfs, under roots that tests can move.
//!
//! Readers return plain facts, each an `Option` or a `Result`: what cannot be read is said, never zero.

pub mod address;
pub mod attribute;
pub mod backing;
pub mod block;
pub mod cgroup;
pub mod clock;
pub mod descriptors;
pub mod device_events;
pub mod disk_speed;
pub mod durable;
pub mod edac;
mod error;
pub mod file;
#[cfg(test)]
pub(crate) mod fixture;
pub mod folder_watch;
pub mod graphics_card;
pub mod hwmon;
pub mod interface;
pub mod link;
pub mod listing;
pub mod locks;
pub mod memory_bandwidth;
pub mod mounts;
pub mod netlink;
pub mod nftables;
pub mod nvml;
pub mod open_writers;
pub mod own_memory;
pub mod page_by_page;
pub mod peer;
pub mod power_supply;
pub mod powercap;
pub mod pressure;
pub mod privilege;
pub mod process;
pub mod process_events;
pub mod process_watch;
mod roots;
pub mod route;
pub mod service_manager;
pub mod smbios;
pub mod space;
pub mod sweep;
pub mod taskstats;
pub mod text;
pub mod thermal;
pub mod traffic;

pub use error::KernelError;
pub use roots::Roots;
