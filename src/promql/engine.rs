//! The settings under which queries are parsed and answered, in one place so that both ends agree.

use super::Millis;

/// Which generation of Prometheus the answers equal. Read it from the server's build information when there is one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Semantics {
    /// 2.x: windows include their left end, `.` in a pattern does not match a line break, `atan2` keeps the metric name.
    #[default]
    V2,
    /// 3.x: windows exclude their left end, `rate` clamps its extrapolation before it looks for zero, numbers serve as
    /// durations (`x[300]`) and durations as numbers, names may be quoted.
    V3,
}

/// What one query may cost. Each limit has its own error, which names the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of query text.
    pub length: usize,
    /// Nesting of expressions.
    pub depth: usize,
    /// Series that one selector may match.
    pub series: usize,
    /// Steps of a range query.
    pub steps: usize,
    /// Samples read and points computed, summed over the whole query; 8 to 16 bytes of memory each.
    pub points: usize,
}

impl Default for Limits {
    /// What fits a machine that has other work to do: at most about 200 MB for a moment. Steps are limited as in Prometheus.
    fn default() -> Self {
        Self { length: 8192, depth: 200, series: 100_000, steps: 11_000, points: 20_000_000 }
    }
}

/// Parses and answers queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engine {
    pub semantics: Semantics,
    pub limits: Limits,
    /// How far back an instant selector looks for its newest sample.
    pub lookback: Millis,
    /// The step of a subquery that names none; in Prometheus the evaluation interval.
    pub default_step: Millis,
}

impl Default for Engine {
    fn default() -> Self {
        Self { semantics: Semantics::V2, limits: Limits::default(), lookback: 300_000, default_step: 60_000 }
    }
}
