//! Writes a tree back as text, in the form that Prometheus itself writes.

use std::fmt::{self, Display, Formatter};

use super::ast::{Aggregate, Anchor, Binary, Cardinality, Expr, ExprKind, Grouping, Sign, VectorSelector, When};
use super::duration::format_duration;
use super::literal::quote;
use crate::promql::Millis;
use crate::promql::calc::seconds;
use crate::promql::labels::{METRIC_NAME, is_label_name};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) => write_number(f, *number),
            ExprKind::Text(text) => f.write_str(&quote(text)),
            ExprKind::Instant(selector) => write!(f, "{selector}{}", selector.when),
            ExprKind::Range(selector, range) => {
                write!(f, "{selector}[{}]{}", format_duration(*range), selector.when)
            }
            ExprKind::Subquery(subquery) => {
                let step = subquery.step.map(format_duration).unwrap_or_default();
                write!(f, "{}[{}:{step}]{}", subquery.expr, format_duration(subquery.range), subquery.when)
            }
            ExprKind::Paren(inner) => write!(f, "({inner})"),
            ExprKind::Signed(Sign::Minus, inner) => write!(f, "-{inner}"),
            ExprKind::Signed(Sign::Plus, inner) => write!(f, "+{inner}"),
            ExprKind::Binary(binary) => write!(f, "{binary}"),
            ExprKind::Aggregate(aggregate) => write!(f, "{aggregate}"),
            ExprKind::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                write_list(f, &call.args)?;
                write!(f, ")")
            }
        }
    }
}

fn write_list<T: Display>(f: &mut Formatter<'_>, items: impl IntoIterator<Item = T>) -> fmt::Result {
    for (nth, item) in items.into_iter().enumerate() {
        write!(f, "{}{item}", if nth == 0 { "" } else { ", " })?;
    }
    Ok(())
}

fn write_names(f: &mut Formatter<'_>, names: &[String]) -> fmt::Result {
    write!(f, "(")?;
    write_list(f, names.iter().map(|name| if is_label_name(name) { name.clone() } else { quote(name) }))?;
    write!(f, ")")
}

fn write_number(f: &mut Formatter<'_>, number: f64) -> fmt::Result {
    if number.is_infinite() {
        return f.write_str(if number > 0.0 { "Inf" } else { "-Inf" });
    }
    write!(f, "{number}")
}

fn is_metric_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let named = self.name.as_deref();
        let plain = named.filter(|name| is_metric_name(name));
        f.write_str(plain.unwrap_or_default())?;
        let quoted = named.filter(|_| plain.is_none()).map(quote);
        let conditions = self.matchers.iter().filter(|matcher| named.is_none() || &*matcher.name != METRIC_NAME);
        let mut conditions: Vec<String> = conditions.map(ToString::to_string).collect();
        conditions.sort();
        let inside: Vec<String> = quoted.into_iter().chain(conditions).collect();
        if inside.is_empty() {
            return Ok(());
        }
        write!(f, "{{{}}}", inside.join(","))
    }
}

impl Display for When {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.at {
            None => {}
            Some(Anchor::Time(time)) => write!(f, " @ {:.3}", seconds(time))?,
            Some(Anchor::Start) => write!(f, " @ start()")?,
            Some(Anchor::End) => write!(f, " @ end()")?,
        }
        match self.offset {
            None => Ok(()),
            Some(offset) => write_offset(f, offset),
        }
    }
}

fn write_offset(f: &mut Formatter<'_>, offset: Millis) -> fmt::Result {
    let sign = if offset < 0 { "-" } else { "" };
    write!(f, " offset {sign}{}", format_duration(offset.abs()))
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.left, self.op.text())?;
        if self.returns_bool {
            write!(f, " bool")?;
        }
        let matching = &self.matching;
        if matching.on || !matching.labels.is_empty() || matching.cardinality != Cardinality::OneToOne {
            write!(f, " {} ", if matching.on { "on" } else { "ignoring" })?;
            write_names(f, &matching.labels)?;
        }
        match matching.cardinality {
            Cardinality::OneToOne => {}
            Cardinality::ManyToOne => write!(f, " group_left ")?,
            Cardinality::OneToMany => write!(f, " group_right ")?,
        }
        if matching.cardinality != Cardinality::OneToOne {
            write_names(f, &matching.include)?;
        }
        write!(f, " {}", self.right)
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.op.text())?;
        match &self.grouping {
            Grouping::By(names) if names.is_empty() => {}
            Grouping::By(names) => {
                write!(f, " by ")?;
                write_names(f, names)?;
                write!(f, " ")?;
            }
            Grouping::Without(names) => {
                write!(f, " without ")?;
                write_names(f, names)?;
                write!(f, " ")?;
            }
        }
        write!(f, "(")?;
        write_list(f, self.parameter.iter().chain([&self.expr]))?;
        write!(f, ")")
    }
}
