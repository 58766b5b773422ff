//! A profile: all that is known about one plotter, checked and ready to use.

use regex_lite::Regex;

use super::expr::Expr;
use super::job::Phase;
use super::schema::{ArgumentKind, Control, Counter, RuntimeKnob, StopSignal, WhichTable};

/// All that is known about one plotter.
#[derive(Debug)]
pub struct Profile {
    pub(super) name: String,
    pub(super) matches: Vec<Match>,
    pub(super) wrappers: Vec<Match>,
    pub(super) leaf_only: bool,
    pub(super) arguments: Vec<ArgumentRule>,
    pub(super) other_flags_with_value: Vec<String>,
    pub(super) modes: Vec<(String, Expr)>,
    /// In the order in which a plot goes through them.
    pub(super) phases: Vec<PhaseStart>,
    pub(super) log: LogRules,
    pub(super) threads: Vec<(Regex, Phase)>,
    pub(super) files: Vec<FileRule>,
    pub(super) odometer: Option<Odometer>,
    pub(super) exclusive_tmp: bool,
    pub(super) temp: Vec<TempRule>,
    pub(super) needs: NeedRules,
    pub(super) control: Control,
    pub(super) ask: Option<AskRule>,
}

#[derive(Debug)]
pub(super) struct Match {
    pub argv0: Vec<Regex>,
    pub argv_any: Vec<Regex>,
    pub not_argv_any: Vec<Regex>,
    pub argv_seq: Vec<Regex>,
    pub interpreters: Vec<Regex>,
    pub argv_n: Vec<(usize, Regex)>,
}

#[derive(Debug)]
pub(super) struct ArgumentRule {
    pub name: String,
    pub kind: ArgumentKind,
    pub flags: Vec<String>,
    pub multi: bool,
    pub positional: Option<usize>,
    pub from_argv0: Option<Regex>,
    pub only_argv0: Option<Regex>,
    pub bare: Option<f64>,
    pub default: Option<Default>,
    pub map: Option<Expr>,
}

/// What an argument is that is not given.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Default {
    Literal(String),
    Argument(String),
    OnlineCpus,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PhaseStart {
    pub phase: Phase,
    pub progress: f64,
    pub bytes: Option<f64>,
}

#[derive(Debug)]
pub(super) struct LogRules {
    pub separators: Vec<u8>,
    pub plot_id: Option<Regex>,
    pub start: Option<Regex>,
    pub steps: Vec<Step>,
    pub stalls: Vec<Regex>,
    pub errors: Vec<Regex>,
}

#[derive(Debug)]
pub(super) struct Step {
    pub re: Regex,
    pub phase: Option<PhaseOf>,
    pub table: Option<Expr>,
    pub progress: Option<Expr>,
}

/// The phase that a log line announces.
#[derive(Debug)]
pub(super) enum PhaseOf {
    Fixed(Phase),
    /// A number from the line.
    Numbered(Expr),
}

#[derive(Debug)]
pub(super) struct FileRule {
    pub re: Regex,
    pub phase: Phase,
    pub table: WhichTable,
    pub or_later: bool,
}

#[derive(Debug)]
pub(super) struct Odometer {
    pub counter: Counter,
    pub total: Expr,
    pub measures_progress: bool,
}

/// Where temp files lie: a directory argument, and a file name pattern that may hold `{id}`.
#[derive(Debug)]
pub(super) struct TempRule {
    pub argument: String,
    pub file_name: String,
}

/// The signal that asks it to end in its own way, and whether it then listens.
#[derive(Debug)]
pub(super) struct AskRule {
    pub signal: StopSignal,
    pub when: Option<Expr>,
}

#[derive(Debug, Default)]
pub(super) struct NeedRules {
    pub plot: Option<Expr>,
    pub ram: Option<Expr>,
    pub temp: Option<Expr>,
    pub cores: Option<Expr>,
    pub write: Option<Expr>,
    pub vram: Option<Expr>,
}

impl Profile {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a knob has an effect on this plotter that it survives.
    pub fn allows(&self, knob: RuntimeKnob) -> bool {
        self.control.runtime.contains(&knob)
    }

    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Two of these in one temp directory overwrite each other's files.
    pub fn needs_exclusive_temp(&self) -> bool {
        self.exclusive_tmp
    }
}
