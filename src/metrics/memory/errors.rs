//! Errors that memory controllers have counted: a module that fails costs plots before it costs the machine.

use crate::metrics::family::{Family, Samples};
use crate::metrics::snapshot::Snapshot;

pub(in crate::metrics) const FAMILIES: &[Family] = &[
    Family::counter(
        "plotwarden_memory_errors_total",
        "Memory errors that the controller has corrected, or could not correct, since its driver was loaded.",
    )
    .by(&["controller", "kind"])
    .from("/sys/devices/system/edac/mc/mcN/ce_count, ue_count")
    .drawn(|s, out| {
        for controller in &s.world.host.memory_errors.controllers {
            let name = &controller.name;
            out.add([name.into(), "corrected".into()], controller.corrected);
            out.add([name.into(), "uncorrected".into()], controller.uncorrected);
        }
    }),
    Family::counter("plotwarden_memory_errors_unlocated_total", "Those of them whose module is not known.")
        .by(&["controller", "kind"])
        .from("/sys/devices/system/edac/mc/mcN/ce_noinfo_count, ue_noinfo_count")
        .drawn(|s, out| {
            for controller in &s.world.host.memory_errors.controllers {
                let name = &controller.name;
                out.add([name.into(), "corrected".into()], controller.corrected_unlocated);
                out.add([name.into(), "uncorrected".into()], controller.uncorrected_unlocated);
            }
        }),
    Family::counter(
        "plotwarden_memory_module_errors_total",
        "Memory errors by module, or by rank or row of chips where the driver knows no modules.",
    )
    .by(&["controller", "module", "locator", "kind"])
    .from("/sys/devices/system/edac/mc/mcN/dimmN, rankN or csrowN")
    .drawn(modules),
];

fn modules(s: &Snapshot, out: &mut Samples<'_>) {
    for controller in &s.world.host.memory_errors.controllers {
        for module in &controller.modules {
            let labels = |kind: &'static str| {
                [(&controller.name).into(), (&module.name).into(), module.label.as_deref().into(), kind.into()]
            };
            out.add(labels("corrected"), module.corrected);
            out.add(labels("uncorrected"), module.uncorrected);
        }
    }
}
