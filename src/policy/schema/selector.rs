//! `selector`: which jobs a policy is about.

use serde::Deserialize;
use serde_yaml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    pub jobs: JobSelector,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobSelector {
    #[serde(rename = "role")]
    _role: Role,
    #[serde(default)]
    pub plotter: Vec<String>,
    #[serde(default)]
    pub owner: Vec<String>,
    #[serde(default)]
    pub temp_dir: Vec<Spanned<String>>,
    #[serde(default)]
    pub final_dir: Vec<Spanned<String>>,
    #[serde(default)]
    pub k: Vec<u8>,
}

/// What jobs are; so far all that are recognised make plots.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    Plotter,
}
