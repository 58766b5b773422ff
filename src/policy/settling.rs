//! When files that have changed are read: once they lie still, so that a policy that an editor or a copy has half written is never
//! seen, in whichever way it is saved.

use std::time::Duration;

use super::fingerprint::Fingerprint;

/// Files that lay still for so long are read.
const STILL: Duration = Duration::from_secs(1);
/// Some ways of saving a file take it away before they put the new one in its place.
const GONE: Duration = Duration::from_secs(5);
/// Whoever writes for longer than this should know that nothing of it is in force.
const RESTLESS: Duration = Duration::from_mins(1);

/// What is to be done after a look at the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The files are as they were read.
    Rest,
    /// Look again after this time, or when something stirs.
    Wait(Duration),
    /// Read them now.
    Read,
}

/// What was seen of the files since they were read.
#[derive(Debug, Clone, Default)]
pub struct Settling {
    /// As they were when they were last read; void once something has stirred: two changes may look alike from outside.
    read: Fingerprint,
    has_stirred: bool,
    changing: Option<Changing>,
}

#[derive(Debug, Clone)]
struct Changing {
    seen: Fingerprint,
    still_since: Duration,
    /// When the first change was seen.
    began: Duration,
    is_told: bool,
}

impl Settling {
    /// The files were read when they looked like `read`.
    pub fn after(read: Fingerprint) -> Self {
        Self { read, has_stirred: false, changing: None }
    }

    /// Takes a look at the files: `stirred` if the kernel has told of a change since the last one. `now` is the time since boot.
    pub fn look(&mut self, seen: Fingerprint, stirred: bool, now: Duration) -> Step {
        self.has_stirred |= stirred;
        if !self.has_stirred && seen == self.read {
            self.changing = None;
            return Step::Rest;
        }
        let patience = if seen.lacks_any_of(&self.read) { GONE } else { STILL };
        let still_since = match &self.changing {
            Some(before) if before.seen == seen && !stirred => before.still_since,
            _ => now,
        };
        let (began, is_told) = self.changing.as_ref().map_or((now, false), |before| (before.began, before.is_told));
        self.changing = Some(Changing { seen, still_since, began, is_told });
        let rest = patience.saturating_sub(now.saturating_sub(still_since));
        if rest.is_zero() { Step::Read } else { Step::Wait(rest) }
    }

    /// Somebody writes on: the wait begins anew, and this is how long.
    pub fn begin_anew(&mut self, now: Duration) -> Duration {
        if let Some(changing) = &mut self.changing {
            changing.still_since = now;
        }
        STILL
    }

    /// `true` once if the files have not lain still for long.
    pub fn is_overdue(&mut self, now: Duration) -> bool {
        let overdue = |changing: &&mut Changing| !changing.is_told && now.saturating_sub(changing.began) >= RESTLESS;
        self.changing.as_mut().filter(overdue).map(|changing| changing.is_told = true).is_some()
    }
}
