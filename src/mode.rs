//! How far one may go: the policy says it for itself, the operator for the whole node, and the lower of both holds.

use serde::Deserialize;

/// In a policy file: `disabled`, `dryRun`, `enforce`. On the command line and in metrics: `off`, `dry-run`, `enforce`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, schemars::JsonSchema, clap::ValueEnum,
)]
pub enum Mode {
    /// Observe: publish metrics, decide nothing
    #[serde(rename = "disabled")]
    Off,
    /// Decide and say what would be done, write nothing
    #[serde(rename = "dryRun")]
    DryRun,
    /// Decide and act
    #[serde(rename = "enforce")]
    Enforce,
}

impl Mode {
    pub const ALL: [Self; 3] = [Self::Off, Self::DryRun, Self::Enforce];

    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::DryRun => "dry-run",
            Self::Enforce => "enforce",
        }
    }
}
