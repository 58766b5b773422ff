//! A sealed run of one column: up to [`BLOCK`] values, compressed bit-exactly and never changed again.

use std::sync::Arc;

use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DecompressorScratch, DeltaSpec};

use super::value::{ABSENT, is_absent};

/// The number of a tick within its tier, counted from the first one ever. At one a second it lasts 136 years.
pub(super) type TickNo = u32;

/// Ticks in a full block. Twice as many save 5 % of the bytes and cost twice the memory for values that are not sealed
/// yet.
pub(super) const BLOCK: usize = 240;

/// Consecutive values of one column. Starts and ends with a value that is not absent.
#[derive(Debug, Clone)]
pub(super) struct Block {
    first: TickNo,
    length: u16,
    samples: u16,
    payload: Payload,
}

#[derive(Debug, Clone)]
pub(super) enum Payload {
    /// Every value has the same bits.
    Constant(f64),
    /// A pco header, chunk and page.
    Packed(Arc<[u8]>),
    /// As they are: for values that pco refuses.
    Plain(Arc<[f64]>),
}

/// A block that does not decode to what was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DamagedBlock;

impl Block {
    /// Seals the values, at most [`BLOCK`], of the ticks from `first` on; `None` if all of them are absent.
    pub fn seal(first: TickNo, values: &[f64]) -> Option<Self> {
        let start = values.iter().position(|value| !is_absent(*value))?;
        let end = values.iter().rposition(|value| !is_absent(*value))? + 1;
        let values = &values[start..end];
        let samples = values.iter().filter(|value| !is_absent(**value)).count();
        let constant = values.iter().all(|value| value.to_bits() == values[0].to_bits());
        let payload = if constant {
            Payload::Constant(values[0])
        } else {
            pack(values).map_or_else(|| Payload::Plain(values.into()), |bytes| Payload::Packed(bytes.into()))
        };
        let first = first + TickNo::try_from(start).ok()?;
        Some(Self { first, length: u16::try_from(values.len()).ok()?, samples: u16::try_from(samples).ok()?, payload })
    }

    /// A block from a snapshot; `None` if its numbers contradict each other.
    pub fn restore(first: TickNo, length: u16, samples: u16, payload: Payload) -> Option<Self> {
        let fits = length > 0 && usize::from(length) <= BLOCK && samples > 0 && samples <= length;
        let plain_fits = !matches!(&payload, Payload::Plain(values) if values.len() != usize::from(length));
        (fits && plain_fits).then_some(Self { first, length, samples, payload })
    }

    pub fn first(&self) -> TickNo {
        self.first
    }

    /// The tick after the last one.
    pub fn end(&self) -> TickNo {
        self.first + TickNo::from(self.length)
    }

    pub fn length(&self) -> u16 {
        self.length
    }

    /// Values that are not absent, stale markers included.
    pub fn samples(&self) -> u16 {
        self.samples
    }

    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Memory beside the block itself: the payload with its reference counts, as the allocator rounds it.
    pub fn heap_bytes(&self) -> usize {
        let length = match &self.payload {
            Payload::Constant(_) => return 0,
            Payload::Packed(bytes) => bytes.len(),
            Payload::Plain(values) => size_of_val(&**values),
        };
        (length + 2 * size_of::<usize>() + size_of::<usize>()).next_multiple_of(16)
    }

    /// The values of the block's ticks, absent ones included.
    pub fn open<'a>(&self, decoder: &'a mut Decoder) -> Result<&'a [f64], DamagedBlock> {
        let length = usize::from(self.length);
        decoder.values.clear();
        match &self.payload {
            Payload::Constant(value) => decoder.values.resize(length, *value),
            Payload::Plain(values) => decoder.values.extend_from_slice(values),
            Payload::Packed(bytes) => {
                decoder.values.resize(length, ABSENT);
                unpack(bytes, &mut decoder.values, &mut decoder.scratch).ok_or(DamagedBlock)?;
            }
        }
        Ok(&decoder.values)
    }
}

