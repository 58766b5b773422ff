//! The bytes of a snapshot: a magic word, a version, the history, and a checksum over all of it.
//!
//! Numbers are little-endian. Lists begin with their length. A reader accepts exactly its own version: an hour of
//! trends is not worth code that reads the formats of the past.

use std::collections::VecDeque;
use std::io::{self, Write};

use super::aggregate::{self, Aggregates, Running};
use super::block::{BLOCK, Block, Payload};
use super::index::{SeriesIndex, Slot};
use super::stamps::Stamps;
use super::tier::{Tier, TierParts};
use super::{FINE_SPAN, History, HistoryConfig, MEDIUM_SPAN};

const MAGIC: [u8; 8] = *b"PLOTHIST";
const VERSION: u32 = 1;
const CHECKSUM_BYTES: usize = 4;

/// Why a snapshot cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    #[error("it is not a snapshot of the history")]
    Foreign,
    #[error("it has format version {found}, and this program reads version {VERSION}")]
    Version { found: u32 },
    #[error("its checksum does not fit: it is damaged or cut short")]
    Checksum,
    #[error("it contradicts itself: {0}")]
    Contradiction(&'static str),
    #[error("it has {bytes} bytes, more than a history with this memory limit can fill")]
    TooLarge { bytes: u64 },
}

/// Writes the history.
pub(super) fn write(history: &History, out: impl Write) -> io::Result<()> {
    let mut out = Checked { out, checksum: libdeflater::Crc::new() };
    out.write_all(&MAGIC)?;
    out.write_all(&VERSION.to_le_bytes())?;
    write_index(&mut out, &history.index)?;
    for tier in [&history.fine, &history.medium, &history.coarse.tier] {
        write_tier(&mut out, tier)?;
    }
    write_filling(&mut out, &history.coarse)?;
    let checksum = out.checksum.sum();
    out.out.write_all(&checksum.to_le_bytes())?;
    out.out.flush()
}

/// Reads what [`write`] wrote.
pub(super) fn read(bytes: &[u8], config: HistoryConfig) -> Result<History, SnapshotFault> {
    let body = bytes.strip_prefix(&MAGIC).ok_or(SnapshotFault::Foreign)?;
    let mut input = Input(body);
    let version = input.u32()?;
    if version != VERSION {
        return Err(SnapshotFault::Version { found: version });
    }
    let end = bytes.len() - CHECKSUM_BYTES.min(bytes.len());
    let (covered, checksum) = bytes.split_at(end);
    if libdeflater::crc32(covered).to_le_bytes() != checksum {
        return Err(SnapshotFault::Checksum);
    }
    input.0 = &input.0[..input.0.len().saturating_sub(CHECKSUM_BYTES)];
    let mut history = History::new(config);
    history.index = read_index(&mut input)?;
    history.fine = read_tier(&mut input, FINE_SPAN)?;
    history.medium = read_tier(&mut input, MEDIUM_SPAN)?;
    let coarse = read_tier(&mut input, aggregate::SPAN)?;
    history.coarse = read_filling(&mut input, coarse, history.index.width())?;
    if !input.0.is_empty() {
        return Err(SnapshotFault::Contradiction("there is more after its end"));
    }
    history.mark_forecast();
    Ok(history)
}

fn write_index(out: &mut impl Write, index: &SeriesIndex) -> io::Result<()> {
    put_length(out, index.width())?;
    put_length(out, index.len())?;
    for (slot, labels) in index.occupied() {
        put_u32(out, slot)?;
        put_length(out, labels.iter().len())?;
        for (name, value) in labels.iter() {
            put_bytes(out, name.as_bytes())?;
            put_bytes(out, value.as_bytes())?;
        }
    }
    Ok(())
}

