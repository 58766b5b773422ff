//! Function calls, by the shape of what the function does.

use super::error::EvalError;
use super::expression::{Evaluator, misplaced};
use super::grid::Grid;
use super::select::Pick;
use super::series::{Column, Evaluated, Series, merged};
use crate::promql::answer::Severity;
use crate::promql::calc::rank::{Order, compare};
use crate::promql::calc::{CivilTime, seconds};
use crate::promql::labels::Labels;
use crate::promql::syntax::{Action, Call, Expr, ExprKind, Span, ValueType};

impl Evaluator<'_> {
    pub fn call(&mut self, call: &Call, span: Span, grid: Grid) -> Result<Evaluated, EvalError> {
        // Each case is a call of its own: in here, their variables would add up to a deep stack where calls are nested.
        let vector = match call.function.action {
            Action::Constant(value) => return Ok(Evaluated::Scalar(vec![value; grid.count])),
            Action::Time => return Ok(Evaluated::Scalar(grid.times().map(seconds).collect())),
            Action::ToScalar => return self.only_value(arg(call, 0, span)?, grid),
            Action::ToVector => self.as_vector(call, span, grid),
            Action::Map(f) => self.map(arg(call, 0, span)?, span, grid, |_, value| Some(f(value))),
            Action::MapWith(f) => self.map_with(call, span, grid, f),
            Action::Calendar(f) => self.calendar(call, span, grid, f),
            Action::Window(f) => self.windows(call, span, grid, false, |window, _| Ok(f(window))),
            Action::Last => self.windows(call, span, grid, true, |window, _| Ok(Some(window.last().1))),
            Action::Counter(f) => self.counter(call, span, grid, f),
            Action::QuantileOverTime => self.quantile_over_time(call, span, grid),
            Action::PredictLinear => self.predict_linear(call, span, grid),
            Action::Smooth => self.smooth(call, span, grid),
            Action::Absent => self.absent(call, span, grid),
            Action::AbsentOverTime => self.absent_over_time(call, span, grid),
            Action::Timestamp => self.timestamp(arg(call, 0, span)?, span, grid),
            Action::Sort(order) => self.sorted(arg(call, 0, span)?, grid, order),
            Action::LabelReplace => self.label_replace(call, span, grid),
            Action::LabelJoin => self.label_join(call, span, grid),
            Action::HistogramQuantile => self.histogram_quantile(call, span, grid),
        };
        vector.map(Evaluated::Vector)
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

    fn map_with(
        &mut self,
        call: &Call,
        span: Span,
        grid: Grid,
        f: fn(f64, &[f64]) -> Option<f64>,
    ) -> Result<Vec<Series>, EvalError> {
        let args = self.scalars(call, grid)?;
        self.map(arg(call, 0, span)?, span, grid, |step, value| f(value, args.at(step)))
    }

    fn as_vector(&mut self, call: &Call, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let column = Column::full(self.scalar(arg(call, 0, span)?, grid)?);
        Ok(vec![Series { labels: Labels::default(), column }])
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

pub(super) fn missing(span: Span) -> EvalError {
    EvalError::data(span, "an argument is missing")
}
