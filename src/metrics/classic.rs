//! The classic Prometheus text format 0.0.4, which `prometheus-client` does not write.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt;
use std::fmt::Write as _;

use super::family::{Family, Kind, SampleWriter, Samples};
use super::label::Label;
use super::line;
use super::snapshot::Snapshot;
use super::value::Value;

pub(super) fn write(snapshot: &Snapshot, out: &mut String) -> fmt::Result {
    for (_, family) in super::families_of(snapshot) {
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
        line::push(self.out, self.family, labels, value)
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
}
