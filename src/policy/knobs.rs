//! The knobs that policies may set: which kinds of policies, in which units, within which bounds.
//!
//! The name of a knob is its name everywhere: in `plotwarden knobs`, in metrics, in the audit file. What is written here is for people
//! (`95W`, `2.4GHz`, `on`), what the knob gets is in its own unit (microwatts, kilohertz, 1).

use std::collections::{BTreeMap, BTreeSet};

use super::quantity::Level;
use super::rules::{Kind, Unit};
use super::schema::KnobValue;
use crate::claim::{IoPriority, Keyed, KnobKind, PartClass, SchedClass, Setting};
use crate::units::{float, whole};

/// What the value of a knob looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Form {
    /// A quantity; the knob's own unit is `scale` of them to one. `max` is no limit, where the knob knows one.
    Quantity { unit: Unit, scale: f64, least: f64, most: f64, max: bool },
    /// `on` or `off`.
    Switch,
    /// One of these; any word where there are none, because the hardware decides.
    Word(&'static [&'static str]),
    /// Numbers of CPUs or nodes: `0-3,8`.
    Numbers,
    /// By disk: `{read: 200MiB/s, write: 100MiB/s, readOps: 5000, writeOps: 5000}`.
    Rates,
}

/// Who may set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    /// What a plot gets against others: every kind.
    Share,
    Of(&'static [Kind]),
}

/// A knob as policies see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PolicyKnob {
    pub kind: KnobKind,
    pub form: Form,
    /// The class of parts that has it; `None` if jobs have.
    pub of: Option<PartClass>,
    area: Area,
}

const fn plain(least: f64, most: f64) -> Form {
    Form::Quantity { unit: Unit::Plain, scale: 1.0, least, most, max: false }
}

const fn quantity(unit: Unit, scale: f64, least: f64, most: f64) -> Form {
    Form::Quantity { unit, scale, least, most, max: false }
}

const fn limit(unit: Unit, scale: f64, least: f64, most: f64) -> Form {
    Form::Quantity { unit, scale, least, most, max: true }
}

const fn of_job(kind: KnobKind, form: Form, area: Area) -> PolicyKnob {
    PolicyKnob { kind, form, of: None, area }
}

const fn of_part(kind: KnobKind, of: PartClass, form: Form, area: Area) -> PolicyKnob {
    PolicyKnob { kind, form, of: Some(of), area }
}

const CPU: Area = Area::Of(&[Kind::Cpu]);
const MEMORY: Area = Area::Of(&[Kind::Memory]);
const STORAGE: Area = Area::Of(&[Kind::Storage]);
const POWER: Area = Area::Of(&[Kind::Power]);
const CPU_AND_POWER: Area = Area::Of(&[Kind::Cpu, Kind::Power]);
const STORAGE_AND_POWER: Area = Area::Of(&[Kind::Storage, Kind::Power]);
const EXABYTE: f64 = 1e18;
const LINK_POLICIES: &[&str] =
    &["max_performance", "medium_power", "med_power_with_dipm", "min_power", "min_power_with_partial"];

