//! The servers' side of publishing: metrics for Prometheus, health for supervisors, a status page for people, and the past
//! for whoever asks in PromQL.
//!
//! A request never samples: it is answered from the snapshot of the last tick, or from the history. So a scrape costs what its text costs, any
//! number of scrapers see the same moment, and nobody who asks can slow the loop down.

mod api;
mod exposition;
mod lifecycle;
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
pub use site::{Clock, Reload, Site};
