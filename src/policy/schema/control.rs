//! `control`: how far a policy may go, and how much it weighs against others.

use crate::policy::number::Number;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::claim::Class;
use crate::mode::Mode;
use crate::policy::quantity::Canary;
use crate::policy::rules::OnExit;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Control {
    #[serde(default)]
    pub mode: Option<Spanned<Mode>>,
    #[serde(default)]
    pub class: Option<Class>,
    #[serde(default)]
    #[schemars(range(max = 1000))]
    pub priority: Option<Spanned<Number<u16>>>,
    #[serde(default)]
    pub on_exit: OnExit,
    /// The share of nodes or jobs that it applies to.
    #[serde(default)]
    pub canary: Option<Spanned<Canary>>,
}