fn read_index(input: &mut Input) -> Result<SeriesIndex, SnapshotFault> {
    let width = input.u32()? as usize;
    // A free slot takes no bytes here, yet its width takes memory: more free slots than a long life leaves are a lie.
    let series = input.length()?;
    if width > (1 << 24) || width < series {
        return Err(SnapshotFault::Contradiction("its number of series does not fit the width of its rows"));
    }
    let mut index = SeriesIndex::of_width(width);
    let mut list = Vec::new();
    for _ in 0..series {
        let slot = input.u32()?;
        let pairs = (0..input.length()?).map(|_| Ok((input.text()?, input.text()?)));
        let pairs: Vec<(&str, &str)> = pairs.collect::<Result<_, SnapshotFault>>()?;
        list.push((slot, index.interner().labels(pairs)));
    }
    if !index.restore(list) {
        return Err(SnapshotFault::Contradiction("two series have one place or the same labels"));
    }
    Ok(index)
}

fn write_tier(out: &mut impl Write, tier: &Tier) -> io::Result<()> {
    let (stamps, rows, columns) = tier.parts();
    put_u32(out, tier.oldest())?;
    put_option(out, tier.complete_from())?;
    put_u32(out, stamps.first())?;
    put_length(out, stamps.iter().len())?;
    for stamp in stamps.iter() {
        out.write_all(&stamp.to_le_bytes())?;
    }
    put_length(out, rows.len())?;
    for row in rows {
        put_values(out, row)?;
    }
    put_length(out, columns.len())?;
    for column in columns {
        put_length(out, column.len())?;
        column.iter().try_for_each(|block| write_block(out, block))?;
    }
    Ok(())
}

fn read_tier(input: &mut Input, span: i64) -> Result<Tier, SnapshotFault> {
    let oldest = input.u32()?;
    let complete_from = input.option()?;
    let first = input.u32()?;
    let stamps: VecDeque<i64> = (0..input.length()?).map(|_| input.i64()).collect::<Result<_, _>>()?;
    let stamps = Stamps::restore(first, stamps).ok_or(SnapshotFault::Contradiction("its time stamps do not rise"))?;
    let rows = (0..input.length()?).map(|_| input.values()).collect::<Result<_, _>>()?;
    let mut columns = Vec::new();
    for _ in 0..input.length()? {
        let blocks = input.length()?;
        let mut column: VecDeque<Block> = (0..blocks).map(|_| read_block(input)).collect::<Result<_, _>>()?;
        column.shrink_to_fit();
        columns.push(column);
    }
    Tier::restore(span, TierParts { stamps, rows, columns, oldest, complete_from })
        .map_err(SnapshotFault::Contradiction)
}

fn write_block(out: &mut impl Write, block: &Block) -> io::Result<()> {
    put_u32(out, block.first())?;
    out.write_all(&block.length().to_le_bytes())?;
    out.write_all(&block.samples().to_le_bytes())?;
    match block.payload() {
        Payload::Constant(value) => {
            out.write_all(&[0])?;
            out.write_all(&value.to_bits().to_le_bytes())
        }
        Payload::Packed(bytes) => {
            out.write_all(&[1])?;
            put_bytes(out, bytes)
        }
        Payload::Plain(values) => {
            out.write_all(&[2])?;
            put_values(out, values)
        }
    }
}

fn read_block(input: &mut Input) -> Result<Block, SnapshotFault> {
    let first = input.u32()?;
    let [length, samples] = [input.u16()?, input.u16()?];
    let payload = match input.take(1)? {
        [0] => Payload::Constant(input.f64()?),
        [1] => Payload::Packed(input.bytes()?.into()),
        [2] => Payload::Plain(input.values()?.into()),
        _ => return Err(SnapshotFault::Contradiction("it has a block of an unknown kind")),
    };
    let too_late = first.checked_add(u32::from(length)).is_none();
    let block = Block::restore(first, length, samples, payload).filter(|_| !too_late);
    block.ok_or(SnapshotFault::Contradiction("the numbers of a block do not fit each other"))
}

fn write_filling(out: &mut impl Write, coarse: &Aggregates) -> io::Result<()> {
    let (members, running, open) = coarse.filling();
    put_option(out, open)?;
    put_length(out, members.len())?;
    for (member, running) in members.iter().zip(running) {
        put_option(out, member.map(i64::from))?;
        put_u32(out, running.count)?;
        put_values(out, &[running.sum, running.min, running.max])?;
    }
    Ok(())
}

