//! What a knob can read and write, as it stands in the journal and in reports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::aside::Aside;
use super::disk::Disk;
use super::fan::Drive;
use super::shaping::Found;
use crate::claim::{IoPriority, Keyed, KnobKind, SchedClass, Setting};
use crate::kernel::attribute;

/// A value of a knob of one unit, exactly as the kernel holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// -20 to 19.
    Nice(i8),
    Class(Policy),
    IoPriority(IoPrio),
    /// CPU numbers; on restore also those that are offline now.
    Affinity(BTreeSet<u32>),
    /// A cgroup v2: path below the mount, and inode, since a path may be used again. Inode 0: not made yet.
    Group {
        path: String,
        inode: u64,
    },
    /// Frozen by the group, or stopped by signal.
    Halted(bool),
    /// -1000 to 1000.
    OomScore(i16),
    /// In the unit of the knob; `u64::MAX` is the kernel's `max`.
    Number(u64),
    Word(String),
    /// A word that other attributes go with. Equal to one with the same word, whatever goes with it.
    Chosen {
        word: String,
        with: Aside,
    },
    Fan(Drive),
    /// CPU or node numbers; none at all where that stands for whatever the group above has.
    Set(BTreeSet<u32>),
    /// Queues of one direction of an interface.
    Lane(Found),
    /// How far down a controller of cgroup v2 is handed.
    Handed(Reach),
    /// Lines of `key=value`, by what they are of: a disk as [`Disk`] names it, or a file.
    Keyed(Lines),
}

/// Lines of `key=value`, as the kernel holds the values.
pub type Lines = BTreeMap<String, BTreeMap<String, String>>;

/// How far down a controller is handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Not even to the groups beside ours.
    Nowhere,
    /// To our group, but not to those of jobs.
    OurGroup,
    Jobs,
}

/// Scheduling policy of a thread (sched(7)), without the reset-on-fork flag, which is never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    Other,
    Fifo,
    RoundRobin,
    Batch,
    Idle,
    Deadline,
    /// `sched_ext`, and whatever kernels to come bring.
    Foreign(i32),
}

/// I/O priority word of a thread as in `ioprio_set(2)`: class in the upper 3 bits of 16, level below. Class 0 is "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IoPrio(pub u16);

impl Policy {
    pub fn from_number(number: i32) -> Self {
        match number {
            libc::SCHED_OTHER => Self::Other,
            libc::SCHED_FIFO => Self::Fifo,
            libc::SCHED_RR => Self::RoundRobin,
            libc::SCHED_BATCH => Self::Batch,
            libc::SCHED_IDLE => Self::Idle,
            libc::SCHED_DEADLINE => Self::Deadline,
            other => Self::Foreign(other),
        }
    }

    pub fn number(self) -> i32 {
        match self {
            Self::Other => libc::SCHED_OTHER,
            Self::Fifo => libc::SCHED_FIFO,
            Self::RoundRobin => libc::SCHED_RR,
            Self::Batch => libc::SCHED_BATCH,
            Self::Idle => libc::SCHED_IDLE,
            Self::Deadline => libc::SCHED_DEADLINE,
            Self::Foreign(number) => number,
        }
    }
}

impl IoPrio {
    const CLASS_SHIFT: u16 = 13;
    pub const REALTIME: u16 = 1;
    const BEST_EFFORT: u16 = 2;
    const IDLE: u16 = 3;

    pub fn class(self) -> u16 {
        self.0 >> Self::CLASS_SHIFT
    }

    fn setting(self) -> Option<IoPriority> {
        match self.class() {
            Self::BEST_EFFORT => u8::try_from(self.level()).ok().map(IoPriority::BestEffort),
            Self::IDLE => Some(IoPriority::Idle),
            _ => None,
        }
    }

    /// Level 0 to 7; the hint bits above it are not part of it.
    fn level(self) -> u16 {
        self.0 & 7
    }
}

impl From<IoPriority> for IoPrio {
    fn from(priority: IoPriority) -> Self {
        match priority {
            IoPriority::BestEffort(level) => Self((Self::BEST_EFFORT << Self::CLASS_SHIFT) | u16::from(level)),
            IoPriority::Idle => Self(Self::IDLE << Self::CLASS_SHIFT),
        }
    }
}

impl From<SchedClass> for Policy {
    fn from(class: SchedClass) -> Self {
        match class {
            SchedClass::Other => Self::Other,
            SchedClass::Batch => Self::Batch,
            SchedClass::Idle => Self::Idle,
        }
    }
}

