//! Function calls, by the shape of what the function does.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::EvalError;
use super::expression::{Evaluator, misplaced};
use super::grid::Grid;
use super::select::Pick;
use super::series::{Column, Evaluated, Series, merged};
use crate::promql::answer::Severity;
use crate::promql::calc::rank::{Order, compare};
use crate::promql::calc::regression::{predict_linear, smooth};
use crate::promql::calc::{CivilTime, Window, over_time, seconds};
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::syntax::{Action, Call, Expr, ExprKind, MatchOp, Span, ValueType};

impl Evaluator<'_> {
    pub fn call(&mut self, call: &Call, span: Span, grid: Grid) -> Result<Evaluated, EvalError> {
        let vector = match call.function.action {
            Action::Constant(value) => return Ok(Evaluated::Scalar(vec![value; grid.count])),
            Action::Time => return Ok(Evaluated::Scalar(grid.times().map(seconds).collect())),
            Action::ToScalar => return self.only_value(arg(call, 0, span)?, grid),
            Action::ToVector => {
                let column = Column::full(self.scalar(arg(call, 0, span)?, grid)?);
                vec![Series { labels: Labels::default(), column }]
            }
            Action::Map(f) => self.map(arg(call, 0, span)?, span, grid, |_, value| Some(f(value)))?,
            Action::MapWith(f) => {
                let args = self.scalars(call, grid)?;
                self.map(arg(call, 0, span)?, span, grid, |step, value| f(value, args.at(step)))?
            }
            Action::Calendar(f) => self.calendar(call, span, grid, f)?,
            Action::Window(f) => self.windows(call, span, grid, false, |window, _| Ok(f(window)))?,
            Action::Last => self.windows(call, span, grid, true, |window, _| Ok(Some(window.last().1)))?,
            Action::Counter(f) => {
                let range = self.range_vector(arg(call, 0, span)?, grid)?;
                self.doubt_counter(&range.series, span);
                self.over_windows(range, span, grid, false, |window, _| Ok(f(window)))?
            }
            Action::QuantileOverTime => {
                let quantiles = self.scalar(arg(call, 0, span)?, grid)?;
                self.doubt_quantile(&quantiles, span);
                self.windows(call, span, grid, false, |window, step| Ok(over_time::quantile(window, quantiles[step])))?
            }
            Action::PredictLinear => {
                let ahead = self.scalar(arg(call, 1, span)?, grid)?;
                self.windows(call, span, grid, false, |window, step| Ok(predict_linear(window, ahead[step])))?
            }
            Action::Smooth => {
                let level = self.scalar(arg(call, 1, span)?, grid)?;
                let trend = self.scalar(arg(call, 2, span)?, grid)?;
                self.windows(call, span, grid, false, |window, step| smooth(window, level[step], trend[step]))?
            }
            Action::Absent => {
                let found = self.vector(arg(call, 0, span)?, grid)?;
                absent(&found, arg(call, 0, span)?, grid)
            }
            Action::AbsentOverTime => {
                let expr = arg(call, 0, span)?;
                let range = self.range_vector(expr, grid)?;
                // Names are kept: series that differ in nothing else are not in each other's way here.
                let found = self.over_windows(range, span, grid, true, |_, _| Ok(Some(1.0)))?;
                absent(&found, expr, grid)
            }
            Action::Timestamp => self.timestamp(arg(call, 0, span)?, span, grid)?,
            Action::Sort(order) => self.sorted(arg(call, 0, span)?, grid, order)?,
            Action::LabelReplace => self.label_replace(call, span, grid)?,
            Action::LabelJoin => self.label_join(call, span, grid)?,
            Action::HistogramQuantile => self.histogram_quantile(call, span, grid)?,
        };
        Ok(Evaluated::Vector(vector))
    }

    /// Applies `f` to each value; the metric name goes.
    pub fn map(
        &mut self,
        expr: &Expr,
        span: Span,
        grid: Grid,
        mut f: impl FnMut(usize, f64) -> Option<f64>,
    ) -> Result<Vec<Series>, EvalError> {
        let mut series = self.vector(expr, grid)?;
        for one in &mut series {
            self.budget.worked(grid.count)?;
            one.labels = one.labels.without_name();
            one.column.update(&mut f);
        }
        merged(series, span)
    }

    fn windows(
        &mut self,
        call: &Call,
        span: Span,
        grid: Grid,
        keep_name: bool,
        f: impl Fn(&Window<'_>, usize) -> Result<Option<f64>, String>,
    ) -> Result<Vec<Series>, EvalError> {
        let expr = call.args.iter().find(|arg| arg.value_type() == ValueType::Range).ok_or_else(|| missing(span))?;
        let range = self.range_vector(expr, grid)?;
        self.over_windows(range, span, grid, keep_name, f)
    }

    /// The scalar arguments of a call, for every step.
    fn scalars(&mut self, call: &Call, grid: Grid) -> Result<ScalarArgs, EvalError> {
        let scalars = call.args.iter().filter(|arg| arg.value_type() == ValueType::Scalar);
        let columns: Vec<Vec<f64>> = scalars.map(|arg| self.scalar(arg, grid)).collect::<Result<_, _>>()?;
        let values = (0..grid.count).flat_map(|step| columns.iter().map(move |column| column[step]));
        Ok(ScalarArgs { values: values.collect(), width: columns.len() })
    }

    /// The value of the only element; NaN if there is none, or more than one.
    fn only_value(&mut self, expr: &Expr, grid: Grid) -> Result<Evaluated, EvalError> {
        let mut found: Vec<(u8, f64)> = vec![(0, f64::NAN); grid.count];
        for one in self.vector(expr, grid)? {
            for (step, value) in one.column.present() {
                found[step] = (found[step].0.saturating_add(1), value);
            }
        }
        let only = |(elements, value)| if elements == 1 { value } else { f64::NAN };
        Ok(Evaluated::Scalar(found.into_iter().map(only).collect()))
    }

    fn calendar(
        &mut self,
        call: &Call,
        span: Span,
        grid: Grid,
        f: fn(&CivilTime) -> f64,
    ) -> Result<Vec<Series>, EvalError> {
        let field = |time: f64| CivilTime::from_unix(time).map_or(f64::NAN, |time| f(&time));
        if let Some(expr) = call.args.first() {
            return self.map(expr, span, grid, |_, value| Some(field(value)));
        }
        let column = Column::full(grid.times().map(|at| field(seconds(at))).collect());
        Ok(vec![Series { labels: Labels::default(), column }])
    }

    /// Of a selector, when the sample was taken; of anything else, the time of the step.
    fn timestamp(&mut self, expr: &Expr, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let inner = expr.bare();
        let ExprKind::Instant(selector) = &inner.kind else {
            let times: Vec<f64> = grid.times().map(seconds).collect();
            return self.map(expr, span, grid, |step, _| times.get(step).copied());
        };
        let mut series = self.instant(selector, inner.span, grid, Pick::Seconds)?;
        for one in &mut series {
            one.labels = one.labels.without_name();
        }
        merged(series, span)
    }

    /// By value if there is a single step; the rows of a range query are sorted by labels whatever was asked.
    fn sorted(&mut self, expr: &Expr, grid: Grid, order: Order) -> Result<Vec<Series>, EvalError> {
        let mut series = self.vector(expr, grid)?;
        if grid.count == 1 {
            let value = |one: &Series| one.column.get(0).unwrap_or(f64::NAN);
            series.sort_by(|a, b| compare(value(a), value(b), order));
        }
        Ok(series)
    }

    pub fn text(&mut self, expr: &Expr) -> Result<String, EvalError> {
        match self.eval(expr, Grid::instant(0))? {
            Evaluated::Text(text) => Ok(text),
            Evaluated::Scalar(_) | Evaluated::Vector(_) => Err(misplaced(expr)),
        }
    }

    pub fn doubt_quantile(&mut self, values: &[f64], span: Span) {
        if let Some(value) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            let message = format!("a quantile lies between 0 and 1; this one is {value}");
            self.reports.note(Severity::Warning, span, message);
        }
    }
}

