//! Memory modules and their slots, from the tables of the firmware. Serial numbers are not taken: they name a machine's owner.
//!
//! Source: DMTF DSP0134, structures "Physical Memory Array" (type 16) and "Memory Device" (type 17).

use std::collections::BTreeSet;

use serde::Serialize;

use super::channel::channel;
use crate::inventory::Survey;
use crate::kernel::Roots;
use crate::kernel::smbios::{Structure, Tables};
use crate::units::{Bytes, Volts};

const ARRAY: u8 = 16;
const DEVICE: u8 = 17;
const MIB: u64 = 1 << 20;
/// What firmware writes where it has nothing to say.
const PLACEHOLDERS: [&str; 10] = [
    "not specified",
    "unknown",
    "undefined",
    "none",
    "n/a",
    "no dimm",
    "not available",
    "[empty]",
    "empty",
    "to be filled by o.e.m.",
];

/// What the firmware says of the memory of this machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Board {
    pub slots: Option<u32>,
    pub populated_slots: Option<u32>,
    pub populated_channels: Option<u32>,
    pub largest_possible: Option<Bytes>,
    pub error_correction: Option<&'static str>,
    pub modules: Option<Vec<MemoryModule>>,
}

/// A module in its slot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryModule {
    /// The how manieth slot it is, from 0 on; tells modules apart whose names are the same.
    pub slot: u32,
    /// What is printed on the board: `DIMM_A1`.
    pub locator: Option<String>,
    pub bank: Option<String>,
    /// As the names of slot and bank say it.
    pub channel: Option<String>,
    #[serde(rename = "size_bytes")]
    pub size: Option<Bytes>,
    #[serde(rename = "type")]
    pub technology: Option<&'static str>,
    pub form_factor: Option<&'static str>,
    /// What the module is made for.
    #[serde(rename = "rated_transfers_per_second")]
    pub rated_speed: Option<u64>,
    /// What the firmware has set.
    #[serde(rename = "configured_transfers_per_second")]
    pub configured_speed: Option<u64>,
    #[serde(rename = "configured_volts")]
    pub configured_voltage: Option<Volts>,
    pub ranks: Option<u8>,
    pub data_width_bits: Option<u16>,
    /// With the bits for error correction.
    pub total_width_bits: Option<u16>,
    pub manufacturer: Option<String>,
    pub part_number: Option<String>,
}

/// A group of slots: those of one socket, or of the machine.
#[derive(Debug, Clone, Copy)]
struct Array {
    handle: u16,
    is_system_memory: bool,
    slots: Option<u32>,
    largest: Option<Bytes>,
    error_correction: Option<&'static str>,
}

impl Board {
    /// `None` where the firmware tells nothing of its memory.
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Option<Self> {
        let tables = survey.fact_if_there(Tables::read(roots, &[ARRAY, DEVICE]))?;
        let arrays: Vec<Array> = of_type(&tables, ARRAY).map(|structure| Array::of(&structure)).collect();
        let elsewhere = |device: &Structure| {
            let array = device.word(0x04).and_then(|handle| arrays.iter().find(|array| array.handle == handle));
            array.is_some_and(|array| !array.is_system_memory)
        };
        let devices: Vec<Structure> = of_type(&tables, DEVICE).filter(|device| !elsewhere(device)).collect();
        if devices.is_empty() {
            survey.problem("the tables of the firmware name no memory device");
            return None;
        }
        let populated = (0..).zip(&devices).filter(|(_, device)| is_populated(device));
        let modules: Vec<_> = populated.map(|(slot, device)| MemoryModule::of(slot, device)).collect();
        Some(Self::of(&arrays, &devices, modules, survey))
    }

    fn of(arrays: &[Array], devices: &[Structure], modules: Vec<MemoryModule>, survey: &mut Survey) -> Self {
        let arrays: Vec<_> = arrays.iter().filter(|array| array.is_system_memory).collect();
        let told = arrays.iter().map(|array| array.slots).reduce(|sum, slots| sum?.checked_add(slots?)).flatten();
        let slots = u32::try_from(devices.len()).ok();
        if let (Some(told), Some(slots)) = (told, slots)
            && told != slots
        {
            survey.doubt(format!("the firmware says that there are {told} slots for memory, and describes {slots}"));
        }
        let largest =
            arrays.iter().map(|array| array.largest).reduce(|sum, size| Some(Bytes(sum?.0.checked_add(size?.0)?)));
        for module in &modules {
            survey.known(module.size);
            survey.known(module.technology);
            survey.known(module.configured_speed.or(module.rated_speed));
        }
        Self {
            slots: survey.known(slots),
            populated_slots: survey.known(u32::try_from(modules.len()).ok()),
            populated_channels: populated_channels(&modules),
            largest_possible: survey.known(largest.flatten()),
            error_correction: survey.known(arrays.first().and_then(|array| array.error_correction)),
            modules: Some(modules),
        }
    }
}

