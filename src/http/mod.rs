//! The servers' side of publishing: metrics for Prometheus, health for supervisors, a status page for people.
//!
//! A request never samples: it is answered from the snapshot of the last tick. So a scrape costs what its text costs, any
//! number of scrapers see the same moment, and nobody who asks can slow the loop down.

mod exposition;
mod listen;
mod negotiate;
mod page;
mod readiness;
mod route;
mod server;
mod site;

#[cfg(test)]
mod tests;

pub use listen::{DEFAULT_LISTEN, ListenError, bind};
pub use server::serve;
pub use site::{Clock, Site};
