//! The profile file as written: plain serde structures with their places in the file. `compile` makes them usable.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml::Spanned;

/// A text with its place: a regular expression, an expression or a name.
pub(super) type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub schema: Spanned<u32>,
    pub profiles: Vec<Spanned<Profile>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub name: Text,
    /// A process that any of these fits is the plotter.
    #[serde(rename = "match")]
    pub matches: Vec<Spanned<Match>>,
    /// A parent that any of these fits belongs to the job.
    #[serde(default)]
    pub wrappers: Vec<Spanned<Match>>,
    /// Of a parent and a child that both fit, the child plots.
    #[serde(default)]
    pub leaf_only: bool,
    #[serde(default)]
    pub args: BTreeMap<String, Argument>,
    #[serde(default)]
    pub other_flags_with_value: Vec<String>,
    /// The first that is true names the mode.
    #[serde(default)]
    pub mode: Vec<Mode>,
    #[serde(default)]
    pub phases: Vec<PhaseStart>,
    #[serde(default)]
    pub log: Log,
    #[serde(default)]
    pub threads: Vec<ThreadRule>,
    #[serde(default)]
    pub files: Vec<FileRule>,
    #[serde(default)]
    pub odometer: Option<Odometer>,
    #[serde(default)]
    pub exclusive_tmp: bool,
    /// `{tmp}/plot-*{id}*.tmp`: a directory argument, and a file name with `*`, `?`, `[..]` and the plot id.
    #[serde(default)]
    pub temp: Vec<Text>,
    #[serde(default)]
    pub needs: Needs,
    #[serde(default)]
    pub control: Control,
    #[serde(default)]
    pub ask: Option<Ask>,
}

/// All that is given must hold.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Match {
    /// Any fits the program name, without directories.
    pub argv0: Vec<Text>,
    /// Any fits any argument.
    pub argv_any: Vec<Text>,
    /// None fits any argument.
    pub not_argv_any: Vec<Text>,
    /// Fit consecutive words, at the beginning or, behind an interpreter, anywhere.
    pub argv_seq: Vec<Text>,
    /// Program names that may stand before `argv_seq`.
    pub interpreters: Vec<Text>,
    /// By index into argv.
    pub argv_n: BTreeMap<usize, Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Argument {
    #[serde(rename = "type")]
    pub kind: ArgumentKind,
    pub flags: Vec<String>,
    /// May be given several times.
    pub multi: bool,
    /// Index among the words that are neither flags nor their values, from 1; with `multi`, this one and all that follow.
    pub positional: Option<usize>,
    /// The first group is the value.
    pub from_argv0: Option<Text>,
    /// The argument exists only if the program name fits.
    pub argv0: Option<Text>,
    /// The number of a flag that stands without a value.
    pub bare: Option<f64>,
    /// A literal, `$other` for the value of another argument, or `$cpus`.
    pub default: Option<Text>,
    /// An expression over `v`, the number as written.
    pub map: Option<Text>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ArgumentKind {
    #[default]
    Int,
    Bool,
    Text,
    /// Bytes, with K, M, G or T.
    Size,
    /// Separated by commas; its value is how many.
    List,
    /// A word that begins with `@` is a host or memory, not a directory.
    Dir,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mode {
    pub name: String,
    pub when: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PhaseStart {
    /// `alloc`, a number, `write`, `copy` or `done`.
    pub phase: Text,
    /// Progress when it begins, on the scale of the log.
    pub progress: f64,
    /// Share of all bytes written when it begins.
    pub bytes: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Log {
    /// What ends a line; a line feed if not given.
    pub separators: Vec<Text>,
    /// Begins a plot; the group `id` is its id, `n` its number.
    pub plot_id: Option<Text>,
    /// Begins plot `n` of `of`.
    pub start: Option<Text>,
    pub steps: Vec<Step>,
    /// The plotter waits by itself.
    pub stalls: Vec<Text>,
    pub errors: Vec<Text>,
}

/// Expressions are over the named groups of `re`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub re: Text,
    #[serde(default)]
    pub phase: Option<Text>,
    #[serde(default)]
    pub table: Option<Text>,
    #[serde(default)]
    pub progress: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThreadRule {
    pub re: Text,
    pub phase: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRule {
    /// The group `t` is the table, `id` the plot id.
    pub re: Text,
    pub phase: Text,
    /// Of several open tables, the one that is worked on.
    #[serde(default)]
    pub table: WhichTable,
    /// These files live on into later phases: less trusted evidence of a later phase wins.
    #[serde(default)]
    pub or_later: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WhichTable {
    #[default]
    Highest,
    Lowest,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Odometer {
    pub counter: Counter,
    /// Bytes of one plot.
    pub total: Text,
    #[serde(default = "yes")]
    pub measures_progress: bool,
}

/// Which counter of `/proc/PID/io`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Counter {
    Wchar,
    WriteBytes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Needs {
    pub plot: Option<Text>,
    pub ram: Option<Text>,
    pub temp: Option<Text>,
    pub cores: Option<Text>,
    pub write: Option<Text>,
    pub vram: Option<Text>,
}

/// What may be done to the plotter while it runs, and how it behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    pub runtime: Vec<RuntimeKnob>,
    /// It binds its threads to CPUs by itself.
    pub sets_own_affinity: bool,
    /// It sleeps, instead of ending, when the temp disk is full.
    pub sleeps_when_full: bool,
}

/// How the plotter is asked to end in its own way: it finishes the plot at hand. One that has none simply dies of a signal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    pub signal: StopSignal,
    /// An expression over the arguments; always, if not given.
    #[serde(default)]
    pub when: Option<Text>,
}

/// A signal that some plotter takes for a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum StopSignal {
    #[serde(rename = "SIGINT")]
    Interrupt,
    #[serde(rename = "SIGTERM")]
    Terminate,
}

/// What can be changed while the plotter runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeKnob {
    Pause,
    Nice,
    Ionice,
    Affinity,
}

fn yes() -> bool {
    true
}