impl Value {
    /// The setting that the value amounts to; `None` where there is no such setting, as for "none" or a real-time class.
    pub fn setting(&self, kind: KnobKind) -> Option<Setting> {
        match self {
            Self::Nice(nice) => Some(Setting::Nice(*nice)),
            Self::Class(Policy::Other) => Some(Setting::SchedClass(SchedClass::Other)),
            Self::Class(Policy::Batch) => Some(Setting::SchedClass(SchedClass::Batch)),
            Self::Class(Policy::Idle) => Some(Setting::SchedClass(SchedClass::Idle)),
            Self::IoPriority(priority) => priority.setting().map(Setting::IoPriority),
            Self::Affinity(cpus) => Some(Setting::Affinity(cpus.clone())),
            Self::OomScore(score) => Some(Setting::OomScore(*score)),
            Self::Number(number) => Some(Setting::Number(kind, *number)),
            Self::Word(word) | Self::Chosen { word, .. } => Some(Setting::Word(kind, word.clone())),
            Self::Set(numbers) if numbers.is_empty() => None,
            Self::Set(numbers) => Some(Setting::Set(kind, numbers.clone())),
            Self::Lane(Found::Ours(lane)) => Some(Setting::Lane(kind, lane.clone())),
            Self::Keyed(lines) if matches!(kind, KnobKind::IoMax | KnobKind::IoLatency) => {
                Some(Setting::Keyed(kind, by_disk(lines)))
            }
            Self::Fan(Drive::ByHand(speed)) => Some(Setting::Number(kind, (*speed).into())),
            Self::Keyed(_)
            | Self::Fan(Drive::ByChip(_))
            | Self::Handed(_)
            | Self::Class(_)
            | Self::Group { .. }
            | Self::Halted(_)
            | Self::Lane(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nice(nice) => write!(f, "{nice}"),
            Self::Class(policy) => policy.fmt(f),
            Self::IoPriority(priority) => priority.fmt(f),
            Self::Number(Setting::NO_LIMIT) => f.write_str("max"),
            Self::Number(number) => write!(f, "{number}"),
            Self::OomScore(score) => write!(f, "{score}"),
            Self::Lane(found) => found.fmt(f),
            Self::Word(word) | Self::Chosen { word, .. } => f.write_str(word),
            Self::Group { path, .. } => f.write_str(path),
            Self::Set(numbers) if numbers.is_empty() => f.write_str("all"),
            Self::Affinity(numbers) | Self::Set(numbers) => f.write_str(&cpu_list(numbers)),
            Self::Handed(Reach::Nowhere) => f.write_str("not handed down"),
            Self::Handed(Reach::OurGroup) => f.write_str("handed to our group"),
            Self::Handed(Reach::Jobs) => f.write_str("handed to the jobs"),
            Self::Keyed(lines) if lines.is_empty() => f.write_str("none"),
            Self::Keyed(lines) => {
                let of_key = |(key, value): (&String, &String)| format!(" {key}={value}");
                let lines = lines.iter().map(|(of, values)| {
                    let name = of.split(' ').next().unwrap_or_default();
                    name.to_owned() + &values.iter().map(of_key).collect::<String>()
                });
                f.write_str(&lines.collect::<Vec<_>>().join(", "))
            }
            Self::Fan(Drive::ByHand(speed)) => write!(f, "{speed} of 255"),
            Self::Fan(Drive::ByChip(0)) => f.write_str("full speed"),
            Self::Fan(Drive::ByChip(mode)) => write!(f, "automatic, mode {mode}"),
            Self::Halted(true) => f.write_str("paused"),
            Self::Halted(false) => f.write_str("running"),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other => f.write_str("other"),
            Self::Fifo => f.write_str("fifo"),
            Self::RoundRobin => f.write_str("round-robin"),
            Self::Batch => f.write_str("batch"),
            Self::Idle => f.write_str("idle"),
            Self::Deadline => f.write_str("deadline"),
            Self::Foreign(number) => write!(f, "policy {number}"),
        }
    }
}

impl fmt::Display for IoPrio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class() {
            0 => f.write_str("none"),
            Self::REALTIME => write!(f, "realtime/{}", self.level()),
            Self::BEST_EFFORT => write!(f, "best-effort/{}", self.level()),
            Self::IDLE => f.write_str("idle"),
            class => write!(f, "class {class}"),
        }
    }
}

/// What limits the disks have, by name; `max` is none.
fn by_disk(lines: &Lines) -> Keyed {
    let number = |(key, value): (&String, &String)| Some((key.clone(), value.parse().ok()?));
    let of_disk = |(disk, values): (&String, &BTreeMap<String, String>)| {
        (Disk::name_of(disk).to_owned(), values.iter().filter_map(number).collect())
    };
    lines.iter().map(of_disk).collect()
}

/// The kernel's list format: `0-3,8`.
pub fn cpu_list(cpus: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &cpu in cpus {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => ranges.push((cpu, cpu)),
        }
    }
    let ranges: Vec<String> = ranges
        .iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    ranges.join(",")
}

/// The numbers of a list in the kernel's format, `0-3,8`; `None` if it is something else.
pub fn parse_cpu_list(text: &str) -> Option<BTreeSet<u32>> {
    attribute::parse_cpu_list(text.trim().as_bytes()).map(BTreeSet::from_iter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_format_of_the_kernel_is_read_and_written() {
        for list in ["0", "0-3", "0-3,8", "1,3,5-7"] {
            assert_eq!(cpu_list(&parse_cpu_list(list).unwrap()), list);
        }
        assert_eq!(parse_cpu_list("\n"), Some(BTreeSet::new()));
        assert_eq!(parse_cpu_list("all"), None);
        assert_eq!(parse_cpu_list("0-4294967295"), None);
    }

    #[test]
    fn values_read_as_an_operator_would_write_them() {
        let cases = [
            (Value::Nice(-5), "-5"),
            (Value::Class(Policy::Batch), "batch"),
            (Value::IoPriority(IoPrio(0)), "none"),
            (Value::IoPriority(IoPriority::Idle.into()), "idle"),
            (Value::IoPriority(IoPriority::BestEffort(7).into()), "best-effort/7"),
            (Value::Affinity([0, 1, 2, 8].into()), "0-2,8"),
            (Value::Halted(true), "paused"),
        ];
        for (value, text) in cases {
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn every_policy_number_survives_the_journal() {
        for number in 0..8 {
            let policy = Policy::from_number(number);
            let text = serde_json::to_string(&policy).unwrap();
            assert_eq!(serde_json::from_str::<Policy>(&text).unwrap().number(), number);
        }
    }
}
