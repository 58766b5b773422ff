//! Where the actions of a policy stand, and what they are: rules have no places, and documents no values.

use serde::Deserialize;

use crate::claim::{Bound, KnobKind, Setting};
use crate::policy::document::WrittenPolicy;
use crate::policy::error::PolicyError;
use crate::policy::resolve::Findings;
use crate::policy::rules::{
    Action, KnobAction, Measure, Placement, PlacementMethod, Policy, Rules, Staged, TrafficDirection,
};
use crate::policy::spanned::Spanned;
use crate::pressure::Resource;

/// The actions of a policy, and the words of its selector.
#[derive(Debug, Default)]
pub struct Sites {
    pub actions: Vec<Site>,
    /// `plotter`, `owner` and `k` of the selector, and `neverPause`, as they are written.
    pub words: Words,
}

/// One action.
#[derive(Debug)]
pub struct Site {
    pub name: &'static str,
    /// What it needs; without any of them it does nothing.
    pub knobs: Vec<KnobKind>,
    /// The one value that it wants of a knob.
    pub wish: Option<KnobAction>,
    /// Where it stands, with nothing said yet.
    pub spot: PolicyError,
}

/// Words of a policy that name somebody or something outside of it.
#[derive(Debug, Default)]
pub struct Words {
    pub plotters: Vec<Word>,
    pub owners: Vec<Word>,
    pub sizes: Vec<Word>,
    pub never_paused: Vec<Word>,
}

#[derive(Debug)]
pub struct Word {
    pub text: String,
    pub spot: PolicyError,
}

impl Sites {
    pub fn of(written: &WrittenPolicy, policy: &Policy, findings: &Findings<'_>) -> Self {
        let actions = match (written, &policy.rules) {
            (WrittenPolicy::Contention(document), _) => {
                let stages = document.spec.stages.iter().map(|stage| &stage.value);
                let measures =
                    stages.flat_map(|stage| stage.measures.iter().map(|at| (Resource::from(stage.resource), at)));
                let site = |(resource, at): (Resource, &_)| Site::of_measure(resource, at, findings);
                measures.map(site).collect()
            }
            (WrittenPolicy::Staged(_, document), Rules::Staged(_, rules)) => {
                let written =
                    document.spec.stages.iter().flat_map(|stage| &stage.value.actions).chain(&document.spec.safe);
                let spots = written.map(|action| findings.document.error_at(action, "", ""));
                rules.actions().zip(spots).map(|(action, spot)| Site::of_action(action, rules, spot)).collect()
            }
            _ => Vec::new(),
        };
        Self { actions, words: Words::of(policy, findings) }
    }
}

impl Site {
    fn of_measure(resource: Resource, at: &Spanned<Measure>, findings: &Findings<'_>) -> Self {
        let knobs = match (at.value, resource) {
            // What closes admission tells others too, who need no knob.
            (Measure::CloseAdmission, _) => Vec::new(),
            (Measure::Pause, _) => vec![KnobKind::Pause],
            (Measure::LowerPriority, Resource::Io) => vec![KnobKind::IoPriority],
            (Measure::LowerPriority, Resource::Cpu | Resource::Memory) => vec![KnobKind::Nice, KnobKind::SchedClass],
        };
        Self { name: at.value.name(), knobs, wish: None, spot: findings.document.error_at(at, "", "") }
    }

    fn of_action(action: &Action, rules: &Staged, spot: PolicyError) -> Self {
        let knobs = match action {
            Action::CloseAdmission => Vec::new(),
            Action::Pause => vec![KnobKind::Pause],
            Action::Place => rules.placement.map(knobs_of_placement).unwrap_or_default(),
            Action::Shape => rules.shape.as_ref().map(|shape| knob_of_shape(shape.direction)).into_iter().collect(),
            Action::Knob(action) => vec![action.kind],
        };
        let wish = match action {
            Action::Knob(action) => Some(action.clone()),
            Action::Shape => rules.shape.as_ref().map(|shape| {
                let kind = knob_of_shape(shape.direction);
                let (setting, of) = (Setting::Lane(kind, shape.lane()), shape.interfaces.clone());
                let bound = Bound::Exactly;
                KnobAction { kind, bound, setting, from: None, toward: None, of }
            }),
            Action::CloseAdmission | Action::Pause | Action::Place => None,
        };
        Self { name: action.name(), knobs, wish, spot }
    }
}

fn knob_of_shape(direction: TrafficDirection) -> KnobKind {
    match direction {
        TrafficDirection::Leaving => KnobKind::Shaping,
        TrafficDirection::Arriving => KnobKind::ArrivalShaping,
    }
}

fn knobs_of_placement(placement: Placement) -> Vec<KnobKind> {
    match placement.method {
        PlacementMethod::CpuSet => vec![KnobKind::CpuSet, KnobKind::NodeSet],
        PlacementMethod::Affinity => vec![KnobKind::Affinity],
    }
}

/// As much of a document as has those words.
#[derive(Debug, Deserialize)]
struct Named {
    spec: NamedSpec,
}

#[derive(Debug, Deserialize)]
struct NamedSpec {
    #[serde(default)]
    selector: NamedSelector,
    #[serde(default)]
    guardrails: NamedGuardrails,
}

#[derive(Debug, Default, Deserialize)]
struct NamedSelector {
    #[serde(default)]
    jobs: NamedJobs,
}

#[derive(Debug, Default, Deserialize)]
struct NamedJobs {
    #[serde(default)]
    plotter: Vec<Spanned<String>>,
    #[serde(default)]
    owner: Vec<Spanned<String>>,
    #[serde(default)]
    k: Vec<Spanned<u8>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedGuardrails {
    #[serde(default)]
    never_pause: Vec<Spanned<String>>,
}

impl Words {
    /// Most policies name nobody, and are not read a second time.
    fn of(policy: &Policy, findings: &Findings<'_>) -> Self {
        let selector = &policy.selector;
        let spares = policy.guardrails().is_some_and(|guardrails| !guardrails.never_pause.is_empty());
        if selector.plotters.is_empty() && selector.owners.is_empty() && selector.sizes.is_empty() && !spares {
            return Self::default();
        }
        let Ok(Named { spec: NamedSpec { selector, guardrails } }) = findings.document.parse() else {
            return Self::default();
        };
        let word = |at: &Spanned<String>| Word { text: at.value.clone(), spot: findings.document.error_at(at, "", "") };
        let number =
            |at: &Spanned<u8>| Word { text: at.value.to_string(), spot: findings.document.error_at(at, "", "") };
        Self {
            plotters: selector.jobs.plotter.iter().map(word).collect(),
            owners: selector.jobs.owner.iter().map(word).collect(),
            sizes: selector.jobs.k.iter().map(number).collect(),
            never_paused: guardrails.never_pause.iter().map(word).collect(),
        }
    }
}
