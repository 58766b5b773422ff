//! `place` of kind `Cpu`: on which CPUs and whose memory each plot runs.

use crate::policy::number::Number;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::rules::{PlacementMethod, PlacementUnit};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Placement {
    pub unit: PlacementUnit,
    #[serde(default)]
    pub method: PlacementMethod,
    /// A node with fewer CPUs takes no job.
    #[serde(default)]
    pub min_cpus: Option<Spanned<Number<u32>>>,
    /// CPUs of each node that no job gets, from its first one.
    #[serde(default)]
    pub reserve: Option<Spanned<Number<u32>>>,
}
