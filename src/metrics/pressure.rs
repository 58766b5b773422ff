//! Pressure stall information of the machine, of all jobs together, and of each job's own group.

use crate::pressure::{Pressure, PressureSet, Resource, Stall};
use crate::units::Ratio;

use super::family::Family;
use super::label::Label;
use super::snapshot::Snapshot;

const MACHINE: &str = "/proc/pressure, or the group of all jobs";
const GROUP: &str = "cpu.pressure, memory.pressure, io.pressure of the job's group";

pub(super) const FAMILIES: &[Family] = &[
    Family::counter(
        "plotwarden_pressure_waiting_seconds_total",
        "Time in which some or all tasks waited for the resource; scope machine, or jobs: all jobs together.",
    )
    .by(&["scope", "resource", "kind"])
    .from(MACHINE)
    .drawn(|s, out| {
        scopes(s, |scope, set| {
            waiting(set, |resource, kind, stall| {
                out.add([scope.into(), resource, kind], stall.total);
            });
        });
    }),
    Family::gauge(
        "plotwarden_pressure_ratio",
        "Share of the window in which some or all tasks waited for the resource.",
    )
    .by(&["scope", "resource", "kind", "window"])
    .from(MACHINE)
    .drawn(|s, out| {
        scopes(s, |scope, set| {
            waiting(set, |resource, kind, stall| {
                for (window, share) in windows(stall) {
                    out.add([scope.into(), resource, kind, window], share);
                }
            });
        });
    }),
    Family::gauge(
        "plotwarden_pressure_state",
        "1 for whether the machine's pressure is measured; disabled is mended by the boot option psi=1.",
    )
    .by(&["resource", "state"])
    .from(MACHINE)
    .drawn(|s, out| {
        for resource in Resource::ALL {
            let is = s.world.host.pressure.of(resource).name();
            for state in STATES {
                out.add([resource.name().into(), state.into()], state == is);
            }
        }
    }),
    Family::counter(
        "plotwarden_job_pressure_waiting_seconds_total",
        "Time in which some or all tasks of the job's group waited; no sample if it shares its group with strangers.",
    )
    .by(&["job_id", "resource", "kind"])
    .from(GROUP)
    .drawn(|s, out| {
        jobs(s, |id, set| {
            waiting(set, |resource, kind, stall| {
                out.add([id, resource, kind], stall.total);
            });
        });
    }),
    Family::gauge(
        "plotwarden_job_pressure_ratio",
        "Share of the window in which some or all tasks of the job's group waited for the resource.",
    )
    .by(&["job_id", "resource", "kind", "window"])
    .from(GROUP)
    .drawn(|s, out| {
        jobs(s, |id, set| {
            waiting(set, |resource, kind, stall| {
                for (window, share) in windows(stall) {
                    out.add([id, resource, kind, window], share);
                }
            });
        });
    }),
];

const STATES: [&str; 4] = ["measured", "disabled", "absent", "unreadable"];

fn windows(stall: &Stall) -> [(Label<'static>, Ratio); 3] {
    [("10s".into(), stall.avg10), ("60s".into(), stall.avg60), ("300s".into(), stall.avg300)]
}

fn scopes(s: &Snapshot, mut each: impl FnMut(&'static str, &PressureSet)) {
    each("machine", &s.world.host.pressure);
    if let Some(set) = &s.world.host.jobs_pressure {
        each("jobs", set);
    }
}

fn jobs(s: &Snapshot, mut each: impl FnMut(Label<'_>, &PressureSet)) {
    for view in &s.world.jobs {
        if let Some(set) = &view.sample.pressure {
            each(view.job.id.as_str().into(), set);
        }
    }
}

/// Calls `each` with the resource, `some` or `full`, and the stall, for everything in the set that is measured.
fn waiting(set: &PressureSet, mut each: impl FnMut(Label<'static>, Label<'static>, &Stall)) {
    for resource in Resource::ALL {
        if let Some(Pressure { some, full }) = set.of(resource).measured() {
            each(resource.name().into(), "some".into(), some);
            if let Some(full) = full {
                each(resource.name().into(), "full".into(), full);
            }
        }
    }
}
