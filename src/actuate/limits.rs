//! What no policy goes beyond, whatever it says: given by the operator, held here, where the writes are made.

mod policies;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::throttle::Rates;
use crate::knob::Portrait;
use crate::plotter::JobId;
use crate::policy::NamePattern;
use crate::units::{float, whole};

/// The limits of one tick. The default keeps to none but the rates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    pub users: Users,
    /// Programs that are left alone, beside those that always are.
    pub protected: Vec<NamePattern>,
    /// For all jobs together, whoever pauses them.
    pub pauses: PauseBound,
    /// For the pauses that a policy holds, by its name: among the jobs that it selects, whoever has paused the others.
    pub of_policies: BTreeMap<String, (BTreeSet<JobId>, PauseBound)>,
    pub rates: Rates,
}

/// Whose processes may be touched.
///
/// Everybody's, unless the operator says otherwise: a number tells nothing of what a process does. Plotters run as root, as a
/// system user such as `chia`, and as the person who owns the farm, and what keeps the rest of the machine safe is that a job has
/// to be recognised, selected and not protected. A list narrows that down further; it never lifts a protection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Users {
    #[default]
    Everybody,
    /// Only processes that run as these, by number; wrappers such as sudo count as well.
    Only(BTreeSet<u32>),
}

/// How far jobs may be paused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PauseBound {
    /// Of the jobs, 0 to 1.
    pub most: f64,
    /// So many are not paused.
    pub keep_running: usize,
    /// A job that has run for less, our pauses not counted, is not paused, unless it is held back at its start.
    pub min_run: Duration,
}

impl Default for PauseBound {
    fn default() -> Self {
        Self { most: 1.0, keep_running: 0, min_run: Duration::ZERO }
    }
}

impl Limits {
    /// Why a program is left alone; `None` if it need not be.
    pub fn why_protected(&self, portrait: &Portrait) -> Option<String> {
        let exe = portrait.exe.as_deref().and_then(std::path::Path::file_name).map(std::ffi::OsStr::to_string_lossy);
        let names = [Some(portrait.comm.as_str().into()), exe];
        let found = names
            .into_iter()
            .flatten()
            .find(|name: &std::borrow::Cow<'_, str>| self.protected.iter().any(|pattern| pattern.matches(name)))?;
        Some(format!("{found} is protected by a guardrail"))
    }
}

impl Users {
    /// Why a process may not be touched; `None` if it may. A program that runs as somebody else than who started it has two users.
    pub fn why_not(&self, portrait: &Portrait) -> Option<String> {
        let Self::Only(allowed) = self else { return None };
        let Some((real, effective)) = portrait.users else {
            return Some("whose it is cannot be read, and only some users' processes may be touched".to_owned());
        };
        let other = [real, effective].into_iter().find(|user| !allowed.contains(user))?;
        Some(format!("it runs as user {other}, whose processes may not be touched"))
    }
}

impl PauseBound {
    /// Why one more than the `paused` of `all` jobs may not be paused; `None` if it may.
    pub fn why_no_more(&self, all: usize, paused: usize) -> Option<String> {
        let after = paused + 1;
        // A hair more, so that 75 % of 4 is 3 whatever the last bit of 0.75 says.
        let most = usize::try_from(whole((float(all as u64) * self.most + 1e-6).floor())).unwrap_or(usize::MAX);
        if after > most {
            return Some(format!("{paused} of {all} jobs are paused, and at most {most} may be"));
        }
        let running = all.saturating_sub(after);
        (running < self.keep_running).then(|| {
            format!("{} of {all} jobs run, and at least {} have to", all.saturating_sub(paused), self.keep_running)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(users: Option<(u32, u32)>) -> Portrait {
        Portrait { users, ..Portrait::default() }
    }

    #[test]
    fn everybody_is_allowed_until_somebody_is_named() {
        assert_eq!(Users::default().why_not(&of(Some((0, 0)))), None);
        assert_eq!(Users::default().why_not(&of(None)), None);
        let chia = Users::Only([998].into());
        assert_eq!(chia.why_not(&of(Some((998, 998)))), None);
        assert!(chia.why_not(&of(Some((0, 0)))).unwrap().contains("user 0"));
        assert!(chia.why_not(&of(Some((998, 0)))).is_some(), "a program that runs as root is root's");
        assert!(chia.why_not(&of(Some((0, 998)))).is_some());
        assert!(chia.why_not(&of(None)).is_some(), "nobody knows is not everybody");
        assert!(Users::Only(BTreeSet::new()).why_not(&of(Some((998, 998)))).is_some());
    }

    #[test]
    fn pauses_end_at_the_share_and_before_the_last_that_run() {
        let bound = |most, keep_running| PauseBound { most, keep_running, ..PauseBound::default() };
        let room =
            |bound: PauseBound, all| (0..all).take_while(|&paused| bound.why_no_more(all, paused).is_none()).count();
        assert_eq!(room(PauseBound::default(), 4), 4);
        assert_eq!(room(bound(0.75, 0), 4), 3);
        assert_eq!(room(bound(0.5, 0), 5), 2);
        assert_eq!(room(bound(0.5, 0), 1), 0);
        assert_eq!(room(bound(1.0, 3), 4), 1);
        assert_eq!(room(bound(1.0, 1), 1), 0);
        assert_eq!(room(bound(0.5, 3), 4), 1, "the tighter of both holds");
    }
}
