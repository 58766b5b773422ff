//! The classic Prometheus text format 0.0.4, which `prometheus-client` does not write.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt;
use std::fmt::Write as _;

use super::family::{Family, Kind, SampleWriter, Samples};
use super::label::{Label, tame};
use super::snapshot::Snapshot;
use super::value::Value;

pub(super) fn write(snapshot: &Snapshot, out: &mut String) -> fmt::Result {
    for family in super::families_of(snapshot) {
        Samples::draw(family, snapshot, &mut FamilyWriter { family, out, open: false })?;
    }
    Ok(())
}

struct FamilyWriter<'o> {
    family: &'static Family,
    out: &'o mut String,
    /// The head has been written.
    open: bool,
}

impl SampleWriter for FamilyWriter<'_> {
    fn sample(&mut self, labels: &[Label<'_>], value: Value) -> fmt::Result {
        if !self.open {
            self.open = true;
            self.head()?;
        }
        self.out.push_str(self.family.name);
        self.labels(labels)?;
        match value {
            Value::Whole(number) => writeln!(self.out, " {number}"),
            Value::Real(number) => writeln!(self.out, " {number}"),
        }
    }
}

impl FamilyWriter<'_> {
    fn head(&mut self) -> fmt::Result {
        let Family { name, help, kind, .. } = self.family;
        // The classic format knows no info; there it is a gauge that is always 1.
        let kind = if *kind == Kind::Info { Kind::Gauge } else { *kind };
        writeln!(self.out, "# HELP {name} {help}")?;
        writeln!(self.out, "# TYPE {name} {}", kind.name())
    }

    fn labels(&mut self, values: &[Label<'_>]) -> fmt::Result {
        let mut separator = '{';
        for (name, value) in self.family.labels.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            self.out.push(separator);
            separator = ',';
            self.out.push_str(name);
            self.out.push_str("=\"");
            match value {
                Label::Text(text) => push_escaped(self.out, &tame(text)),
                Label::Number(number) => write!(self.out, "{number}")?,
            }
            self.out.push('"');
        }
        if separator == ',' {
            self.out.push('}');
        }
        Ok(())
    }
}

fn push_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '"', '\n']) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        out.push_str(match special.as_bytes()[0] {
            b'\\' => "\\\\",
            b'"' => "\\\"",
            _ => "\\n",
        });
        rest = &special[1..];
    }
    out.push_str(rest);
}
