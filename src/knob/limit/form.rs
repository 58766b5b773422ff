//! How the files of a group show their values, and what a policy's wish amounts to.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::Limit;
use crate::claim::Setting;
use crate::kernel::{Roots, attribute};
use crate::knob::disk::Disk;
use crate::knob::value::{Lines, parse_cpu_list};
use crate::knob::{KnobError, Value, cpu_list};

/// Microseconds in which a quota may be used up: the kernel's own choice.
const PERIOD: u64 = 100_000;
/// No job gets less of the machine than one part in this, nor of one CPU: what is stopped by degrees makes no progress and holds
/// its memory and its disks all the same.
const LEAST_PART: u64 = 20;
/// More than any machine has, and below where the kernel loses count.
const MOST_QUOTA: u64 = 1 << 40;
/// What io.bfq.weight takes at most; io.weight takes ten times as much.
const MOST_WEIGHT: u64 = 10_000;
const MOST_BFQ_WEIGHT: u64 = 1000;

/// What a file of a group holds.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Number {
        least: u64,
        most: u64,
        /// Whether `max` is there for no limit.
        has_max: bool,
    },
    /// A number or `max`, kept in pages.
    Bytes,
    /// CPU time in microseconds for each 100 ms, or `max`. With another period, which we never set, the whole line is a word.
    Quota,
    /// The kernel's list format; empty for whatever the group above has.
    Set {
        /// Below sysfs: what there is to choose from.
        there: &'static str,
        /// Below sysfs: all that there can ever be, which is no limit either.
        all: &'static str,
    },
    /// `default` weight. Weights of single disks are left alone.
    Weight,
    /// A line for each disk with a limit.
    Disks {
        keys: &'static [&'static str],
        /// What stands for no limit.
        none: &'static str,
    },
}

impl Form {
    pub fn is_weight(self) -> bool {
        matches!(self, Self::Weight)
    }

    pub fn is_of_disks(self) -> bool {
        matches!(self, Self::Disks { .. })
    }

    /// What the file says; `None` if that is not of this form.
    pub fn parse(self, roots: &Roots, text: &str) -> Option<Value> {
        let line = text.trim();
        match self {
            Self::Number { .. } | Self::Bytes => parse_number(line).map(Value::Number),
            Self::Quota => {
                let (quota, period) = line.split_once(' ')?;
                let (quota, period) = (parse_number(quota)?, period.parse::<u64>().ok()?);
                Some(if period == PERIOD { Value::Number(quota) } else { Value::Word(line.to_owned()) })
            }
            Self::Set { .. } => parse_cpu_list(line).map(Value::Set),
            Self::Weight => None,
            Self::Disks { none, .. } => disk_lines(roots, text, none).map(Value::Keyed),
        }
    }

    /// How the value is written, for forms of one line.
    pub fn text(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Number { .. } | Self::Bytes, Value::Number(_)) => Some(value.to_string()),
            (Self::Quota, Value::Number(_)) => Some(format!("{value} {PERIOD}")),
            (Self::Quota, Value::Word(line)) => Some(line.clone()),
            // Nothing would be no write at all.
            (Self::Set { .. }, Value::Set(numbers)) => Some(cpu_list(numbers) + "\n"),
            _ => None,
        }
    }

    /// The value that `setting` amounts to. A number beyond the limits is moved to the nearest one, since a policy speaks of many
    /// machines.
    pub fn normalise(self, roots: &Roots, limit: &Limit, setting: &Setting) -> Result<Value, KnobError> {
        let name = limit.kind.name();
        match (self, setting) {
            (Self::Number { has_max: true, .. } | Self::Bytes | Self::Quota, Setting::Number(_, Setting::NO_LIMIT)) => {
                Ok(Value::Number(Setting::NO_LIMIT))
            }
            (Self::Number { least, most, .. }, &Setting::Number(_, number)) => {
                Ok(Value::Number(number.clamp(least, most)))
            }
            (Self::Bytes, &Setting::Number(_, number)) => Ok(Value::Number(in_pages(number))),
            (Self::Quota, &Setting::Number(_, number)) => {
                Ok(Value::Number(number.clamp(least_quota(roots), MOST_QUOTA)))
            }
            (Self::Set { there, .. }, Setting::Set(_, numbers)) => {
                let there =
                    attribute::cpu_list(&roots.sys(there)).map_err(|error| KnobError::Unusable(error.to_string()))?;
                let there: BTreeSet<u32> = there.into_iter().collect();
                let chosen: BTreeSet<u32> = numbers.intersection(&there).copied().collect();
                if chosen.is_empty() {
                    let (asked, there) = (cpu_list(numbers), cpu_list(&there));
                    return Err(KnobError::Unusable(format!("{name} of {asked} would be empty: there is {there}")));
                }
                Ok(Value::Set(chosen))
            }
            (Self::Weight, &Setting::Number(_, number)) => {
                let of_file = |file: &&str| {
                    let most = if file.contains("bfq") { MOST_BFQ_WEIGHT } else { MOST_WEIGHT };
                    let weight = ("default".to_owned(), number.clamp(1, most).to_string());
                    ((*file).to_owned(), BTreeMap::from([weight]))
                };
                Ok(Value::Keyed(limit.files.iter().map(of_file).collect()))
            }
            (Self::Disks { keys, .. }, Setting::Keyed(_, wanted)) => {
                wanted_lines(roots, keys, wanted).map(Value::Keyed)
            }
            (_, other) => Err(KnobError::Unusable(format!("\"{other}\" is no value of {name}"))),
        }
    }

    /// Whether the kernel may show `found` after `written` was written.
    pub fn rounds(self, written: &Value, found: &Value) -> bool {
        match (self, written, found) {
            // A kernel has one of the files or both.
            (Self::Weight, Value::Keyed(written), Value::Keyed(found)) => {
                !found.is_empty() && found.iter().all(|(file, weight)| written.get(file) == Some(weight))
            }
            _ => written == found,
        }
    }

    /// The set that limits nobody; `None` if this is no set.
    pub fn all(self, roots: &Roots) -> Option<BTreeSet<u32>> {
        let Self::Set { all, .. } = self else { return None };
        Some(attribute::cpu_list(&roots.sys(all)).ok()?.into_iter().collect())
    }

    /// For the table of knobs.
    pub fn range(self) -> String {
        match self {
            Self::Number { least, most, has_max: true } => format!("{least} to {most}, or max"),
            Self::Number { least, most, has_max: false } => format!("{least} to {most}"),
            Self::Bytes => "a number, or max".to_owned(),
            Self::Quota => format!("a {LEAST_PART}th of the machine to max"),
            Self::Set { there, .. } => format!("a list such as 0-3,8 of what is in /sys/{there}"),
            Self::Weight => format!("1 to {MOST_WEIGHT}, of BFQ to {MOST_BFQ_WEIGHT}"),
            Self::Disks { keys, .. } => format!("by disk: {}", keys.join(", ")),
        }
    }

    /// For the table of knobs: what becomes of a value.
    pub fn normalisation(self) -> &'static str {
        match self {
            Self::Bytes => "rounded down to pages",
            Self::Set { .. } => "less what is not there; no set becomes the set of all",
            Self::Disks { .. } => "less disks that are not there",
            _ => "kept as written",
        }
    }
}

