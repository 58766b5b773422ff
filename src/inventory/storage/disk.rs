//! Whole disks: what they are, and how the kernel drives them.
//!
//! Source: `Documentation/ABI/stable/sysfs-block`, `Documentation/ABI/stable/sysfs-devices-node`, `Documentation/hwmon`,
//! `Documentation/driver-api/mmc/mmc-dev-attrs.rst`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::Survey;
use super::speed::Measured;
use super::transport::{Class, Transport};
use crate::kernel::{KernelError, Roots, attribute, block, file, text};
use crate::units::{Bytes, Celsius, Ratio};

/// sysfs counts sizes in sectors of this size, whatever those of the device are.
const SECTOR: u64 = 512;

/// A disk of hardware, or what a virtual machine takes for one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disk {
    /// The kernel's name, such as `nvme0n1`.
    pub name: String,
    pub class: Option<Class>,
    pub transport: Option<Transport>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub firmware: Option<String>,
    pub serial: Option<String>,
    /// World wide name, EUI-64 or NGUID: unlike the kernel's name, it stays with the disk.
    pub wwn: Option<String>,
    #[serde(rename = "size_bytes")]
    pub size: Option<Bytes>,
    #[serde(rename = "logical_block_bytes")]
    pub logical_block: Option<Bytes>,
    #[serde(rename = "physical_block_bytes")]
    pub physical_block: Option<Bytes>,
    pub rotational: Option<bool>,
    pub removable: Option<bool>,
    pub read_only: Option<bool>,
    /// Whether it can be told to forget blocks.
    pub discard: Option<bool>,
    pub scheduler: Option<String>,
    pub schedulers: Vec<String>,
    /// Requests that the kernel keeps in its queue, each for reads and for writes.
    pub queue_requests: Option<u64>,
    /// Commands that the disk takes at once, where the kernel says so.
    pub queue_depth: Option<u64>,
    #[serde(rename = "read_ahead_bytes")]
    pub read_ahead: Option<Bytes>,
    /// `write back` if the disk may lose what it has taken, `write through` if not.
    pub write_cache: Option<String>,
    pub numa_node: Option<u32>,
    #[serde(rename = "temperature_celsius")]
    pub temperature: Option<Celsius>,
    /// Share of its life that is used up, at most: of eMMC, which counts in tenths.
    #[serde(rename = "wear_ratio")]
    pub wear: Option<Ratio>,
    /// Only on request.
    pub measured: Option<Measured>,
}

impl Disk {
    pub(super) fn read(roots: &Roots, name: &str, survey: &mut Survey) -> Self {
        let directory = block::directory(roots, name);
        let (queue, device) = (directory.join("queue"), directory.join("device"));
        let mut flag = |path: PathBuf| survey.fact(attribute::flag(&path));
        let rotational = flag(queue.join("rotational"));
        let removable = flag(directory.join("removable"));
        let read_only = flag(directory.join("ro"));
        let mut number = |path: PathBuf| survey.fact(attribute::decimal(&path));
        let size = number(directory.join("size")).and_then(|sectors| sectors.checked_mul(SECTOR));
        let logical_block = number(queue.join("logical_block_size"));
        let physical_block = number(queue.join("physical_block_size"));
        let read_ahead = number(queue.join("read_ahead_kb")).and_then(|kibibytes| kibibytes.checked_mul(1024));
        let queue_requests = number(queue.join("nr_requests"));
        let discard = number(queue.join("discard_max_bytes")).map(|most| most > 0);
        let transport = survey.known(Transport::of(roots, name));
        Self {
            name: name.to_owned(),
            class: survey.known(Class::of(transport, rotational, removable)),
            transport,
            vendor: vendor(&device, survey),
            model: word(&[device.join("model"), device.join("name")], survey),
            firmware: word(&["firmware_rev", "rev", "fwrev"].map(|name| device.join(name)), survey),
            serial: word(&[device.join("serial"), directory.join("serial")], survey).or_else(|| scsi_serial(&device)),
            wwn: word(&[directory.join("wwid"), device.join("wwid")], survey),
            size: size.map(Bytes),
            logical_block: logical_block.map(Bytes),
            physical_block: physical_block.map(Bytes),
            rotational,
            removable,
            read_only,
            discard,
            scheduler: survey.fact(attribute::chosen(&queue.join("scheduler"))),
            schedulers: schedulers(&queue),
            queue_requests,
            queue_depth: survey.fact_if_there(attribute::decimal(&device.join("queue_depth"))),
            read_ahead: read_ahead.map(Bytes),
            write_cache: survey.fact_if_there(attribute::text(&queue.join("write_cache"))),
            numa_node: numa_node(roots, &directory),
            temperature: temperature(&device, survey),
            wear: wear(&device, survey),
            measured: None,
        }
    }
}

