//! `schedule`: the hours in which a policy applies.

use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::policy::quantity::{HOUR, Period};

/// In quotes: `'17:00'`.
const TIME_OF_DAY: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$";
const DAYS: &str = r"^\s*(mon|tue|wed|thu|fri|sat|sun)\s*(-\s*(mon|tue|wed|thu|fri|sat|sun)\s*)?$";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// An IANA name such as `Europe/Paris`.
    pub timezone: Spanned<String>,
    #[schemars(length(min = 1))]
    pub windows: Vec<Spanned<Window>>,
}

/// From one time of day to another, on the next day if that is earlier.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// Days on which the window begins: `mon`, `mon-fri`; every day if none is named.
    #[serde(default)]
    #[schemars(extend("items" = json!({"type": "string", "pattern": DAYS, "errorMessage": "write days such as `mon` or `mon-fri`"})))]
    pub days: Vec<Spanned<String>>,
    #[schemars(extend("pattern" = TIME_OF_DAY, "errorMessage" = "write hours and minutes in quotes, such as '17:00'"))]
    pub from: Spanned<String>,
    #[schemars(extend("pattern" = TIME_OF_DAY, "errorMessage" = "write hours and minutes in quotes, such as '17:00'"))]
    pub to: Spanned<String>,
    /// From its beginning until values that have a `from` have gone all the way.
    #[serde(default)]
    pub ramp_in: Option<Spanned<Period<0, { 12 * HOUR }>>>,
    /// Before its end.
    #[serde(default)]
    pub ramp_out: Option<Spanned<Period<0, { 12 * HOUR }>>>,
}
