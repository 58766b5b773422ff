//! Kind `FleetBudget`: one budget that several machines share, and what this one does with its grant.

use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Control, Signal};
use crate::policy::json_schema::ShareAboveNone;
use crate::policy::quantity::{HOUR, Level, Percent, Period, SECOND};
use crate::policy::rules::{BudgetResource, WhenStale};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FleetBudgetSpec {
    #[serde(default)]
    pub control: Control,
    pub resource: BudgetResource,
    pub limit: Spanned<Level>,
    /// Of the limit, given to nobody.
    #[schemars(with = "ShareAboveNone")]
    pub safety_margin: Spanned<Percent>,
    pub members: Vec<Spanned<Member>>,
    /// What the allocator grants this node.
    pub grant: Spanned<Signal>,
    pub lease: Spanned<Lease>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub node: Spanned<String>,
    pub floor: Spanned<Level>,
    pub ceiling: Spanned<Level>,
}

/// How long a grant holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lease {
    /// Between two rounds of the allocator.
    pub epoch: Spanned<Period<SECOND, HOUR>>,
    /// A grant older than this is none.
    pub hold: Spanned<Period<SECOND, HOUR>>,
    pub max_skew: Spanned<Period<SECOND, HOUR>>,
    /// The lowest grant of this time counts.
    pub window: Spanned<Period<SECOND, HOUR>>,
    pub then: WhenStale,
}
