//! What a policy looks at in one tick: its jobs, and the answers to its signals.

use std::collections::BTreeMap;

use super::decision::Input;
use super::tick::Scene;
use crate::policy::Policy;
use crate::signal::{Answer, Selected, Signals};

/// The scene, and the answer to each signal by its name.
pub struct Asked<'a> {
    pub scene: Scene<'a>,
    pub answers: BTreeMap<String, Answer>,
}

/// Asks everything that the policy wants to know.
pub fn ask<'a>(policy: &Policy, scene: Scene<'a>, signals: &Signals) -> Asked<'a> {
    let all: Vec<_> = scene.jobs.iter().map(|view| &view.job.id).collect();
    let running: Vec<_> =
        scene.jobs.iter().filter(|view| view.pause.since.is_none()).map(|view| &view.job.id).collect();
    let selected = Selected { all: &all, running: &running };
    let questions = policy.signals().iter();
    let answers = questions.map(|(name, question)| (name.clone(), signals.answer(question, selected, scene.now)));
    Asked { answers: answers.collect(), scene }
}

/// An answer as the explanation of a decision has it.
pub fn input(name: &str, answer: &Answer) -> Input {
    Input {
        signal: name.to_owned(),
        source: answer.source.clone(),
        value: answer.value.as_ref().ok().copied(),
        age: answer.age,
        missing: answer.value.as_ref().err().cloned(),
    }
}
