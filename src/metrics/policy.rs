//! What the policies see and decide: signals with their ages, severity, cause, strategy, admission and claims.

use crate::decide::{ALERTS, Cause, Decision, Strategy};

use super::family::{Family, Samples};
use super::label::Label;
use super::snapshot::Snapshot;
use super::value::Fact;
use crate::mode::Mode;

const DECISION: &str = "last decision of the policy";

pub(super) const FAMILIES: &[Family] = &[
    Family::info(
        "plotwarden_policy_info",
        "Policies in force, with the mode in which they work and a hash of their text.",
    )
    .by(&["policy", "kind", "mode", "hash"])
    .from("policies")
    .drawn(|s, out| {
        for policy in &s.policies {
            out.fact([(&*policy.name).into(), policy.kind.into(), policy.mode.name().into(), (&*policy.hash).into()]);
        }
    }),
    Family::gauge(
        "plotwarden_policies_last_reload_successful",
        "1 if the last attempt to load the policies succeeded; 0 while the last good set stays in force instead.",
    )
    .from("policies")
    .drawn(|s, out| out.one(s.reload.error.is_none())),
    Family::gauge(
        "plotwarden_policies_last_reload_success_timestamp_seconds",
        "When the policies in force were loaded.",
    )
    .from("policies")
    .drawn(|s, out| out.one(s.reload.succeeded_at)),
    Family::info(
        "plotwarden_policies_commit_info",
        "Commit that was checked out when the policies in force were read, for paths in a git work tree; changes of the files that are not committed do not show.",
    )
    .by(&["path", "commit"])
    .from("policies")
    .drawn(|s, out| {
        for commit in &s.reload.commits {
            let path = commit.path.to_string_lossy();
            out.fact([(&*path).into(), (&commit.id).into()]);
        }
    }),
    Family::gauge("plotwarden_signal_value", "What the policy saw of the signal; no sample if it is missing.")
        .by(&["policy", "signal"])
        .from(DECISION)
        .drawn(|s, out| inputs(s, out, |input| input.value)),
    Family::gauge("plotwarden_signal_age_seconds", "Age of the signal when the policy saw it.")
        .by(&["policy", "signal"])
        .from(DECISION)
        .drawn(|s, out| inputs(s, out, |input| input.age)),
    Family::counter("plotwarden_signal_missing_total", "Ticks in which the signal was missing.")
        .by(&["policy", "signal"])
        .from("decisions")
        .drawn(|s, out| {
            for ((policy, signal), &count) in &s.counters.signals_missing {
                out.add([policy.into(), signal.into()], count);
            }
        }),
    Family::counter(
        "plotwarden_signal_queries_total",
        "PromQL questions asked for signals, by who was asked and what came of it.",
    )
    .by(&["source", "outcome"])
    .from("signals")
    .drawn(|s, out| {
        for (&(source, outcome), &count) in &s.counters.queries.queries {
            out.add([source.into(), outcome.name().into()], count);
        }
    }),
    Family::counter(
        "plotwarden_signal_query_duration_seconds_total",
        "Time spent waiting for answers to PromQL signals; nothing else waits for them.",
    )
    .by(&["source"])
    .from("signals")
    .drawn(|s, out| {
        for (&source, &time) in &s.counters.queries.time {
            out.add([source.into()], time);
        }
    }),
    Family::gauge(
        "plotwarden_contention_severity",
        "Contention of a resource as the policy judges it: 0 none, 1 the worst.",
    )
    .by(&["policy", "resource"])
    .from(DECISION)
    .drawn(|s, out| {
        decisions(s, |policy, decision| {
            for (resource, severity) in &decision.severities {
                out.add([policy, resource.name().into()], severity.0);
            }
        });
    }),
    Family::gauge(
        "plotwarden_contention_cause",
        "1 for the cause that the policy sees at the root of a contention, else 0; no sample while contention is not judged.",
    )
    .by(&["policy", "cause"])
    .from(DECISION)
    .drawn(|s, out| {
        judgements(s, |policy, decision| {
            for cause in [Cause::CpuOverload, Cause::MemoryPressure, Cause::IoBottleneck] {
                out.add([policy, cause.name().into()], decision.cause == Some(cause));
            }
        });
    }),
    Family::gauge("plotwarden_contention_strategy", "1 for the strategy that the policy follows, else 0; no sample while contention is not judged.")
        .by(&["policy", "strategy"])
        .from(DECISION)
        .drawn(|s, out| {
            judgements(s, |policy, decision| {
                for strategy in STRATEGIES {
                    out.add([policy, strategy.name().into()], decision.strategy == Some(strategy));
                }
            });
        }),
    Family::gauge("plotwarden_admission_open", "1 while the policy lets further plots be started.")
        .by(&["policy"])
        .from(DECISION)
        .drawn(|s, out| decisions(s, |policy, decision| out.add([policy], !decision.admission_closed))),
    Family::gauge(
        "plotwarden_policy_alert_active",
        "1 while the policy itself raises the alert, else 0. ActionHasNoEffect: three actions in a row did nothing for their signal, and no further one is made.",
    )
    .by(&["policy", "alert"])
    .from(DECISION)
    .drawn(|s, out| {
        decisions(s, |policy, decision| {
            for alert in ALERTS {
                out.add([policy, (*alert).into()], decision.alerts.iter().any(|active| active == alert));
            }
        });
    }),
    Family::counter(
        "plotwarden_decisions_total",
        "Decisions that changed something, one for each line of the audit file, by the strongest stage in force (none without one) and what came of it: failed (a write failed, is protected, or somebody else had changed the knob), applied, denied (all that was wanted lost), rehearsed, unchanged.",
    )
    .by(&["policy", "stage", "outcome"])
    .from("decisions")
    .drawn(|s, out| {
        for ((policy, stage, outcome), &count) in &s.counters.decisions {
            out.add([policy.into(), stage.into(), outcome.name().into()], count);
        }
    }),
    Family::gauge(
        "plotwarden_claims",
        "Claims of the policy on a knob by what became of them: won, denied, dryrun.",
    )
    .by(&["policy", "knob", "state"])
    .from("arbiter")
    .drawn(|s, out| {
        for ((policy, knob, state), &count) in &s.counters.claims {
            out.add([policy.into(), knob.name().into(), state.name().into()], count);
        }
    }),
    Family::counter("plotwarden_claims_denied_total", "Claims of the policy that lost, by the policy or law that won.")
        .by(&["policy", "knob", "by"])
        .from("arbiter")
        .drawn(|s, out| {
            for ((policy, knob, by), &count) in &s.counters.claims_denied {
                out.add([policy.into(), knob.name().into(), by.into()], count);
            }
        }),
    Family::counter(
        "plotwarden_skipped_writes_total",
        "Writes that the policy would have caused, had it not been in dry run.",
    )
    .by(&["policy"])
    .from("actuation")
    .drawn(|s, out| {
        for (policy, &count) in &s.counters.skipped_writes {
            out.add([policy.into()], count);
        }
    }),
    Family::gauge(
        "plotwarden_effect_ratio",
        "Share of the severity that the last action took away, once it had time to settle: 1 is all of it, 0 none, below 0 it grew.",
    )
    .by(&["policy"])
    .from("decisions")
    .drawn(|s, out| {
        for policy in &s.policies {
            out.add([(&*policy.name).into()], policy.effect);
        }
    }),
];