/// `default 100`, or a bare number as before Linux 5.
pub fn default_weight(text: &str) -> Option<u64> {
    let line = text.lines().next()?.trim();
    line.strip_prefix("default ").unwrap_or(line).parse().ok()
}

/// Lines such as `8:0 rbps=1048576 wbps=max` by disk, without what is no limit. Disks that are not there are left out.
pub fn disk_lines(roots: &Roots, text: &str, none: &str) -> Option<Lines> {
    let mut lines = Lines::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_ascii_whitespace();
        let disk = Disk::numbered(roots, words.next()?);
        let mut limits = BTreeMap::new();
        for word in words {
            let (key, value) = word.split_once('=')?;
            if value != none {
                limits.insert(key.to_owned(), value.to_owned());
            }
        }
        if let Some(disk) = disk.filter(|_| !limits.is_empty()) {
            lines.insert(disk.key(), limits);
        }
    }
    Some(lines)
}

/// The line that gives a disk these limits and no others.
pub fn disk_text(disk: &Disk, limits: Option<&BTreeMap<String, String>>, keys: &[&str], none: &str) -> String {
    let of_key = |key: &&str| {
        let value = limits.and_then(|limits| limits.get(*key));
        format!(" {key}={}", value.map_or(none, String::as_str))
    };
    disk.number.clone() + &keys.iter().map(of_key).collect::<String>()
}

fn wanted_lines(roots: &Roots, keys: &[&str], wanted: &crate::claim::Keyed) -> Result<Lines, KnobError> {
    let mut lines = Lines::new();
    for (name, limits) in wanted {
        if let Some(key) = limits.keys().find(|key| !keys.contains(&key.as_str())) {
            return Err(KnobError::Unusable(format!("{key} is no limit of a disk: {}", keys.join(", "))));
        }
        let limits = limits.iter().filter(|(_, number)| **number != Setting::NO_LIMIT);
        // The kernel takes 0 for a mistake, or for no limit; what is meant is as little as there is.
        let limits: BTreeMap<_, _> = limits.map(|(key, number)| (key.clone(), number.max(&1).to_string())).collect();
        if let Some(disk) = Disk::named(roots, name).filter(|_| !limits.is_empty()) {
            lines.insert(disk.key(), limits);
        }
    }
    if lines.is_empty() {
        let names: Vec<&str> = wanted.keys().map(String::as_str).collect();
        return Err(KnobError::Unusable(format!("no limit of a disk that is there: {}", names.join(", "))));
    }
    Ok(lines)
}

fn parse_number(text: &str) -> Option<u64> {
    if text == "max" { Some(Setting::NO_LIMIT) } else { text.parse().ok() }
}

fn least_quota(roots: &Roots) -> u64 {
    let cpus = attribute::cpu_list(&roots.sys("devices/system/cpu/online")).map_or(1, |cpus| cpus.len().max(1));
    PERIOD * u64::try_from(cpus).unwrap_or(1) / LEAST_PART
}

/// The kernel counts in pages, and takes what is beyond all memory for `max`.
fn in_pages(bytes: u64) -> u64 {
    const BEYOND: u64 = 1 << 62;
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    let page = page.and_then(|page| u64::try_from(page).ok()).unwrap_or(4096);
    if bytes >= BEYOND { Setting::NO_LIMIT } else { bytes - bytes % page }
}
