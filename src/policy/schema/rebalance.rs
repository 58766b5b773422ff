//! `moves` of kind `Rebalance`: what may be moved where, and how often.

use crate::policy::number::Number;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::json_schema::ShareAboveNone;
use crate::policy::quantity::{DAY, MINUTE, Percent, Period};
use crate::policy::rules::Movable;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Moves {
    pub what: Movable,
    #[schemars(range(min = 1))]
    #[serde(rename = "maxMoves")]
    pub most: Spanned<Number<u32>>,
    pub per: Spanned<Period<MINUTE, DAY>>,
    /// Nothing is moved for less.
    #[schemars(with = "ShareAboveNone")]
    pub min_gain: Spanned<Percent>,
}
