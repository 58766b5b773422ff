//! Limits that would end a job or stall it for good, and are therefore not set.

use std::fs;

use super::LimitKnob;
use crate::claim::{KnobKind, Setting};
use crate::kernel::Roots;
use crate::knob::cgroup::GroupDir;
use crate::knob::group_memory::GroupMemory;
use crate::knob::{KnobError, Unit, Value};

/// Why the value must not be written, with the figures, if so.
pub fn refusal(knob: &LimitKnob, group: &GroupDir, unit: &Unit, value: &Value) -> Result<Option<String>, KnobError> {
    let &Value::Number(limit) = value else { return Ok(None) };
    if limit == Setting::NO_LIMIT {
        return Ok(None);
    }
    let memory = || GroupMemory::read(group).map_err(|source| knob.of_file(unit, "memory.stat", "read", source));
    match knob.limit.kind {
        KnobKind::MemoryMax => Ok(below_what_is_held(limit, memory()?)),
        KnobKind::MemoryHigh => Ok(would_only_stall(knob, group, memory()?)),
        KnobKind::PidsMax => {
            let tasks = knob.read_file(group, unit, "pids.current")?;
            let tasks = tasks.trim().parse().map_err(|_| super::malformed(unit, "pids.current", &tasks))?;
            let refused = limit < tasks;
            Ok(refused.then(|| format!("the job has {tasks} tasks: with {limit} its next one would fail")))
        }
        _ => Ok(None),
    }
}

/// The kernel would kill until it fits.
fn below_what_is_held(limit: u64, memory: GroupMemory) -> Option<String> {
    let held = memory.held();
    (limit < held).then(|| {
        format!(
            "the job holds {} bytes, of which {} can be reclaimed: at {limit} the kernel would kill it",
            memory.current, memory.reclaimable
        )
    })
}

/// Above `memory.high` a job waits for reclaim. Where next to nothing can be reclaimed, it waits for ever.
fn would_only_stall(knob: &LimitKnob, group: &GroupDir, memory: GroupMemory) -> Option<String> {
    if has_swap(&knob.roots) && !group.read("memory.swap.max").is_ok_and(|max| max.trim() == "0") {
        return None;
    }
    let members = group.members().unwrap_or_default();
    // What the job had before it came into the group is charged elsewhere.
    let resident: u64 = members.iter().filter_map(|pid| resident_anonymous(&knob.roots, *pid)).sum();
    let anonymous = memory.anonymous.max(resident);
    let is_all_anonymous = memory.reclaimable < anonymous / 10;
    is_all_anonymous.then(|| {
        format!(
            "{anonymous} bytes of the job are anonymous, {} can be reclaimed, and it has no swap: it would only stall",
            memory.reclaimable
        )
    })
}

fn has_swap(roots: &Roots) -> bool {
    fs::read_to_string(roots.proc("swaps")).is_ok_and(|swaps| swaps.lines().count() > 1)
}

/// `RssAnon` of `/proc/PID/status` in bytes.
fn resident_anonymous(roots: &Roots, pid: i32) -> Option<u64> {
    let status = fs::read_to_string(roots.pid(pid).join("status")).ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    kib.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