const STRATEGIES: [Strategy; 8] = [
    Strategy::PreventiveOptimization,
    Strategy::MonitoringAndMinorAdjustments,
    Strategy::ProcessPriorityOptimization,
    Strategy::GradualResourceAdjustment,
    Strategy::ComprehensiveRebalancing,
    Strategy::IoOptimization,
    Strategy::MemoryRebalancing,
    Strategy::ImmediateCpuReallocation,
];

/// Of the policies that decide: those that are switched off do not.
fn decisions(s: &Snapshot, mut each: impl FnMut(Label<'_>, &Decision)) {
    for policy in s.policies.iter().filter(|policy| policy.mode != Mode::Off) {
        if let Some(decision) = &policy.decision {
            each((&*policy.name).into(), decision);
        }
    }
}

/// Of the policies that judge contention, while they can: nobody else has a cause or a strategy, not even none.
fn judgements(s: &Snapshot, mut each: impl FnMut(Label<'_>, &Decision)) {
    decisions(s, |policy, decision| {
        if decision.strategy.is_some() {
            each(policy, decision);
        }
    });
}

fn inputs<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&crate::decide::Input) -> T) {
    decisions(s, |policy, decision| {
        for input in &decision.inputs {
            out.add([policy, (&input.signal).into()], pick(input));
        }
    });
}