/// In the order in which they are applied.
pub const ALL: &[PolicyKnob] = &[
    of_job(KnobKind::CpuWeight, plain(1.0, 10_000.0), Area::Share),
    // 100 % is one CPU.
    of_job(KnobKind::CpuQuota, limit(Unit::Share, 1e5, 0.05, 4096.0), CPU_AND_POWER),
    of_job(KnobKind::CpuIdle, Form::Switch, Area::Share),
    of_job(KnobKind::CpuSet, Form::Numbers, CPU),
    of_job(KnobKind::NodeSet, Form::Numbers, CPU),
    of_job(KnobKind::MemoryLow, limit(Unit::Bytes, 1.0, 0.0, EXABYTE), MEMORY),
    of_job(KnobKind::MemoryHigh, limit(Unit::Bytes, 1.0, 0.0, EXABYTE), MEMORY),
    of_job(KnobKind::MemoryMax, limit(Unit::Bytes, 1.0, 0.0, EXABYTE), MEMORY),
    of_job(KnobKind::SwapMax, limit(Unit::Bytes, 1.0, 0.0, EXABYTE), MEMORY),
    of_job(KnobKind::IoWeight, plain(1.0, 10_000.0), Area::Share),
    of_job(KnobKind::IoMax, Form::Rates, STORAGE),
    of_job(KnobKind::PidsMax, limit(Unit::Plain, 1.0, 1.0, 4_194_304.0), CPU),
    of_job(KnobKind::Nice, plain(-20.0, 19.0), Area::Share),
    of_job(KnobKind::SchedClass, Form::Word(&["other", "batch", "idle"]), Area::Share),
    of_job(KnobKind::IoPriority, Form::Word(IO_PRIORITIES), Area::Share),
    of_job(KnobKind::Affinity, Form::Numbers, CPU),
    of_job(KnobKind::OomScore, plain(-1000.0, 1000.0), MEMORY),
    of_job(KnobKind::TimerSlack, quantity(Unit::Seconds, 1e9, 1e-9, 1.0), CPU_AND_POWER),
    of_part(KnobKind::CpuGovernor, PartClass::CpuPolicy, Form::Word(&[]), CPU_AND_POWER),
    of_part(KnobKind::CpuMaxFrequency, PartClass::CpuPolicy, quantity(Unit::Hertz, 1e-3, 1e8, 1e10), CPU_AND_POWER),
    of_part(KnobKind::CpuMinFrequency, PartClass::CpuPolicy, quantity(Unit::Hertz, 1e-3, 1e8, 1e10), CPU_AND_POWER),
    of_part(KnobKind::EnergyPreference, PartClass::CpuPolicy, Form::Word(&[]), CPU_AND_POWER),
    of_part(KnobKind::CpuBoost, PartClass::Machine, Form::Switch, CPU_AND_POWER),
    of_part(KnobKind::IdleStateDisable, PartClass::IdleState, Form::Switch, CPU_AND_POWER),
    of_part(KnobKind::WakeLatency, PartClass::Cpu, quantity(Unit::Seconds, 1e6, 0.0, 1.0), CPU_AND_POWER),
    of_part(KnobKind::CpuOnline, PartClass::Cpu, Form::Switch, CPU_AND_POWER),
    of_part(KnobKind::Smt, PartClass::Machine, Form::Word(&["on", "off"]), CPU_AND_POWER),
    of_part(KnobKind::IrqAffinity, PartClass::Irq, Form::Numbers, CPU),
    of_part(KnobKind::PowerWindow, PartClass::PowerConstraint, quantity(Unit::Seconds, 1e6, 1e-6, 1000.0), POWER),
    of_part(KnobKind::PowerLimit, PartClass::PowerConstraint, quantity(Unit::Watts, 1e6, 1.0, 10_000.0), POWER),
    of_part(KnobKind::GpuPowerLimit, PartClass::Gpu, quantity(Unit::Watts, 1e3, 1.0, 10_000.0), POWER),
    of_part(KnobKind::GpuMaxClock, PartClass::Gpu, limit(Unit::Hertz, 1e-6, 1e6, 1e10), POWER),
    of_part(KnobKind::GpuMaxMemoryClock, PartClass::Gpu, limit(Unit::Hertz, 1e-6, 1e6, 1e11), POWER),
    of_part(KnobKind::Fan, PartClass::Fan, quantity(Unit::Share, 255.0, 0.3, 1.0), POWER),
    of_part(KnobKind::PlatformProfile, PartClass::Machine, Form::Word(&[]), POWER),
    of_part(KnobKind::RuntimePower, PartClass::Device, Form::Word(&["on", "auto"]), POWER),
    of_part(KnobKind::LinkPower, PartClass::DiskHost, Form::Word(LINK_POLICIES), STORAGE_AND_POWER),
    of_part(KnobKind::DiskPower, PartClass::Disk, limit(Unit::Plain, 1.0, 1.0, 254.0), STORAGE_AND_POWER),
    of_part(KnobKind::IoScheduler, PartClass::Disk, Form::Word(&[]), STORAGE),
    of_part(KnobKind::QueueRequests, PartClass::Disk, plain(4.0, 2048.0), STORAGE),
    of_part(KnobKind::ReadAhead, PartClass::Disk, quantity(Unit::Bytes, 1.0 / 1024.0, 0.0, 1_073_741_824.0), STORAGE),
    of_part(KnobKind::WriteCache, PartClass::Disk, Form::Word(&["write back", "write through"]), STORAGE),
    of_part(KnobKind::WriteLatency, PartClass::Disk, quantity(Unit::Seconds, 1e6, 1e-6, 10.0), STORAGE),
    of_part(KnobKind::CompletionCpu, PartClass::Disk, plain(0.0, 2.0), STORAGE),
    of_part(KnobKind::DirtyShare, PartClass::Disk, quantity(Unit::Share, 100.0, 0.0, 1.0), STORAGE),
    of_part(KnobKind::DirtyReserve, PartClass::Disk, quantity(Unit::Share, 100.0, 0.0, 1.0), STORAGE),
    of_part(KnobKind::HugePages, PartClass::PagePool, plain(0.0, 4_294_967_296.0), MEMORY),
    of_part(KnobKind::Swappiness, PartClass::Machine, plain(0.0, 200.0), MEMORY),
    of_part(KnobKind::WatermarkScale, PartClass::Machine, plain(1.0, 3000.0), MEMORY),
    of_part(KnobKind::ZoneReclaim, PartClass::Machine, plain(0.0, 7.0), MEMORY),
];

