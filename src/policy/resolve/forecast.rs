//! Checks kind `Forecast`.

use super::findings::Findings;
use super::{behavior, signals};
use crate::policy::question::Asked;
use crate::policy::rule::Rule;
use crate::policy::rules::Forecast;
use crate::policy::schema::ForecastSpec;

pub fn forecast(spec: &ForecastSpec, findings: &mut Findings<'_>) -> Forecast {
    let question = signals::question(&spec.signal, findings);
    if !matches!(question.asked, Asked::Trend(_)) {
        findings.error(
            &spec.signal,
            "a gauge of this moment looks ahead at nothing",
            "write `promql: 'predict_linear(x[1h], 3600)'`",
        );
    }
    let name = &spec.publish_as;
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.value.starts_with("plotwarden_forecast_") || !name.value.chars().all(fine) {
        let hint = "write a name such as `plotwarden_forecast_temp_free_bytes`";
        findings.error(name, format!("`{}` is no name for a forecast", name.value), hint);
    }
    let horizon = findings.period(&spec.horizon);
    let backtest = findings.period(&spec.accept.backtest);
    if backtest < horizon {
        let hint = "try it over at least as long as it looks ahead";
        findings.error(&spec.accept.backtest, "within this time no forecast could come true", hint);
    }
    let problem = "`Forecast` is checked and explained, but nothing publishes it in this version";
    findings.warn_under(Rule::NotDecided, name, problem, "write the expression into the policy that acts by it");
    Forecast {
        question,
        horizon,
        backtest,
        max_relative_error: behavior::share(Some(&spec.accept.max_relative_error), 0.2, findings),
        min_history: findings.period(&spec.accept.min_history),
        publish_as: name.value.clone(),
    }
}
