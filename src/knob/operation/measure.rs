//! What an operation is judged by, read from procfs and sysfs.
//!
//! Source: `Documentation/filesystems/proc.rst`, `Documentation/admin-guide/mm/numaperf.rst`, `Documentation/block/stat.rst`.

use std::collections::BTreeMap;
use std::path::Path;

use super::Measured;
use crate::claim::{Part, PartClass};
use crate::kernel::{KernelError, Roots, attribute, file, pressure, text};
use crate::knob::{KnobError, Scope};
use crate::pressure::Resource;

/// Blocks of this size hold a huge page.
const LARGE: u64 = 2 << 20;

pub fn job(roots: &Roots, scope: &Scope) -> Result<Measured, KnobError> {
    let (mut resident, mut anonymous, mut swapped) = (0, 0, 0);
    for process in &scope.processes {
        let status = roots.pid(process.pid).join("status");
        let read = file::read(&status, |bytes| {
            let of = |key: &[u8]| kibibytes(bytes, key).ok_or_else(|| format!("no line `{}`", text::lossy(key)));
            // Who has ended and was not reaped yet has no memory any more, and no lines of it.
            let Some(resident) = kibibytes(bytes, b"VmRSS") else { return Ok((0, 0, 0)) };
            Ok((resident, of(b"RssAnon")?, of(b"VmSwap")?))
        });
        match read {
            Ok(found) => (resident, anonymous, swapped) = (resident + found.0, anonymous + found.1, swapped + found.2),
            Err(error) if error.is_gone() => {}
            Err(error) => return Err(unusable(&error)),
        }
    }
    let swap_free = of_meminfo(roots, b"SwapFree")?;
    Ok(Measured::Job { resident, anonymous, swapped, swap_free })
}

pub fn nodes(roots: &Roots, scope: &Scope) -> Result<Measured, KnobError> {
    let mut job = BTreeMap::new();
    for process in &scope.processes {
        match file::read(&roots.pid(process.pid).join("numa_maps"), |bytes| Ok(by_node(bytes))) {
            Ok(found) => found.into_iter().for_each(|(node, bytes)| *job.entry(node).or_default() += bytes),
            Err(error) if error.is_gone() && roots.proc("self/numa_maps").exists() => {}
            Err(error) => return Err(unusable(&error)),
        }
    }
    let mut free = BTreeMap::new();
    for name in attribute::entries(&roots.sys("devices/system/node")).map_err(|error| unusable(&error))? {
        let Some(node) = name.strip_prefix("node").and_then(|number| number.parse().ok()) else { continue };
        let path = roots.sys("devices/system/node").join(name).join("meminfo");
        free.insert(node, kibibytes_in(&path, format!("Node {node} MemFree").as_bytes())?);
    }
    Ok(Measured::Nodes { job, free })
}

/// Of a node, or of all of them.
pub fn free(roots: &Roots, part: &Part) -> Result<Measured, KnobError> {
    let node = if part.class == PartClass::Node { part.name.parse::<u32>().ok() } else { None };
    let sizes = file::read(&roots.proc("buddyinfo"), |bytes| {
        text::lines(bytes).map(|line| zone(line).ok_or_else(|| "a line is not as documented".to_owned())).collect()
    });
    let zones: Vec<(u32, Vec<u64>)> = sizes.map_err(|error| unusable(&error))?;
    let (mut free, mut in_large_blocks) = (0, 0);
    for (order, count) in zones
        .iter()
        .filter(|(of, _)| node.is_none_or(|node| node == *of))
        .flat_map(|(_, blocks)| blocks.iter().enumerate())
    {
        let block = page_size() << order;
        let bytes = count.saturating_mul(block);
        free += bytes;
        in_large_blocks += if block >= LARGE { bytes } else { 0 };
    }
    Ok(Measured::Free { free, in_large_blocks })
}

pub fn cache(roots: &Roots) -> Result<Measured, KnobError> {
    let state = pressure::once(roots, Resource::Memory);
    let Some(measured) = state.measured() else {
        return Err(KnobError::Unusable(format!("the pressure on memory is {}", state.name())));
    };
    let pressure = measured.some.avg10.0;
    let cached = of_meminfo(roots, b"Cached")?.saturating_sub(of_meminfo(roots, b"Shmem")?);
    Ok(Measured::Cache { pressure, cached, total: of_meminfo(roots, b"MemTotal")? })
}

pub fn disk(roots: &Roots, part: &Part) -> Result<Measured, KnobError> {
    let directory = roots.sys("block").join(super::disk::name_of(part)?);
    let rotational = attribute::flag(&directory.join("queue/rotational")).map_err(|error| unusable(&error))?;
    let in_flight = file::read(&directory.join("inflight"), |bytes| {
        let numbers: Option<Vec<u64>> = text::fields(bytes).map(text::decimal).collect();
        numbers.filter(|numbers| numbers.len() == 2).ok_or_else(|| "not two numbers".to_owned())
    });
    let in_flight = in_flight.map_err(|error| unusable(&error))?.iter().sum();
    Ok(Measured::Disk { rotational, in_flight })
}

fn of_meminfo(roots: &Roots, key: &[u8]) -> Result<u64, KnobError> {
    kibibytes_in(&roots.proc("meminfo"), key)
}

fn kibibytes_in(path: &Path, key: &[u8]) -> Result<u64, KnobError> {
    let read = file::read(path, |bytes| kibibytes(bytes, key).ok_or_else(|| format!("no line `{}`", text::lossy(key))));
    read.map_err(|error| unusable(&error))
}

/// `Key:   904 kB`, in bytes.
fn kibibytes(bytes: &[u8], key: &[u8]) -> Option<u64> {
    text::fields(text::value_of(bytes, key)?).next().and_then(text::decimal)?.checked_mul(1024)
}

/// Lines such as `7f00 default anon=3 N0=1 N1=2 kernelpagesize_kB=4`.
fn by_node(bytes: &[u8]) -> BTreeMap<u32, u64> {
    let mut nodes = BTreeMap::new();
    for line in text::lines(bytes) {
        let value = |prefix: &[u8]| text::fields(line).find_map(|field| text::decimal(field.strip_prefix(prefix)?));
        let page = value(b"kernelpagesize_kB=").map_or_else(page_size, |size| size << 10);
        for field in text::fields(line).filter_map(|field| field.strip_prefix(b"N")) {
            let Some(at) = field.iter().position(|&byte| byte == b'=') else { continue };
            let number = text::decimal(&field[..at]).and_then(|number| u32::try_from(number).ok());
            if let (Some(node), Some(pages)) = (number, text::decimal(&field[at + 1..])) {
                *nodes.entry(node).or_default() += pages.saturating_mul(page);
            }
        }
    }
    nodes
}

/// `Node 0, zone   Normal      4      4 ...`
fn zone(line: &[u8]) -> Option<(u32, Vec<u64>)> {
    let mut fields = text::fields(line);
    let node = fields.nth(1)?.strip_suffix(b",").and_then(text::decimal)?;
    let blocks: Vec<u64> = fields.skip(2).map(text::decimal).collect::<Option<_>>()?;
    (blocks.len() <= 32).then_some((u32::try_from(node).ok()?, blocks))
}

fn page_size() -> u64 {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    size.ok().flatten().and_then(|size| u64::try_from(size).ok()).unwrap_or(4096)
}

fn unusable(error: &KernelError) -> KnobError {
    KnobError::Unusable(error.to_string())
}