const IO_PRIORITIES: &[&str] = &[
    "best-effort/0",
    "best-effort/1",
    "best-effort/2",
    "best-effort/3",
    "best-effort/4",
    "best-effort/5",
    "best-effort/6",
    "best-effort/7",
    "idle",
];

/// The names of all of them, for hints.
pub const NAMES: &[&str] = &names();

const fn names() -> [&'static str; ALL.len()] {
    let mut names = [""; ALL.len()];
    let mut index = 0;
    while index < ALL.len() {
        names[index] = ALL[index].kind.name();
        index += 1;
    }
    names
}

/// The knob with this name.
pub fn named(name: &str) -> Option<KnobKind> {
    ALL.iter().map(|knob| knob.kind).find(|kind| kind.name() == name)
}

/// What was written for a knob, and what to write instead.
pub type Refusal = (String, String);

impl PolicyKnob {
    /// The knob as policies see it; `None` for those that no policy sets by itself, such as the group of a job.
    pub fn of(kind: KnobKind) -> Option<&'static Self> {
        ALL.iter().find(|knob| knob.kind == kind)
    }

    pub fn may_be_set_by(&self, kind: Kind) -> bool {
        match self.area {
            Area::Share => true,
            Area::Of(kinds) => kinds.contains(&kind) || kind == Kind::Guardrail,
        }
    }

    /// The kinds that may set it; `None` for all.
    pub fn kinds(&self) -> Option<&'static [Kind]> {
        match self.area {
            Area::Share => None,
            Area::Of(kinds) => Some(kinds),
        }
    }

    /// What the knob gets.
    ///
    /// # Errors
    /// The problem, and what to write instead.
    pub fn setting(&self, value: &KnobValue) -> Result<Setting, Refusal> {
        let name = self.kind.name();
        match (self.form, value) {
            (Form::Quantity { max: true, .. }, KnobValue::Text(text)) if text == "max" => {
                Ok(Setting::Number(self.kind, Setting::NO_LIMIT))
            }
            (Form::Quantity { unit, scale, least, most, .. }, value) => {
                let found = level(value, unit).ok_or_else(|| self.refusal(value))?;
                if !(least..=most).contains(&found) {
                    let [found, least, most] = [found, least, most].map(|value| unit.show(value));
                    return Err((format!("`{name}` cannot be {found}"), format!("write {least} to {most}")));
                }
                Ok(self.number(found * scale))
            }
            (Form::Switch, KnobValue::Text(text)) if text == "on" || text == "off" => {
                Ok(Setting::Number(self.kind, u64::from(text == "on")))
            }
            (Form::Word(words), KnobValue::Text(word)) if words.is_empty() || words.contains(&word.as_str()) => {
                Ok(self.word(word))
            }
            (Form::Numbers, value) => {
                let numbers = numbers(value).ok_or_else(|| self.refusal(value))?;
                Ok(if self.kind == KnobKind::Affinity {
                    Setting::Affinity(numbers)
                } else {
                    Setting::Set(self.kind, numbers)
                })
            }
            (Form::Rates, KnobValue::Rates(rates)) => {
                let mut limits = BTreeMap::new();
                for (key, rate) in rates {
                    let (key, limit) = self::rate(key, rate)?;
                    limits.insert(key, limit);
                }
                if limits.is_empty() {
                    return Err(self.refusal(value));
                }
                Ok(Setting::Keyed(self.kind, Keyed::from([(String::new(), limits)])))
            }
            (Form::Switch | Form::Word(_) | Form::Rates, value) => Err(self.refusal(value)),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the bounds of both lie within an i16")]
    fn number(&self, value: f64) -> Setting {
        match self.kind {
            KnobKind::Nice => Setting::Nice(value.round() as i8),
            KnobKind::OomScore => Setting::OomScore(value.round() as i16),
            kind => Setting::Number(kind, whole(value)),
        }
    }

    fn word(&self, word: &str) -> Setting {
        match (self.kind, word) {
            (KnobKind::SchedClass, "batch") => Setting::SchedClass(SchedClass::Batch),
            (KnobKind::SchedClass, "idle") => Setting::SchedClass(SchedClass::Idle),
            (KnobKind::SchedClass, _) => Setting::SchedClass(SchedClass::Other),
            (KnobKind::IoPriority, "idle") => Setting::IoPriority(IoPriority::Idle),
            (KnobKind::IoPriority, level) => {
                let level = level.rsplit('/').next().and_then(|level| level.parse().ok()).unwrap_or(7);
                Setting::IoPriority(IoPriority::BestEffort(level))
            }
            (kind, word) => Setting::Word(kind, word.to_owned()),
        }
    }

    fn refusal(&self, value: &KnobValue) -> Refusal {
        let written = written(value);
        let problem = match (self.form, value) {
            (Form::Quantity { unit, .. }, KnobValue::Number(_)) if unit != Unit::Plain => {
                format!("{written} has no unit")
            }
            _ => format!("{written} is no value of `{}`", self.kind.name()),
        };
        (problem, format!("write {}", self.example()))
    }

    /// What a value looks like.
    pub fn example(&self) -> String {
        match self.form {
            Form::Quantity { unit, least, most, .. } => {
                format!("{} to {}", unit.show(least), unit.show(most))
            }
            Form::Switch => "`on` or `off`".to_owned(),
            Form::Word([]) => "a word that the machine knows; `plotwarden knobs` shows what is set now".to_owned(),
            Form::Word(words) => words.join(", "),
            Form::Numbers => "numbers such as `'0-3,8'`".to_owned(),
            Form::Rates => "`{read: 200MiB/s, write: 100MiB/s}`".to_owned(),
        }
    }

    /// A setting as people write it: `95W` for 95,000,000.
    pub fn show(&self, setting: &Setting) -> String {
        match (self.form, setting) {
            (Form::Quantity { unit, scale, .. }, Setting::Number(_, number)) if *number != Setting::NO_LIMIT => {
                unit.show(float(*number) / scale)
            }
            (Form::Switch, Setting::Number(_, number)) => if *number == 0 { "off" } else { "on" }.to_owned(),
            (Form::Rates, Setting::Keyed(_, keyed)) => {
                let rates = keyed.values().flatten().map(|(key, limit)| shown_rate(key, *limit));
                rates.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
            }
            (_, setting) => setting.to_string(),
        }
    }
}

fn level(value: &KnobValue, unit: Unit) -> Option<f64> {
    match value {
        KnobValue::Number(number) if unit == Unit::Plain => Some(*number),
        KnobValue::Text(text) => Level::read(text).ok().filter(|level| level.unit == unit).map(|level| level.value),
        KnobValue::Number(_) | KnobValue::Rates(_) => None,
    }
}

/// `0-3,8`.
fn numbers(value: &KnobValue) -> Option<BTreeSet<u32>> {
    let text = match value {
        KnobValue::Text(text) => text.clone(),
        KnobValue::Number(number) if *number >= 0.0 && number.fract() == 0.0 => number.to_string(),
        KnobValue::Number(_) | KnobValue::Rates(_) => return None,
    };
    let mut numbers = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        // No machine has more, and a slip must not fill our memory.
        if first > last || last >= 1 << 16 {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

/// What is written, and the key of `io.max`.
pub const RATE_KEYS: [(&str, &str); 4] =
    [("read", "rbps"), ("write", "wbps"), ("readOps", "riops"), ("writeOps", "wiops")];

fn written(value: &KnobValue) -> String {
    match value {
        KnobValue::Text(text) => format!("`{text}`"),
        KnobValue::Number(number) => format!("`{number}`"),
        KnobValue::Rates(_) => "a map".to_owned(),
    }
}

fn rate(key: &str, value: &KnobValue) -> Result<(String, u64), Refusal> {
    let Some((_, kernel)) = RATE_KEYS.iter().find(|(name, _)| *name == key) else {
        let names: Vec<&str> = RATE_KEYS.iter().map(|(name, _)| *name).collect();
        return Err((format!("`{key}` is no rate of a disk"), super::nearest::suggest(key, &names)));
    };
    let (unit, what, example) = if key.ends_with("Ops") {
        (Unit::Plain, "number of operations per second", "5000")
    } else {
        (Unit::BytesPerSecond, "rate", "200MiB/s")
    };
    let limit = level(value, unit).filter(|limit| *limit >= 0.0);
    let limit =
        limit.ok_or_else(|| (format!("{} is no {what}", written(value)), format!("write `{key}: {example}`")))?;
    let limit = whole(limit);
    if limit == 0 {
        return Err((
            format!("with {} as `{key}` the disk would stand still for the job", written(value)),
            "to stop a job, use `pause`".to_owned(),
        ));
    }
    Ok(((*kernel).to_owned(), limit))
}

fn shown_rate(kernel: &str, limit: u64) -> String {
    let name = RATE_KEYS.iter().find(|(_, known)| *known == kernel).map_or(kernel, |(name, _)| name);
    if kernel.ends_with("iops") {
        format!("{name} {limit}/s")
    } else {
        format!("{name} {}", Unit::BytesPerSecond.show(float(limit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> KnobValue {
        KnobValue::Text(text.to_owned())
    }

    fn set(name: &str, value: &KnobValue) -> Result<Setting, Refusal> {
        PolicyKnob::of(named(name).unwrap()).unwrap().setting(value)
    }

    #[test]
    fn people_write_units_and_knobs_get_their_own() {
        for (name, written, number) in [
            ("power-limit", "95W", 95_000_000),
            ("gpu-power-limit", "0.25kW", 250_000),
            ("cpu-max-frequency", "2.4GHz", 2_400_000),
            ("cpu-quota", "150%", 150_000),
            ("cpu-quota", "max", Setting::NO_LIMIT),
            ("memory-high", "1GiB", 1 << 30),
            ("read-ahead", "4MiB", 4096),
            ("fan", "50%", 128),
            ("write-latency", "75ms", 75_000),
            ("cpu-boost", "off", 0),
        ] {
            let setting = set(name, &text(written)).unwrap();
            assert_eq!(setting, Setting::Number(named(name).unwrap(), number), "{name}");
        }
        assert_eq!(set("nice", &KnobValue::Number(-5.0)), Ok(Setting::Nice(-5)));
        assert_eq!(set("io-priority", &text("best-effort/6")), Ok(Setting::IoPriority(IoPriority::BestEffort(6))));
        assert_eq!(set("cpu-set", &text("0-2,5")), Ok(Setting::Set(KnobKind::CpuSet, BTreeSet::from([0, 1, 2, 5]))));
    }

    #[test]
    fn what_is_no_value_is_told_with_what_is() {
        for (name, value, problem, hint) in [
            ("power-limit", KnobValue::Number(95.0), "`95` has no unit", "1W to 10kW"),
            ("power-limit", text("95%"), "no value of `power-limit`", "1W"),
            ("power-limit", text("0W"), "cannot be 0W", "1W to"),
            ("cpu-weight", text("20%"), "no value of", "1 to 10000"),
            ("cpu-boost", text("maybe"), "no value of", "`on` or `off`"),
            ("sched-class", text("fifo"), "no value of", "other, batch, idle"),
            ("cpu-set", text("3-1"), "no value of", "0-3,8"),
        ] {
            let refused = set(name, &value).unwrap_err();
            assert!(refused.0.contains(problem) && refused.1.contains(hint), "{name}: {refused:?}");
        }
    }

    #[test]
    fn each_is_a_knob_of_its_class_and_shown_as_it_is_written() {
        for knob in ALL {
            assert_eq!(knob.of.is_none(), knob.kind.is_of_job(), "{}", knob.kind.name());
        }
        for (name, written) in [("power-limit", "95W"), ("cpu-max-frequency", "2.4GHz"), ("cpu-quota", "150%")] {
            let knob = PolicyKnob::of(named(name).unwrap()).unwrap();
            assert_eq!(knob.show(&knob.setting(&text(written)).unwrap()), written);
        }
    }
}