/// The arguments of the first step, then those of the second, and so on.
struct ScalarArgs {
    values: Vec<f64>,
    width: usize,
}

impl ScalarArgs {
    fn at(&self, step: usize) -> &[f64] {
        &self.values[step * self.width..][..self.width]
    }
}

pub(super) fn arg(call: &Call, nth: usize, span: Span) -> Result<&Expr, EvalError> {
    call.args.get(nth).ok_or_else(|| missing(span))
}

fn missing(span: Span) -> EvalError {
    EvalError::data(span, "an argument is missing")
}

/// One element, 1, at the steps where nothing was found. Its labels are those that the selector asks for by `=`.
fn absent(found: &[Series], expr: &Expr, grid: Grid) -> Vec<Series> {
    let mut absent = vec![true; grid.count];
    for (step, _) in found.iter().flat_map(|one| one.column.present()) {
        absent[step] = false;
    }
    let column = Column::from_options(absent.into_iter().map(|absent| absent.then_some(1.0)));
    if column.is_empty() { Vec::new() } else { vec![Series { labels: labels_asked_for(expr), column }] }
}

fn labels_asked_for(expr: &Expr) -> Labels {
    let matchers = match &expr.bare().kind {
        ExprKind::Instant(selector) | ExprKind::Range(selector, _) => selector.matchers.as_slice(),
        _ => &[],
    };
    // A label asked for more than once has no single value; it is left out.
    let mut values: HashMap<&Arc<str>, Option<&Arc<str>>> = HashMap::new();
    for matcher in matchers.iter().filter(|matcher| &*matcher.name != METRIC_NAME) {
        let value = (matcher.op == MatchOp::Equal && !values.contains_key(&matcher.name)).then_some(&matcher.value);
        values.insert(&matcher.name, value);
    }
    let asked = values.into_iter().filter_map(|(name, value)| Some((Arc::clone(name), Arc::clone(value?))));
    Labels::from_pairs(asked)
}
