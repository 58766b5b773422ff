//! `schedule`: the hours in which a policy applies.

use serde::Deserialize;
use serde_yaml::Spanned;

use crate::policy::quantity::Period;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// An IANA name such as `Europe/Paris`.
    pub timezone: Spanned<String>,
    pub windows: Vec<Spanned<Window>>,
}

/// From one time of day to another, on the next day if that is earlier.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// Days on which the window begins: `mon`, `mon-fri`; every day if none is named.
    #[serde(default)]
    pub days: Vec<Spanned<String>>,
    pub from: Spanned<String>,
    pub to: Spanned<String>,
    /// From its beginning until values that have a `from` have gone all the way.
    #[serde(default)]
    pub ramp_in: Option<Spanned<Period>>,
    /// Before its end.
    #[serde(default)]
    pub ramp_out: Option<Spanned<Period>>,
}
