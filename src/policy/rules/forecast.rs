//! The rules of kind `Forecast`: a trend under a name, and what it must prove.

use std::time::Duration;

use crate::policy::question::Question;

#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    pub question: Question,
    pub horizon: Duration,
    pub backtest: Duration,
    /// 0.2 is 20 %.
    pub max_relative_error: f64,
    pub min_history: Duration,
    pub publish_as: String,
}
