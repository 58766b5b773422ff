//! `moves` of kind `Rebalance`: what may be moved where, and how often.

use serde::Deserialize;
use serde_yaml::Spanned;

use crate::policy::quantity::{Percent, Period};
use crate::policy::rules::Movable;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Moves {
    pub what: Movable,
    #[serde(rename = "maxMoves")]
    pub most: Spanned<u32>,
    pub per: Spanned<Period>,
    /// Nothing is moved for less.
    pub min_gain: Spanned<Percent>,
}
