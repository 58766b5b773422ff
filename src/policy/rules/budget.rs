//! The rules of kind `FleetBudget`: a budget, its members, and how long a grant holds.

use std::time::Duration;

use serde::Deserialize;

use crate::policy::question::Question;

#[derive(Debug, Clone, PartialEq)]
pub struct FleetBudget {
    pub resource: BudgetResource,
    /// In watts or bytes per second.
    pub limit: f64,
    /// Of the limit, 0 to 1, given to nobody.
    pub safety_margin: f64,
    pub members: Vec<Member>,
    pub grant: Question,
    pub lease: Lease,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BudgetResource {
    Power,
    Uplink,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub node: String,
    pub floor: f64,
    pub ceiling: f64,
}

/// See `window >= hold + epoch + maxSkew`: then all caps together keep within the budget whatever is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub epoch: Duration,
    pub hold: Duration,
    pub max_skew: Duration,
    pub window: Duration,
    pub then: WhenStale,
}

/// What a member does without a fresh grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WhenStale {
    Floor,
}
