//! The functions of PromQL: names, types, and what each one does, in one table.

use super::ast::ValueType::{self, Instant, Range, Scalar, Text};
use crate::promql::calc::rank::Order;
use crate::promql::calc::{CivilTime, Window};
use crate::promql::calc::{over_time, rate, regression, scale};
use crate::promql::storage::Summary;

#[derive(Debug)]
pub(in crate::promql) struct Function {
    pub name: &'static str,
    /// The types of the arguments, optional ones included.
    pub args: &'static [ValueType],
    /// How many arguments must be given.
    pub least: usize,
    /// Whether the last argument may be given again and again.
    pub repeats_last: bool,
    pub returns: ValueType,
    pub action: Action,
    /// What it is best told of times of which the samples themselves are gone.
    pub summary: Summary,
}

/// What a function does, by the shape of its evaluation.
#[derive(Debug, Clone, Copy)]
pub(in crate::promql) enum Action {
    /// Each value by itself.
    Map(fn(f64) -> f64),
    /// Each value with the scalar arguments; `None` drops it.
    MapWith(fn(f64, &[f64]) -> Option<f64>),
    /// Each value read as a Unix time; without argument, the time of the step.
    Calendar(fn(&CivilTime) -> f64),
    /// The samples of a range; `None` if they are too few.
    Window(fn(&Window<'_>) -> Option<f64>),
    /// The samples of a range that is expected to hold a counter.
    Counter(fn(&Window<'_>) -> Option<f64>),
    QuantileOverTime,
    PredictLinear,
    /// Double exponential smoothing.
    Smooth,
    /// As `Window`, but the result is still a sample of the metric and keeps its name.
    Last,
    Absent,
    AbsentOverTime,
    ToScalar,
    ToVector,
    Constant(f64),
    Time,
    Timestamp,
    Sort(Order),
    LabelReplace,
    LabelJoin,
    HistogramQuantile,
}

impl Function {
    pub fn find(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    /// Whether the result changes with the time of evaluation even if the arguments do not.
    pub fn depends_on_step(&self) -> bool {
        matches!(self.action, Action::Calendar(_) | Action::Time | Action::Timestamp | Action::PredictLinear)
    }

    const fn new(name: &'static str, args: &'static [ValueType], returns: ValueType, action: Action) -> Self {
        Self { name, args, least: args.len(), repeats_last: false, returns, action, summary: Summary::Mean }
    }

    const fn at_least(self, least: usize) -> Self {
        Self { least, ..self }
    }

    const fn told(self, summary: Summary) -> Self {
        Self { summary, ..self }
    }

    const fn repeating_last(self, least: usize) -> Self {
        Self { least, repeats_last: true, ..self }
    }
}

const fn map(name: &'static str, f: fn(f64) -> f64) -> Function {
    Function::new(name, &[Instant], Instant, Action::Map(f))
}

const fn date(name: &'static str, f: fn(&CivilTime) -> f64) -> Function {
    Function::new(name, &[Instant], Instant, Action::Calendar(f)).at_least(0)
}

const fn window(name: &'static str, f: fn(&Window<'_>) -> Option<f64>) -> Function {
    Function::new(name, &[Range], Instant, Action::Window(f))
}

const fn counter(name: &'static str, f: fn(&Window<'_>) -> Option<f64>) -> Function {
    Function::new(name, &[Range], Instant, Action::Counter(f)).told(Summary::Most)
}

static FUNCTIONS: &[Function] = &[
    map("abs", f64::abs),
    Function::new("absent", &[Instant], Instant, Action::Absent),
    Function::new("absent_over_time", &[Range], Instant, Action::AbsentOverTime),
    map("acos", f64::acos),
    map("acosh", f64::acosh),
    map("asin", f64::asin),
    map("asinh", f64::asinh),
    map("atan", f64::atan),
    map("atanh", f64::atanh),
    window("avg_over_time", over_time::avg),
    map("ceil", f64::ceil),
    window("changes", over_time::changes),
    Function::new("clamp", &[Instant, Scalar, Scalar], Instant, Action::MapWith(scale::clamp)),
    Function::new("clamp_max", &[Instant, Scalar], Instant, Action::MapWith(scale::clamp_max)),
    Function::new("clamp_min", &[Instant, Scalar], Instant, Action::MapWith(scale::clamp_min)),
    map("cos", f64::cos),
    map("cosh", f64::cosh),
    window("count_over_time", over_time::count),
    date("day_of_month", CivilTime::day_of_month),
    date("day_of_week", CivilTime::day_of_week),
    date("day_of_year", CivilTime::day_of_year),
    date("days_in_month", CivilTime::days_in_month),
    map("deg", scale::degrees),
    window("delta", rate::delta),
    window("deriv", regression::deriv),
    smoothing("double_exponential_smoothing"),
    map("exp", f64::exp),
    map("floor", f64::floor),
    Function::new("histogram_quantile", &[Scalar, Instant], Instant, Action::HistogramQuantile),
    smoothing("holt_winters"),
    date("hour", CivilTime::hour),
    window("idelta", rate::idelta),
    counter("increase", rate::increase),
    counter("irate", rate::irate),
    Function::new("label_join", &[Instant, Text, Text, Text], Instant, Action::LabelJoin).repeating_last(3),
    Function::new("label_replace", &[Instant, Text, Text, Text, Text], Instant, Action::LabelReplace),
    Function::new("last_over_time", &[Range], Instant, Action::Last),
    map("ln", f64::ln),
    map("log10", f64::log10),
    map("log2", f64::log2),
    window("max_over_time", over_time::max).told(Summary::Most),
    window("min_over_time", over_time::min).told(Summary::Least),
    date("minute", CivilTime::minute),
    date("month", CivilTime::month),
    Function::new("pi", &[], Scalar, Action::Constant(std::f64::consts::PI)),
    Function::new("predict_linear", &[Range, Scalar], Instant, Action::PredictLinear),
    window("present_over_time", over_time::present),
    Function::new("quantile_over_time", &[Scalar, Range], Instant, Action::QuantileOverTime),
    map("rad", scale::radians),
    counter("rate", rate::rate),
    window("resets", over_time::resets).told(Summary::Most),
    Function::new("round", &[Instant, Scalar], Instant, Action::MapWith(scale::round)).at_least(1),
    Function::new("scalar", &[Instant], Scalar, Action::ToScalar),
    map("sgn", scale::sign),
    map("sin", f64::sin),
    map("sinh", f64::sinh),
    Function::new("sort", &[Instant], Instant, Action::Sort(Order::Ascending)),
    Function::new("sort_desc", &[Instant], Instant, Action::Sort(Order::Descending)),
    map("sqrt", f64::sqrt),
    window("stddev_over_time", over_time::stddev),
    window("stdvar_over_time", over_time::stdvar),
    window("sum_over_time", over_time::sum),
    map("tan", f64::tan),
    map("tanh", f64::tanh),
    Function::new("time", &[], Scalar, Action::Time),
    Function::new("timestamp", &[Instant], Instant, Action::Timestamp),
    Function::new("vector", &[Scalar], Instant, Action::ToVector),
    date("year", CivilTime::year),
];

/// Known under one name in 2.x and under another in 3.x; here both are understood.
const fn smoothing(name: &'static str) -> Function {
    Function::new(name, &[Range, Scalar, Scalar], Instant, Action::Smooth)
}

/// Why a name that some Prometheus knows is refused here; `None` for all others.
pub(super) fn refusal(name: &str) -> Option<String> {
    const NATIVE: &[&str] = &[
        "histogram_avg",
        "histogram_count",
        "histogram_fraction",
        "histogram_quantiles",
        "histogram_stddev",
        "histogram_stdvar",
        "histogram_sum",
    ];
    const EXPERIMENTAL: &[&str] = &[
        "fill",
        "fill_left",
        "fill_right",
        "first_over_time",
        "info",
        "integral",
        "limit_ratio",
        "limitk",
        "mad_over_time",
        "max_of",
        "min_of",
        "range",
        "sort_by_label",
        "sort_by_label_desc",
        "start_timestamp",
        "step",
        "ts_of_first_over_time",
        "ts_of_last_over_time",
        "ts_of_max_over_time",
        "ts_of_min_over_time",
    ];
    if NATIVE.contains(&name) {
        return Some(format!("`{name}` is about native histograms, which are not supported"));
    }
    EXPERIMENTAL.contains(&name).then(|| too_new(&format!("`{name}`")))
}

/// What 3.x tries out, or has tried out.
pub(super) fn too_new(what: &str) -> String {
    format!("{what} is or was experimental in Prometheus 3.x and not supported")
}
