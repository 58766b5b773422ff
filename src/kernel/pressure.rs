//! Reads pressure files of the machine and of groups, and makes the share of the last interval from their totals: the
//! averages of the kernel are smoothed over ten seconds and more, too slow for a decision each second.
//!
//! Source: `Documentation/accounting/psi.rst`.

use std::path::Path;
use std::time::Duration;

use super::file::KeptFile;
use super::{KernelError, Roots, file, text};
use crate::clock::Moment;
use crate::pressure::{Pressure, PressureSet, PressureState, Resource, Stall};
use crate::units::Ratio;

/// The three pressure files of the machine or of one group, kept open from tick to tick.
#[derive(Debug)]
pub struct PressureReader {
    files: [PressureFile; 3],
}

#[derive(Debug)]
struct PressureFile {
    file: KeptFile,
    previous: Option<Previous>,
}

/// What the previous sample said, and of which opening of the file: after a new one it may be another group's.
#[derive(Debug, Clone, Copy)]
struct Previous {
    at: Duration,
    opening: u64,
    some: Duration,
    full: Option<Duration>,
}

/// Whether the machine measures pressure.
pub fn probe(roots: &Roots) -> PressureState {
    once(roots, Resource::Io)
}

/// One reading of the machine's pressure, without a share of the last interval.
pub fn once(roots: &Roots, resource: Resource) -> PressureState {
    state_of(file::read(&roots.proc(format!("pressure/{}", resource.name())), parse))
}

impl PressureReader {
    /// Pressure of the machine.
    pub fn of_machine(roots: &Roots) -> Self {
        Self::of(|resource| roots.proc(format!("pressure/{}", resource.name())))
    }

    /// Pressure of one cgroup2 group.
    pub fn of_group(directory: &Path) -> Self {
        Self::of(|resource| directory.join(format!("{}.pressure", resource.name())))
    }

    fn of(path: impl Fn(Resource) -> std::path::PathBuf) -> Self {
        let file = |resource| PressureFile { file: KeptFile::new(path(resource)), previous: None };
        Self { files: Resource::ALL.map(file) }
    }

    pub fn read(&mut self, now: Moment) -> PressureSet {
        let [cpu, memory, io] = self.files.each_mut().map(|file| file.read(now));
        PressureSet { cpu, memory, io }
    }
}

impl PressureFile {
    fn read(&mut self, now: Moment) -> PressureState {
        let read = self.file.read(parse);
        let opening = self.file.openings();
        let previous = self.previous.take().filter(|previous| previous.opening == opening);
        state_of(read.map(|mut pressure| {
            let full = pressure.full.map(|full| full.total);
            self.previous = Some(Previous { at: now.boot, opening, some: pressure.some.total, full });
            if let Some(previous) = previous {
                let elapsed = now.since(previous.at);
                pressure.some.recent = share(previous.some, pressure.some.total, elapsed);
                if let (Some(full), Some(earlier)) = (&mut pressure.full, previous.full) {
                    full.recent = share(earlier, full.total, elapsed);
                }
            }
            pressure
        }))
    }
}

/// The share of `elapsed` that was stalled; `None` if no time has passed or the total has shrunk.
fn share(earlier: Duration, total: Duration, elapsed: Duration) -> Option<Ratio> {
    let stalled = total.checked_sub(earlier)?;
    // The kernel adds stalls up in steps that need not fall together with our readings: never more than all the time.
    (!elapsed.is_zero()).then(|| Ratio((stalled.as_secs_f64() / elapsed.as_secs_f64()).min(1.0)))
}

fn state_of(read: Result<Pressure, KernelError>) -> PressureState {
    match read {
        Ok(pressure) => PressureState::Measured(pressure),
        Err(KernelError::Io { source, .. }) if source.raw_os_error() == Some(libc::EOPNOTSUPP) => {
            PressureState::DisabledAtBoot
        }
        Err(error) if error.is_gone() => PressureState::Absent,
        Err(error) => PressureState::Unreadable(error.to_string()),
    }
}

/// A pressure file: a line `some` and, but for CPU before Linux 5.13, a line `full`.
fn parse(bytes: &[u8]) -> Result<Pressure, String> {
    if !bytes.ends_with(b"\n") {
        return Err("cut off: the last line does not end".to_owned());
    }
    let line = |kind: &str| {
        let line = text::lines(bytes).find_map(|line| line.strip_prefix(kind.as_bytes())?.strip_prefix(b" "));
        line.map(|line| parse_stall(line).ok_or_else(|| format!("the line `{kind}` is not as documented"))).transpose()
    };
    Ok(Pressure { some: line("some")?.ok_or("no line `some`")?, full: line("full")? })
}

fn parse_stall(line: &[u8]) -> Option<Stall> {
    let mut fields = text::fields(line);
    let mut value = |key: &[u8]| fields.find_map(|field| field.strip_prefix(key)?.strip_prefix(b"="));
    let mut average = |key| Some(Ratio(text::fraction(value(key)?)? / 100.0));
    // In this order since the file exists.
    Some(Stall {
        avg10: average(b"avg10")?,
        avg60: average(b"avg60")?,
        avg300: average(b"avg300")?,
        total: Duration::from_micros(text::decimal(value(b"total")?)?),
        recent: None,
    })
}

#[cfg(test)]
mod tests;
