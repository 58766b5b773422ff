//! The differences between two sets of policies, for people and for programs.

use std::fmt;
use std::time::SystemTime;

use super::{Changes, Difference, Replay};

/// What a diff found.
#[derive(Debug, Clone, PartialEq)]
pub struct DiffReport {
    pub changes: Changes,
    /// `None` where there was no past to replay.
    pub replay: Option<Replay>,
}

/// Differences shown to people; programs get all.
const SHOWN: usize = 200;

const CAVEAT: &str = "A replay does not know how the machine would have answered: pressures are those of the policies that were in force, \
so a pause relieves nothing here, and plots are as far as they were. It shows when rules would have differed, not what would have come \
of it.";

impl DiffReport {
    /// 0: nothing differs; 1: something does.
    pub fn exit_code(&self) -> u8 {
        let Changes { came, went, changed, .. } = &self.changes;
        let claims = self.replay.as_ref().is_some_and(|replay| !replay.differences.is_empty());
        u8::from(claims || [came, went, changed].iter().any(|list| !list.is_empty()))
    }

    pub fn json(&self) -> serde_json::Value {
        let Changes { came, went, changed, same } = &self.changes;
        let time = |at: SystemTime| humantime::format_rfc3339_millis(at).to_string();
        let of = |one: &Difference| {
            serde_json::json!({
                "from": time(one.from),
                "until": time(one.until),
                "policy": one.policy,
                "knob": one.knob,
                "target": one.target.to_string(),
                "old": one.old,
                "new": one.new,
            })
        };
        let replay = self.replay.as_ref().map(|replay| {
            serde_json::json!({
                "from": replay.from.map(time),
                "until": replay.until.map(time),
                "samples": replay.samples,
                "jobs": replay.jobs,
                "unanswered": replay.unanswered,
                "differences": replay.differences.iter().map(of).collect::<Vec<_>>(),
                "note": CAVEAT,
            })
        });
        serde_json::json!({ "came": came, "went": went, "changed": changed, "same": same, "replay": replay })
    }
}

impl fmt::Display for DiffReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Changes { came, went, changed, same } = &self.changes;
        for (what, names) in [("came", came), ("went", went), ("changed", changed), ("same", same)] {
            if !names.is_empty() {
                writeln!(f, "{what}: {}", names.join(", "))?;
            }
        }
        let Some(replay) = &self.replay else {
            return writeln!(f, "no past was given to replay (--recorded): whether claims would differ is not known");
        };
        if let (Some(from), Some(until)) = (replay.from, replay.until) {
            let [from, until] = [from, until].map(|at| humantime::format_rfc3339_seconds(at).to_string());
            writeln!(f, "replayed {} samples from {from} to {until}, {} plots", replay.samples, replay.jobs)?;
        } else {
            writeln!(f, "the history holds no sample")?;
        }
        if replay.jobs == 0 {
            writeln!(f, "it tells of no plots (no plotwarden_job_info), so nothing of any plot can be said")?;
        }
        if !replay.unanswered.is_empty() {
            let names: Vec<&str> = replay.unanswered.iter().map(String::as_str).collect();
            writeln!(f, "missing all the time, since only a Prometheus server knows them: {}", names.join(", "))?;
        }
        write_differences(f, &replay.differences)?;
        writeln!(f, "{CAVEAT}")
    }
}

fn write_differences(f: &mut fmt::Formatter<'_>, differences: &[Difference]) -> fmt::Result {
    if differences.is_empty() {
        return writeln!(f, "no claim would have differed");
    }
    let nothing = || "-".to_owned();
    let row = |one: &Difference| {
        let length = one.until.duration_since(one.from).unwrap_or_default();
        let seconds = std::time::Duration::from_secs(length.as_secs());
        [
            humantime::format_rfc3339_seconds(one.from).to_string(),
            humantime::format_duration(seconds).to_string(),
            one.policy.clone(),
            one.knob.name().to_owned(),
            one.target.to_string(),
            one.old.clone().unwrap_or_else(nothing),
            one.new.clone().unwrap_or_else(nothing),
        ]
    };
    let headings = ["FROM", "FOR", "POLICY", "KNOB", "TARGET", "OLD", "NEW"].map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(headings).chain(differences.iter().take(SHOWN).map(row)).collect();
    let widths: [usize; 7] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(f, "  {}", cells.join("  ").trim_end())?;
    }
    if differences.len() > SHOWN {
        writeln!(f, "  and {} more; `--output json` has all", differences.len() - SHOWN)?;
    }
    Ok(())
}
