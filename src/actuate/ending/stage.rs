//! What comes next in the ending of a job: a pure question of what was done, what is allowed, and how long ago that was.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::claim::KillPermit;

/// One step. The order is that of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Its own signal, to the plotter only.
    Ask,
    /// SIGTERM, to the plotter and its children.
    Terminate,
    /// SIGKILL, to the plotter and its children.
    Kill,
}

/// The last step that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub step: Step,
    /// Milliseconds since boot.
    pub at_ms: u64,
    /// The signals are known to have been sent. They may have been all the same.
    pub sent: bool,
}

/// What is to be done about a job that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It has its time, until then (since boot).
    Wait(Duration),
    Take(Step),
    /// No step is left.
    Stop(&'static str),
}

/// Who does not go by SIGKILL within this time waits in the kernel, for a disk most often.
const TIME_TO_DIE: Duration = Duration::from_secs(30);

/// `can_ask`: the plotter has a way of its own to be asked.
pub fn next(last: Option<Stage>, permit: &KillPermit, can_ask: bool, now: Duration) -> Next {
    let Some(stage) = last else {
        return if can_ask && permit.ask.is_some() { Next::Take(Step::Ask) } else { terminate(permit) };
    };
    // Asked twice is no question any more for some plotters, so that one is taken for sent.
    if !stage.sent && stage.step != Step::Ask {
        let allowed = if stage.step == Step::Kill { may_kill(permit) } else { permit.terminate.is_some() };
        return if allowed { Next::Take(stage.step) } else { Next::Stop("the permit was taken back") };
    }
    let window = match stage.step {
        Step::Ask => permit.ask,
        Step::Terminate => permit.terminate,
        Step::Kill => Some(TIME_TO_DIE),
    };
    let Some(window) = window else { return Next::Stop("the permit was taken back") };
    let until = Duration::from_millis(stage.at_ms).saturating_add(window);
    match stage.step {
        _ if now < until => Next::Wait(until),
        Step::Ask => terminate(permit),
        Step::Terminate if may_kill(permit) => Next::Take(Step::Kill),
        Step::Terminate => Next::Stop("it does not heed SIGTERM, and a kill is not permitted"),
        Step::Kill => Next::Stop("it does not go by SIGKILL: it waits in the kernel, for a disk most often"),
    }
}

fn terminate(permit: &KillPermit) -> Next {
    if permit.terminate.is_some() {
        Next::Take(Step::Terminate)
    } else {
        Next::Stop("no step that is left is permitted")
    }
}

fn may_kill(permit: &KillPermit) -> bool {
    permit.kill && permit.terminate.is_some()
}

impl Step {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Terminate => "terminate",
            Self::Kill => "kill",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_hours(1);
    const MINUTE: Duration = Duration::from_mins(1);
    const ALL: KillPermit = KillPermit { ask: Some(HOUR), terminate: Some(MINUTE), kill: true, remove_temp: true };

    fn taken(step: Step, at: u64) -> Stage {
        Stage { step, at_ms: at * 1000, sent: true }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn each_step_has_its_time_before_the_next() {
        assert_eq!(next(None, &ALL, true, at(0)), Next::Take(Step::Ask));
        assert_eq!(next(Some(taken(Step::Ask, 10)), &ALL, true, at(3609)), Next::Wait(at(3610)));
        assert_eq!(next(Some(taken(Step::Ask, 10)), &ALL, true, at(3610)), Next::Take(Step::Terminate));
        assert_eq!(next(Some(taken(Step::Terminate, 10)), &ALL, true, at(69)), Next::Wait(at(70)));
        assert_eq!(next(Some(taken(Step::Terminate, 10)), &ALL, true, at(70)), Next::Take(Step::Kill));
        assert_eq!(next(Some(taken(Step::Kill, 10)), &ALL, true, at(39)), Next::Wait(at(40)));
        assert!(
            matches!(next(Some(taken(Step::Kill, 10)), &ALL, true, at(40)), Next::Stop(why) if why.contains("kernel"))
        );
    }

    #[test]
    fn who_cannot_be_asked_is_terminated() {
        assert_eq!(next(None, &ALL, false, at(0)), Next::Take(Step::Terminate));
        assert_eq!(next(None, &KillPermit { ask: None, ..ALL }, true, at(0)), Next::Take(Step::Terminate));
    }

    #[test]
    fn a_step_that_may_not_have_been_sent_is_taken_again_but_for_the_question() {
        let unsent = |step| Some(Stage { step, at_ms: 0, sent: false });
        assert_eq!(next(unsent(Step::Ask), &ALL, true, at(1)), Next::Wait(HOUR));
        assert_eq!(next(unsent(Step::Terminate), &ALL, true, at(1000)), Next::Take(Step::Terminate));
        assert_eq!(next(unsent(Step::Kill), &ALL, true, at(1)), Next::Take(Step::Kill));
    }

    proptest! {
        #[test]
        fn nothing_is_done_that_is_not_permitted(
            ask in proptest::option::of(0_u64..100),
            terminate in proptest::option::of(0_u64..100),
            kill: bool,
            can_ask: bool,
            last in proptest::option::of((0_u8..3, 0_u64..200, any::<bool>())),
            now in 0_u64..400,
        ) {
            let permit = KillPermit { ask: ask.map(at), terminate: terminate.map(at), kill, remove_temp: false };
            let last = last.map(|(step, at, sent)| {
                let step = [Step::Ask, Step::Terminate, Step::Kill][usize::from(step)];
                Stage { step, at_ms: at * 1000, sent }
            });
            match next(last, &permit, can_ask, at(now)) {
                Next::Take(Step::Ask) => prop_assert!(ask.is_some() && can_ask && last.is_none()),
                Next::Take(Step::Terminate) => prop_assert!(terminate.is_some()),
                Next::Take(Step::Kill) => {
                    prop_assert!(kill && terminate.is_some());
                    let last = last.unwrap();
                    prop_assert!(last.step == Step::Kill || now >= last.at_ms / 1000 + terminate.unwrap());
                    prop_assert!(last.step >= Step::Terminate);
                }
                Next::Wait(until) => prop_assert!(at(now) < until),
                Next::Stop(_) => {}
            }
        }
    }
}
