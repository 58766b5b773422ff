//! Kind `Forecast`: a trend under a name, which must prove itself before anybody may act on it.

use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Control, Signal};
use crate::policy::quantity::{Percent, Period};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForecastSpec {
    #[serde(default)]
    pub control: Control,
    pub signal: Spanned<Signal>,
    /// How far it looks ahead.
    pub horizon: Spanned<Period>,
    pub accept: Accept,
    /// Under which name other policies and Prometheus see it.
    #[schemars(extend("pattern" = "^plotwarden_forecast_[a-z0-9_]*$"))]
    pub publish_as: Spanned<String>,
}

/// Outside of these bounds the forecast is missing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Accept {
    /// How far back it is tried.
    pub backtest: Spanned<Period>,
    pub max_relative_error: Spanned<Percent>,
    pub min_history: Spanned<Period>,
}