/// Known only if each module says on which channel it is.
fn populated_channels(modules: &[MemoryModule]) -> Option<u32> {
    let channels: Option<BTreeSet<&str>> = modules.iter().map(|module| module.channel.as_deref()).collect();
    channels.and_then(|channels| u32::try_from(channels.len()).ok()).filter(|channels| *channels > 0)
}

fn of_type(tables: &Tables, kind: u8) -> impl Iterator<Item = Structure<'_>> {
    tables.structures().filter(move |structure| structure.kind == kind)
}

impl Array {
    fn of(array: &Structure) -> Self {
        Self {
            handle: array.handle,
            is_system_memory: array.byte(0x05) == Some(3),
            slots: array.word(0x0D).map(u32::from).filter(|slots| *slots > 0),
            largest: largest_of(array),
            error_correction: array.byte(0x06).and_then(error_correction),
        }
    }
}

/// In KiB or, from 2 TiB on, in bytes in a field that only newer firmware has.
fn largest_of(array: &Structure) -> Option<Bytes> {
    let bytes = match array.double_word(0x07)? {
        0x8000_0000 => array.quad_word(0x0F)?,
        kibibytes => u64::from(kibibytes) << 10,
    };
    (bytes > 0).then_some(Bytes(bytes))
}

impl MemoryModule {
    fn of(slot: u32, device: &Structure) -> Self {
        let (locator, bank) = (said(device, 0x10), said(device, 0x11));
        Self {
            slot,
            size: size_of(device),
            channel: channel(bank.as_deref(), locator.as_deref()),
            locator,
            bank,
            technology: device.byte(0x12).and_then(technology),
            form_factor: device.byte(0x0E).and_then(form_factor),
            rated_speed: speed(device, 0x15, 0x54),
            configured_speed: speed(device, 0x20, 0x58),
            configured_voltage: device.word(0x26).filter(|it| *it > 0).map(|it| Volts(f64::from(it) / 1000.0)),
            ranks: device.byte(0x1B).map(|attributes| attributes & 0x0F).filter(|ranks| *ranks > 0),
            data_width_bits: width(device, 0x0A),
            total_width_bits: width(device, 0x08),
            manufacturer: said(device, 0x17),
            part_number: said(device, 0x1A),
        }
    }
}

/// A slot with a module in it says how large it is, or that this is not known.
fn is_populated(device: &Structure) -> bool {
    device.word(0x0C).is_some_and(|size| size != 0)
}

fn size_of(device: &Structure) -> Option<Bytes> {
    let size = match device.word(0x0C)? {
        0xFFFF => return None,
        // What does not fit stands in MiB in a field of its own, whose highest bit is reserved.
        0x7FFF => u64::from(device.double_word(0x1C)? & 0x7FFF_FFFF) * MIB,
        size if size & 0x8000 != 0 => u64::from(size & 0x7FFF) << 10,
        size => u64::from(size) * MIB,
    };
    (size > 0).then_some(Bytes(size))
}

/// In millions of transfers per second; what does not fit stands in a field of its own.
fn speed(device: &Structure, at: usize, extended: usize) -> Option<u64> {
    let millions = match device.word(at)? {
        0xFFFF => u64::from(device.double_word(extended)? & 0x7FFF_FFFF),
        millions => millions.into(),
    };
    (millions > 0).then_some(millions * 1_000_000)
}

fn width(device: &Structure, at: usize) -> Option<u16> {
    device.word(at).filter(|bits| !matches!(bits, 0 | 0xFFFF))
}

fn said(device: &Structure, at: usize) -> Option<String> {
    device.text(at).filter(|text| !PLACEHOLDERS.contains(&text.to_ascii_lowercase().as_str()))
}

fn error_correction(code: u8) -> Option<&'static str> {
    Some(match code {
        0x03 => "none",
        0x04 => "parity",
        0x05 => "single-bit ECC",
        0x06 => "multi-bit ECC",
        0x07 => "CRC",
        _ => return None,
    })
}

fn technology(code: u8) -> Option<&'static str> {
    Some(match code {
        0x03 => "DRAM",
        0x07 => "RAM",
        0x0F => "SDRAM",
        0x12 => "DDR",
        0x13 => "DDR2",
        0x14 => "DDR2 FB-DIMM",
        0x18 => "DDR3",
        0x1A => "DDR4",
        0x1B => "LPDDR",
        0x1C => "LPDDR2",
        0x1D => "LPDDR3",
        0x1E => "LPDDR4",
        0x1F => "non-volatile",
        0x20 => "HBM",
        0x21 => "HBM2",
        0x22 => "DDR5",
        0x23 => "LPDDR5",
        0x24 => "HBM3",
        _ => return None,
    })
}

fn form_factor(code: u8) -> Option<&'static str> {
    Some(match code {
        0x03 => "SIMM",
        0x05 => "chip",
        0x06 => "DIP",
        0x09 => "DIMM",
        0x0B => "row of chips",
        0x0C => "RIMM",
        0x0D => "SODIMM",
        0x0E => "SRIMM",
        0x0F => "FB-DIMM",
        0x10 => "die",
        0x11 => "CAMM",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
