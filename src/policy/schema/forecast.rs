//! Kind `Forecast`: a trend under a name, which must prove itself before anybody may act on it.

use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Control, Signal};
use crate::policy::json_schema::ShareAboveNone;
use crate::policy::quantity::{DAY, HOUR, MINUTE, Percent, Period};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForecastSpec {
    #[serde(default)]
    pub control: Control,
    #[schemars(extend("properties" = json!({"local": false}), "errorMessage" = "a gauge of this moment looks ahead at nothing"))]
    pub signal: Spanned<Signal>,
    /// How far it looks ahead.
    pub horizon: Spanned<Period<MINUTE, { 30 * DAY }>>,
    pub accept: Accept,
    /// Under which name other policies and Prometheus see it.
    #[schemars(extend("pattern" = "^plotwarden_forecast_[a-z0-9_]*$", "errorMessage" = "write a name such as `plotwarden_forecast_temp_free_bytes`"))]
    pub publish_as: Spanned<String>,
}

/// Outside of these bounds the forecast is missing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Accept {
    /// How far back it is tried.
    pub backtest: Spanned<Period<HOUR, { 30 * DAY }>>,
    #[schemars(with = "ShareAboveNone")]
    pub max_relative_error: Spanned<Percent>,
    pub min_history: Spanned<Period<MINUTE, { 30 * DAY }>>,
}
