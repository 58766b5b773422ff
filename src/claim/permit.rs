//! How far a job may be ended against its will: the last resort, which nobody has unless a guardrail gives it.

use std::time::Duration;

/// The steps that are allowed, in their order, and the time that each leaves the job before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KillPermit {
    /// Ask it in its own way; how long it then has, which is a plot's time.
    pub ask: Option<Duration>,
    /// SIGTERM; how long it then has. Without this step there is no kill.
    pub terminate: Option<Duration>,
    /// SIGKILL.
    pub kill: bool,
    /// Remove the temp files of its plot once it has ended.
    pub remove_temp: bool,
}