/// Room for opening blocks, kept from one to the next.
#[derive(Default)]
pub(super) struct Decoder {
    values: Vec<f64>,
    scratch: DecompressorScratch,
}

/// Fixed first-order differences cost 5 % of the bytes against pco's own choice and a third of its time; levels beyond
/// 4 cost time only (measured on counters, ratios, temperatures and power).
fn pack(values: &[f64]) -> Option<Vec<u8>> {
    let config = ChunkConfig::default().with_compression_level(4).with_delta_spec(DeltaSpec::TryConsecutive(1));
    let file = FileCompressor::default();
    let mut bytes = Vec::new();
    file.write_header(&mut bytes).ok()?;
    let mut chunk = file.chunk_compressor(values, &config).ok()?;
    chunk.write_meta(&mut bytes).ok()?;
    chunk.write_page(0, &mut bytes).ok()?;
    Some(bytes)
}

fn unpack(bytes: &[u8], values: &mut [f64], scratch: &mut DecompressorScratch) -> Option<()> {
    let (file, rest) = FileDecompressor::new(bytes).ok()?;
    let (chunk, rest) = file.chunk_decompressor::<f64, _>(rest).ok()?;
    let mut page = chunk.page_decompressor_with_scratch(rest, values.len(), scratch).ok()?;
    let progress = page.read(values).ok()?;
    (progress.n_processed == values.len()).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::value::STALE;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => any::<u64>().prop_map(f64::from_bits),
            8 => (0..100_000_i32).prop_map(|number| f64::from(number) / 1e4),
            1 => Just(STALE),
            1 => Just(ABSENT),
            1 => Just(-0.0),
        ]
    }

    proptest! {
        #[test]
        fn a_block_gives_back_the_same_bits(values in prop::collection::vec(any_value(), 1..=BLOCK), first in 0..1000_u32) {
            let present: Vec<(TickNo, u64)> = (first..).zip(&values).filter(|(_, value)| !is_absent(**value))
                .map(|(tick, value)| (tick, value.to_bits())).collect();
            let Some(block) = Block::seal(first, &values) else {
                prop_assert!(present.is_empty());
                return Ok(());
            };
            prop_assert_eq!(usize::from(block.samples()), present.len());
            prop_assert_eq!(Some(block.first()), present.first().map(|(tick, _)| *tick));
            prop_assert_eq!(Some(block.end() - 1), present.last().map(|(tick, _)| *tick));
            let mut decoder = Decoder::default();
            let opened: Vec<(TickNo, u64)> = (block.first()..).zip(block.open(&mut decoder).unwrap())
                .filter(|(_, value)| !is_absent(**value)).map(|(tick, value)| (tick, value.to_bits())).collect();
            prop_assert_eq!(opened, present);
        }

        #[test]
        fn damaged_bytes_are_refused_or_wrong_but_never_fatal(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let block = Block::restore(0, 240, 240, Payload::Packed(bytes.into())).unwrap();
            let _ = block.open(&mut Decoder::default());
        }
    }

    #[test]
    fn constants_take_no_memory_of_their_own() {
        let block = Block::seal(7, &[42.0; BLOCK]).unwrap();
        assert_eq!(block.heap_bytes(), 0);
        assert_eq!(block.open(&mut Decoder::default()).unwrap(), [42.0; BLOCK]);
    }

    #[test]
    fn nothing_but_absent_ticks_is_no_block() {
        assert!(Block::seal(0, &[ABSENT; 3]).is_none());
        assert!(Block::seal(0, &[]).is_none());
    }

    #[test]
    fn contradicting_numbers_are_no_block() {
        assert!(Block::restore(0, 0, 0, Payload::Constant(1.0)).is_none());
        assert!(Block::restore(0, 3, 4, Payload::Constant(1.0)).is_none());
        assert!(Block::restore(0, 241, 1, Payload::Constant(1.0)).is_none());
        assert!(Block::restore(0, 3, 3, Payload::Plain([1.0].into())).is_none());
    }
}
