//! Follows a plotter's log: bytes in, what they say about the plot out. A pure state machine; `log_source` does the reading.

use regex_lite::Captures;

use super::expr::{Expr, Variables};
use super::job::Phase;
use super::profile::{LogRules, PhaseOf, Step};

/// Lines beyond this are cut: no line that a profile knows is longer.
const LONGEST_LINE: usize = 4096;
/// A line that says "copy" or "done" belongs to the plot at hand only if that one is nearly finished; else to the one before, which
/// some plotters copy while they make the next.
const NEARLY_FINISHED: f64 = 0.9;

/// New bytes of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogChunk {
    pub bytes: Vec<u8>,
    pub follows: Follows,
}

/// How new bytes follow those before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Follows {
    #[default]
    Seamlessly,
    /// Something was left out: they may begin inside a line.
    AfterGap,
    /// The file was truncated: they begin a new file.
    Anew,
}

/// What the log has said about the plot at hand.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct LogState {
    /// Counts the plots that the log has begun.
    pub plot: u64,
    pub plot_id: Option<String>,
    pub phase: Option<Phase>,
    pub table: Option<u8>,
    /// 0 to 1.
    pub progress: Option<f64>,
    /// Plots of this plotter before the one at hand.
    pub before: u32,
    pub stalled: bool,
    pub error: Option<String>,
}

/// Splits bytes into lines and applies the profile's rules.
#[derive(Debug, Default)]
pub(super) struct LogFollower {
    state: LogState,
    line: Vec<u8>,
    /// The rest of the line is not wanted: it is too long, or its beginning is missing.
    skipping: bool,
}

impl LogFollower {
    pub fn state(&self) -> &LogState {
        &self.state
    }

    /// The plotter works again, as other evidence shows.
    pub fn clear_stall(&mut self) {
        self.state.stalled = false;
    }

    pub fn feed(&mut self, rules: &LogRules, chunk: &LogChunk) {
        if chunk.follows != Follows::Seamlessly {
            self.line.clear();
            self.skipping = chunk.follows == Follows::AfterGap;
        }
        for &byte in &chunk.bytes {
            if rules.separators.contains(&byte) {
                if !self.skipping || !self.line.is_empty() {
                    let line = std::mem::take(&mut self.line);
                    // A file that was truncated under its writer begins with a hole.
                    self.apply(rules, String::from_utf8_lossy(&line).trim_start_matches('\0').trim_end());
                }
                self.skipping = false;
            } else if !self.skipping {
                self.line.push(byte);
                self.skipping = self.line.len() >= LONGEST_LINE;
            }
        }
    }

    fn apply(&mut self, rules: &LogRules, line: &str) {
        if line.is_empty() {
            return;
        }
        if let Some(found) = rules.plot_id.as_ref().and_then(|re| re.captures(line)) {
            let id = found.name("id").map(|id| id.as_str().to_ascii_lowercase());
            let announced = self.state.plot > 0 && self.state.plot_id.is_none() && self.state.phase.is_none();
            if announced {
                self.state.plot_id = id;
            } else if id != self.state.plot_id {
                self.begin(id, group(&found, "n"));
            }
        } else if let Some(found) = rules.start.as_ref().and_then(|re| re.captures(line)) {
            self.begin(None, group(&found, "n"));
        } else if let Some((step, found)) = rules.steps.iter().find_map(|step| Some((step, step.re.captures(line)?))) {
            self.step(step, &found);
        }
        if rules.stalls.iter().any(|re| re.is_match(line)) {
            self.state.stalled = true;
        }
        if rules.errors.iter().any(|re| re.is_match(line)) {
            self.state.error = Some(line.to_owned());
        }
    }

    /// A new plot begins, the one with this number where the line says so. Whatever came before it is finished by then.
    fn begin(&mut self, plot_id: Option<String>, number: Option<u32>) {
        let counted = self.state.before + u32::from(self.state.plot > 0 || self.state.phase.is_some());
        self.state = LogState {
            plot: self.state.plot + 1,
            before: number.map_or(counted, |number| number.saturating_sub(1)),
            plot_id,
            progress: Some(0.0),
            ..LogState::default()
        };
    }

    fn step(&mut self, step: &Step, found: &Captures) {
        let groups = numbers(step, found);
        let phase = step.phase.as_ref().and_then(|phase| match phase {
            PhaseOf::Fixed(phase) => Some(*phase),
            PhaseOf::Numbered(expression) => small(expression, &groups).map(Phase::Number),
        });
        if matches!(phase, Some(Phase::Copying | Phase::Done)) && !self.nearly_finished() {
            return;
        }
        self.state.stalled = false;
        if phase == Some(Phase::Done)
            && let Some(number) = group(found, "n")
        {
            if Some(number) < group(found, "of") {
                // The next one begins without a line of its own, and nothing will be said of its progress.
                self.begin(None, Some(number + 1));
                self.state.progress = None;
                return;
            }
            self.state.before = number.saturating_sub(1);
        }
        if phase.is_some_and(|phase| self.state.phase != Some(phase)) {
            self.state.phase = phase;
            self.state.table = None;
        }
        if let Some(expression) = &step.table {
            self.state.table = small(expression, &groups).filter(|table| *table <= 7);
        }
        if let Some(progress) = step.progress.as_ref().and_then(|expression| expression.number(&groups)) {
            let progress = progress.clamp(0.0, 1.0);
            self.state.progress = Some(self.state.progress.map_or(progress, |before| before.max(progress)));
        }
    }

    fn nearly_finished(&self) -> bool {
        self.state.progress.is_none_or(|progress| progress >= NEARLY_FINISHED)
    }
}

/// The named groups of a step that are numbers, as variables for its expressions.
fn numbers(step: &Step, found: &Captures) -> Variables {
    let mut variables = Variables::default();
    for name in step.re.capture_names().flatten() {
        if let Some(number) = found.name(name).and_then(|text| text.as_str().parse().ok()) {
            variables.set_number(name, number);
        }
    }
    variables
}

fn group(found: &Captures, name: &str) -> Option<u32> {
    found.name(name)?.as_str().parse().ok()
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole and within 0 to 255 before the cast"
)]
fn small(expression: &Expr, variables: &Variables) -> Option<u8> {
    let number = expression.number(variables)?;
    (number.fract() == 0.0 && (0.0..=255.0).contains(&number)).then_some(number as u8)
}
