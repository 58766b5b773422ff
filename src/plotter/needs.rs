//! What a job needs: evaluated from its profile, now and at the worst moment that still lies ahead, because admission by what a
//! plotter holds today fills the disk tomorrow.

use super::command_line::CommandLine;
use super::expr::{Expr, Variables};
use super::job::{Demand, Needs, Phase, Progress};
use super::profile::Profile;
use crate::units::{Bytes, whole};

/// The phases as numbers for expressions. Numbered phases are themselves.
const ALLOCATING: f64 = -1.0;
const WRITING: f64 = 1000.0;
const COPYING: f64 = 1001.0;
const DONE: f64 = 1002.0;

/// Where a demand is looked at.
#[derive(Clone, Copy)]
struct Situation {
    phase: Phase,
    table: Option<u8>,
}

/// What the profile says of a plotter with this command line at this point of its plot. What it does not say is `None`.
pub(super) fn needs(profile: &Profile, command_line: &CommandLine, progress: &Progress) -> Needs {
    let mut variables = command_line.variables.clone();
    for (name, value) in [("alloc", ALLOCATING), ("write", WRITING), ("copy", COPYING), ("done", DONE)] {
        variables.set_number(name, value);
    }
    let now = situations_now(profile, progress);
    let ahead = situations_ahead(profile, command_line, progress);
    let left = profile.needs.write.as_ref().and_then(|write| left_to_write(write, &variables, progress));
    let demand = |situations: &[Situation]| Demand {
        ram: bytes(worst(profile.needs.ram.as_ref(), &variables, situations)),
        temp: bytes(worst(profile.needs.temp.as_ref(), &variables, situations)),
        cores: worst(profile.needs.cores.as_ref(), &variables, situations),
        write: left,
        vram: bytes(worst(profile.needs.vram.as_ref(), &variables, situations)),
    };
    Needs { now: demand(&now), peak: demand(&ahead), plot: bytes(variables.number("plot")) }
}

/// All phases while the present one is not known.
fn situations_now(profile: &Profile, progress: &Progress) -> Vec<Situation> {
    match progress.phase {
        Some(phase) => vec![Situation { phase, table: progress.table }],
        None => all(profile),
    }
}

/// The present and what follows; all phases where another plot follows.
fn situations_ahead(profile: &Profile, command_line: &CommandLine, progress: &Progress) -> Vec<Situation> {
    let mut ahead = situations_now(profile, progress);
    let another = command_line.arguments.count.is_some_and(|count| {
        // The present plot is counted as done once it is.
        let present = u32::from(progress.phase != Some(Phase::Done));
        count < 0 || count > i64::from(progress.plots_done.saturating_add(present))
    });
    let later = all(profile).into_iter().filter(|later| another || progress.phase.is_none_or(|now| later.phase > now));
    ahead.extend(later);
    ahead
}

fn all(profile: &Profile) -> Vec<Situation> {
    if profile.phases.is_empty() {
        return vec![Situation { phase: Phase::Number(1), table: None }];
    }
    profile.phases.iter().map(|start| Situation { phase: start.phase, table: None }).collect()
}

/// The largest demand over these situations; `None` if it cannot be told for one of them.
fn worst(rule: Option<&Expr>, variables: &Variables, situations: &[Situation]) -> Option<f64> {
    let mut variables = variables.clone();
    let mut worst: Option<f64> = None;
    for situation in situations {
        variables.set_number("phase", phase_number(situation.phase));
        // 0 where the table is not known: rules then take the larger value.
        variables.set_number("table", situation.table.map_or(0.0, f64::from));
        let demand = rule?.number(&variables)?.max(0.0);
        worst = Some(worst.map_or(demand, |worst| worst.max(demand)));
    }
    worst
}

fn left_to_write(write: &Expr, variables: &Variables, progress: &Progress) -> Option<Bytes> {
    let done = progress.ratio.map_or(0.0, |ratio| ratio.0);
    bytes(write.number(variables).map(|total| (total * (1.0 - done)).max(0.0)))
}

fn phase_number(phase: Phase) -> f64 {
    match phase {
        Phase::Allocating => ALLOCATING,
        Phase::Number(number) => f64::from(number),
        Phase::Writing => WRITING,
        Phase::Copying => COPYING,
        Phase::Done => DONE,
    }
}

fn bytes(value: Option<f64>) -> Option<Bytes> {
    value.map(|value| Bytes(whole(value)))
}
