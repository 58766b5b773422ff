//! `limits` and `gates` of kind `Allocation`: how many plots at once, and in which phases.

use crate::policy::number::Number;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::quantity::{DAY, Period, SECOND};
use crate::policy::rules::GateScope;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct Limits {
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_total: Option<Spanned<Number<u32>>>,
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_per_temp_dir: Option<Spanned<Number<u32>>>,
    #[serde(default)]
    pub min_between_starts: Option<Spanned<Period<SECOND, DAY>>>,
}

/// At most so many plots that have not passed a phase.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gate {
    #[serde(default)]
    pub per: GateScope,
    /// Counted are the plots before this phase, 1 to 4.
    #[schemars(range(min = 2, max = 4))]
    pub before_phase: Spanned<Number<u8>>,
    #[schemars(range(min = 1))]
    pub at_most: Spanned<Number<u32>>,
}
