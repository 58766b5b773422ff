//! `selector`: which jobs a policy is about.

use crate::policy::number::Number;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    pub jobs: JobSelector,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobSelector {
    #[serde(rename = "role")]
    _role: Role,
    #[serde(default)]
    pub plotter: Vec<String>,
    #[serde(default)]
    pub owner: Vec<String>,
    #[serde(default)]
    #[schemars(extend("items" = json!({"type": "string", "pattern": "^/", "errorMessage": "write a directory from `/`, such as `/mnt/ssd*`"})))]
    pub temp_dir: Vec<Spanned<String>>,
    #[serde(default)]
    #[schemars(extend("items" = json!({"type": "string", "pattern": "^/", "errorMessage": "write a directory from `/`, such as `/mnt/ssd*`"})))]
    pub final_dir: Vec<Spanned<String>>,
    #[serde(default)]
    pub k: Vec<Number<u8>>,
}

/// What jobs are; so far all that are recognised make plots.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    Plotter,
}