/// The first of several files that is there; an empty one says that the disk does not tell.
fn word(paths: &[PathBuf], survey: &mut Survey) -> Option<String> {
    let line = |bytes: &[u8]| Ok(text::lossy(text::lines(bytes).next().unwrap_or_default().trim_ascii()));
    let there = paths.iter().find(|path| path.exists())?;
    survey.fact_if_there(file::read(there, line)).filter(|word| !word.is_empty())
}

/// Disks behind a SATA bridge are all of the vendor `ATA`; virtio shows a number of PCI.
fn vendor(device: &Path, survey: &mut Survey) -> Option<String> {
    word(&[device.join("vendor")], survey).filter(|vendor| vendor != "ATA" && !vendor.starts_with("0x"))
}

/// Page 80h of the vital product data: four bytes of head, then the number.
fn scsi_serial(device: &Path) -> Option<String> {
    let serial = file::read(&device.join("vpd_pg80"), |bytes| {
        let length = bytes.get(2..4).map(|length| usize::from(length[0]) << 8 | usize::from(length[1]));
        let number = length.and_then(|length| bytes.get(4..4 + length)).ok_or("shorter than it says")?;
        Ok(text::lossy(number.trim_ascii()))
    });
    serial
        .ok()
        .filter(|serial| !serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '))
}

/// All words of `none [mq-deadline] bfq`.
fn schedulers(queue: &Path) -> Vec<String> {
    let words = file::read(&queue.join("scheduler"), |bytes| {
        Ok(text::fields(bytes).map(|word| text::lossy(word).trim_matches(['[', ']']).to_owned()).collect())
    });
    words.unwrap_or_default()
}

/// Of the nearest device on the way to the processor that has one; a machine with one node says -1.
fn numa_node(roots: &Roots, directory: &Path) -> Option<u32> {
    let whole = fs::canonicalize(directory).ok()?;
    let top = fs::canonicalize(&roots.sysfs).ok()?;
    let way = whole.ancestors().take_while(|above| above.starts_with(&top));
    let node = way.map(|above| attribute::signed(&above.join("numa_node"))).find(|read| !gone(read))?;
    u32::try_from(node.ok()?).ok()
}

fn gone<T>(read: &Result<T, KernelError>) -> bool {
    read.as_ref().is_err_and(KernelError::is_gone)
}

/// In thousandths of a degree. The sensor lies below the disk, or below its controller.
fn temperature(device: &Path, survey: &mut Survey) -> Option<Celsius> {
    let controllers =
        attribute::entries(device).unwrap_or_default().into_iter().filter(|name| name.starts_with("nvme"));
    let places = [device.to_owned(), device.join("hwmon")].into_iter().chain(controllers.map(|name| device.join(name)));
    let sensors = places.flat_map(|place| {
        let names = attribute::entries(&place).unwrap_or_default().into_iter();
        names.filter(|name| name.starts_with("hwmon") && name.len() > 5).map(move |name| place.join(name))
    });
    let input = sensors.map(|sensor| sensor.join("temp1_input")).find(|input| input.exists())?;
    let thousandths = survey.fact_if_there(attribute::signed(&input))?;
    i32::try_from(thousandths).ok().map(|thousandths| Celsius(f64::from(thousandths) / 1000.0))
}

/// Two estimates in hexadecimal, of two kinds of memory: `0x03` is 20 to 30 %, `0x0b` more than all, `0x00` not told.
fn wear(device: &Path, survey: &mut Survey) -> Option<Ratio> {
    let tenths = survey.fact_if_there(file::read(&device.join("life_time"), |bytes| {
        let estimate = |word: &[u8]| {
            let digits = std::str::from_utf8(word.strip_prefix(b"0x")?).ok()?;
            u8::from_str_radix(digits, 16).ok().filter(|tenths| *tenths <= 0x0b)
        };
        let estimates: Option<Vec<u8>> = text::fields(bytes).map(estimate).collect();
        Ok(estimates.ok_or("not two estimates")?.into_iter().max().filter(|tenths| *tenths > 0))
    }))?;
    tenths.map(|tenths| Ratio(f64::from(tenths) / 10.0))
}
