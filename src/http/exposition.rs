//! The text of the last snapshot, made once per format and tick, however many ask for it at once.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Bytes;
use libdeflater::{CompressionError, CompressionLvl, Compressor};

use crate::metrics::{self, Format, Snapshot};
use crate::units;

/// The least that compresses; level 6 costs three times as much (measured). `CompressionLvl::fastest` is level 0, which
/// only stores.
const LEVEL: CompressionLvl = match CompressionLvl::new(1) {
    Ok(level) => level,
    Err(_) => CompressionLvl::fastest(),
};

/// Remembers the answers of one snapshot, in buffers that are reused for the next.
#[derive(Default)]
pub(super) struct Exposition {
    compressed_from: usize,
    bench: Mutex<Workbench>,
}

/// A text, and whether it is compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub text: Bytes,
    pub is_gzip: bool,
}

#[derive(Default)]
struct Workbench {
    made_of: Option<Arc<Snapshot>>,
    answers: Vec<(Format, bool, Answer)>,
    text: String,
    compressed: Vec<u8>,
}

impl Exposition {
    pub fn compressing_from(least: units::Bytes) -> Self {
        Self { compressed_from: usize::try_from(least.0).unwrap_or(usize::MAX), bench: Mutex::default() }
    }

    /// `gzip` says whether the client can read it.
    pub fn answer(&self, snapshot: &Arc<Snapshot>, format: Format, gzip: bool) -> Result<Answer, CompressionError> {
        // A workbench that was left in disorder by a panic is put in order by the next text.
        let mut bench = self.bench.lock().unwrap_or_else(PoisonError::into_inner);
        if !bench.made_of.as_ref().is_some_and(|made_of| Arc::ptr_eq(made_of, snapshot)) {
            bench.answers.clear();
            bench.made_of = Some(Arc::clone(snapshot));
        }
        if let Some((.., answer)) = bench.answers.iter().find(|(f, g, _)| *f == format && *g == gzip) {
            return Ok(answer.clone());
        }
        let answer = bench.make(snapshot, format, gzip.then_some(self.compressed_from))?;
        bench.answers.push((format, gzip, answer.clone()));
        Ok(answer)
    }
}

impl Workbench {
    fn make(
        &mut self,
        snapshot: &Arc<Snapshot>,
        format: Format,
        gzip_from: Option<usize>,
    ) -> Result<Answer, CompressionError> {
        metrics::encode(snapshot, format, &mut self.text);
        if gzip_from.is_none_or(|least| self.text.len() < least) {
            // The next text is as long, and need not grow into its place.
            let next = String::with_capacity(self.text.len());
            return Ok(Answer { text: mem::replace(&mut self.text, next).into(), is_gzip: false });
        }
        let mut compressor = Compressor::new(LEVEL);
        self.compressed.resize(compressor.gzip_compress_bound(self.text.len()), 0);
        let length = compressor.gzip_compress(self.text.as_bytes(), &mut self.compressed)?;
        Ok(Answer { text: Bytes::copy_from_slice(&self.compressed[..length]), is_gzip: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::fixture::snapshot;

    #[test]
    fn one_text_serves_all_who_ask_in_one_tick() {
        let (exposition, tick) = (Exposition::default(), Arc::new(snapshot(3)));
        let first = exposition.answer(&tick, Format::Classic, false).unwrap();
        let second = exposition.answer(&tick, Format::Classic, false).unwrap();
        assert_eq!(first.text.as_ptr(), second.text.as_ptr());
        assert_ne!(first, exposition.answer(&tick, Format::OpenMetrics, false).unwrap());
    }

    #[test]
    fn what_is_short_is_not_worth_compressing() {
        let tick = Arc::new(snapshot(3));
        let answer = |least, gzip| {
            let exposition = Exposition::compressing_from(units::Bytes(least));
            exposition.answer(&tick, Format::Classic, gzip).unwrap()
        };
        let plain = answer(0, false);
        let length = plain.text.len() as u64;
        assert!(!plain.is_gzip && answer(length, true).is_gzip);
        assert_eq!(answer(length + 1, true), plain);
    }

    #[test]
    fn the_next_tick_is_not_answered_with_the_last() {
        let exposition = Exposition::default();
        let first = exposition.answer(&Arc::new(snapshot(3)), Format::Classic, true).unwrap();
        let second = exposition.answer(&Arc::new(snapshot(2)), Format::Classic, true).unwrap();
        assert_ne!(first, second);
    }
}