fn read_filling(input: &mut Input, tier: Tier, width: usize) -> Result<Aggregates, SnapshotFault> {
    let open = input.option()?;
    if open.is_some_and(|bucket| !Aggregates::can_be_closed(bucket)) {
        return Err(SnapshotFault::Contradiction("its running means are of no time that can be"));
    }
    let mut members = Vec::new();
    let mut running = Vec::new();
    for _ in 0..input.length()? {
        let slot = input.option()?.map(Slot::try_from).transpose();
        let slot = slot.ok().filter(|slot| slot.is_none_or(|slot| (slot as usize) < width));
        members.push(slot.ok_or(SnapshotFault::Contradiction("it averages a series that it does not hold"))?);
        let count = input.u32()?;
        let values = input.values()?;
        let [sum, min, max] = values[..] else {
            return Err(SnapshotFault::Contradiction("a running mean lacks a value"));
        };
        running.push(Running { count, sum, min, max });
    }
    Ok(Aggregates::restore(tier, members, running, open))
}

/// Passes bytes on and keeps the checksum of all of them.
struct Checked<W> {
    out: W,
    checksum: libdeflater::Crc,
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.checksum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn put_u32(out: &mut impl Write, number: u32) -> io::Result<()> {
    out.write_all(&number.to_le_bytes())
}

fn put_length(out: &mut impl Write, length: usize) -> io::Result<()> {
    put_u32(out, u32::try_from(length).map_err(io::Error::other)?)
}

fn put_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    put_length(out, bytes.len())?;
    out.write_all(bytes)
}

fn put_values(out: &mut impl Write, values: &[f64]) -> io::Result<()> {
    put_length(out, values.len())?;
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
    out.write_all(&bytes)
}

fn put_option(out: &mut impl Write, number: Option<i64>) -> io::Result<()> {
    out.write_all(&[u8::from(number.is_some())])?;
    out.write_all(&number.unwrap_or_default().to_le_bytes())
}

/// What is left to read. No length is believed before that many bytes are seen to be there.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    const SHORT: SnapshotFault = SnapshotFault::Contradiction("it ends too early");

    fn take(&mut self, count: usize) -> Result<&'a [u8], SnapshotFault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Self::SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotFault> {
        self.take(N)?.try_into().map_err(|_| Self::SHORT)
    }

    fn u16(&mut self) -> Result<u16, SnapshotFault> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, SnapshotFault> {
        self.array().map(u32::from_le_bytes)
    }

    fn i64(&mut self) -> Result<i64, SnapshotFault> {
        self.array().map(i64::from_le_bytes)
    }

    fn f64(&mut self) -> Result<f64, SnapshotFault> {
        self.array().map(|bytes| f64::from_bits(u64::from_le_bytes(bytes)))
    }

    /// A number of things that each take at least a byte.
    fn length(&mut self) -> Result<usize, SnapshotFault> {
        let length = self.u32()? as usize;
        if length <= self.0.len() { Ok(length) } else { Err(Self::SHORT) }
    }

    fn bytes(&mut self) -> Result<&'a [u8], SnapshotFault> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<&'a str, SnapshotFault> {
        std::str::from_utf8(self.bytes()?).map_err(|_| SnapshotFault::Contradiction("a label is not UTF-8"))
    }

    fn values(&mut self) -> Result<Vec<f64>, SnapshotFault> {
        let length = self.length()?;
        (0..length).map(|_| self.f64()).collect()
    }

    fn option(&mut self) -> Result<Option<i64>, SnapshotFault> {
        let given = self.take(1)?;
        let number = self.i64()?;
        Ok((given == [1]).then_some(number))
    }
}

/// No snapshot of a history with this limit is larger: its rows and blocks are as they lie in memory, and time stamps,
/// labels and lengths are small beside them.
pub(super) fn largest(memory_limit: u64) -> u64 {
    memory_limit.saturating_mul(2).saturating_add(BLOCK as u64 * (1 << 16))
}
