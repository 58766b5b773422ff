//! One resolution of the history: rows of the newest ticks, and behind them a column of sealed blocks for each series.
//!
//! Samples come a whole tick at a time, so the newest ticks are rows: appending is one sequential write. Every tick
//! seals the columns whose turn it is, so that compressing 5,000 columns costs each of 240 ticks a little and no tick
//! a lot. Columns take their turns in groups of eight neighbours, which share the cache lines that sealing reads down
//! through the rows.

use std::collections::VecDeque;
use std::ops::Range;

use super::block::{BLOCK, Block, Decoder, TickNo};
use super::stamps::Stamps;
use super::value::{ABSENT, STALE, is_absent, is_live};

/// [`BLOCK`] as a count of ticks.
const TURNS: TickNo = 240;
/// Neighbours that are sealed in the same tick: the values of one cache line.
const NEIGHBOURS: usize = 8;

/// A resolution: its ticks, for a while.
#[derive(Debug, Clone)]
pub(super) struct Tier {
    /// For how long ticks are kept, milliseconds.
    span: i64,
    stamps: Stamps,
    /// The newest ticks, at most [`BLOCK`] - 1 between two appends. A row may be shorter than a later one: what is
    /// beyond its end is absent.
    rows: VecDeque<Vec<f64>>,
    columns: Vec<VecDeque<Block>>,
    /// The oldest tick whose blocks, those sealed in that tick, have not been dropped.
    oldest: TickNo,
    complete_from: Option<i64>,
    column_bytes: usize,
    samples: usize,
    spare: Vec<f64>,
}

/// What left a tier when its oldest blocks were dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dropped {
    pub blocks: u64,
    pub samples: u64,
}

/// The parts of a tier as a snapshot holds them.
#[derive(Debug)]
pub(super) struct TierParts {
    pub stamps: Stamps,
    pub rows: VecDeque<Vec<f64>>,
    pub columns: Vec<VecDeque<Block>>,
    pub oldest: TickNo,
    pub complete_from: Option<i64>,
}

impl Tier {
    pub fn new(span: i64) -> Self {
        Self {
            span,
            stamps: Stamps::default(),
            rows: VecDeque::new(),
            columns: Vec::new(),
            oldest: 0,
            complete_from: None,
            column_bytes: 0,
            samples: 0,
            spare: Vec::new(),
        }
    }

    /// Appends one tick: a value per column, absent ones included. A column that was live in the tick before and is
    /// absent now gets the stale marker. `at` must be later than the tick before.
    pub fn push(&mut self, at: i64, values: &[f64]) {
        let mut row = std::mem::take(&mut self.spare);
        row.clear();
        row.reserve_exact(values.len());
        row.extend_from_slice(values);
        if let Some(before) = self.rows.back() {
            for (value, before) in row.iter_mut().zip(before) {
                if is_absent(*value) && is_live(*before) {
                    *value = STALE;
                }
            }
        }
        if self.columns.len() < row.len() {
            self.columns.resize_with(row.len(), VecDeque::new);
        }
        self.rows.push_back(row);
        self.stamps.push(at);
        self.seal();
        if self.rows.len() >= BLOCK {
            self.spare = self.rows.pop_front().unwrap_or_default();
        }
    }

    /// Drops what is older than the span, seen from `now`.
    pub fn expire(&mut self, now: i64) {
        while self.oldest_stamp().is_some_and(|stamp| stamp < now - self.span) {
            self.drop_oldest();
        }
    }

    /// Drops the blocks that were sealed in the oldest tick that still has any.
    pub fn drop_oldest(&mut self) -> Dropped {
        let mut dropped = Dropped::default();
        let Some(stamp) = self.oldest_stamp() else { return dropped };
        for column in turn(self.oldest, self.columns.len()) {
            while let Some(block) = self.columns[column].pop_front_if(|block| block.first() <= self.oldest) {
                self.column_bytes -= size_of::<Block>() + block.heap_bytes();
                self.samples -= usize::from(block.samples());
                dropped.blocks += 1;
                dropped.samples += u64::from(block.samples());
            }
        }
        self.complete_from = Some(stamp + 1);
        self.oldest += 1;
        self.stamps.forget_before((self.oldest + 1).saturating_sub(TURNS));
        dropped
    }

    /// The stamp of the tick whose blocks would be dropped next.
    pub fn oldest_stamp(&self) -> Option<i64> {
        self.stamps.at(self.oldest)
    }

    pub fn newest(&self) -> Option<i64> {
        self.stamps.newest()
    }

    /// From this stamp on, no tick of any series has been dropped; `None` if none has ever been.
    pub fn complete_from(&self) -> Option<i64> {
        self.complete_from
    }

    /// Whether all that there ever was from `start` on is still here.
    pub fn covers(&self, start: i64) -> bool {
        self.complete_from.is_none_or(|from| start >= from)
    }

    /// The ticks between two stamps, both included, from which no series has been dropped.
    pub fn ticks(&self, start: i64, end: i64) -> Range<TickNo> {
        self.stamps.ticks(start.max(self.complete_from.unwrap_or(start)), end)
    }

    /// The stamps of these ticks.
    pub fn stamps(&self, ticks: &Range<TickNo>) -> impl Iterator<Item = i64> {
        self.stamps.of(ticks)
    }

    /// Hands over each sample of a column in order of time, stale markers included. Returns how many blocks were
    /// damaged; their samples are missing. The ticks must be among those that are held, as [`Self::ticks`] gives them.
    pub fn read(
        &self,
        column: usize,
        ticks: &Range<TickNo>,
        decoder: &mut Decoder,
        mut each: impl FnMut(i64, f64),
    ) -> usize {
        let mut damaged = 0;
        let blocks = self.columns.get(column).into_iter().flatten();
        for block in blocks.filter(|block| block.first() < ticks.end && block.end() > ticks.start) {
            let Ok(values) = block.open(decoder) else {
                damaged += 1;
                continue;
            };
            let first = ticks.start.max(block.first());
            let values = &values[(first - block.first()) as usize..];
            hand_over(self.stamps.of(&(first..ticks.end.min(block.end()))), values.iter().copied(), &mut each);
        }
        let unsealed = self.unsealed(column);
        let wanted = ticks.start.max(unsealed.start)..ticks.end.min(unsealed.end);
        let skipped = wanted.start.saturating_sub(self.first_row()) as usize;
        let values = self.rows.iter().skip(skipped).map(|row| row.get(column).copied().unwrap_or(ABSENT));
        hand_over(self.stamps.of(&wanted), values, &mut each);
        damaged
    }

    /// Whether the column may have samples among the ticks; a block may have absent ones just there.
    pub fn has_samples(&self, column: usize, ticks: &Range<TickNo>) -> bool {
        let mut blocks = self.columns.get(column).into_iter().flatten();
        let unsealed = self.unsealed(column);
        blocks.any(|block| block.first() < ticks.end && block.end() > ticks.start)
            || (ticks.start.max(unsealed.start)..ticks.end.min(unsealed.end))
                .any(|tick| !is_absent(self.in_row(tick, column)))
    }

    /// The stamp of the oldest sample that is held of the column.
    pub fn first_sample(&self, column: usize) -> Option<i64> {
        let sealed = self.columns.get(column).and_then(VecDeque::front).map(Block::first);
        let unsealed = || self.unsealed(column).find(|tick| !is_absent(self.in_row(*tick, column)));
        self.stamps.at(sealed.or_else(unsealed)?)
    }

    /// Drops all that is held of the column.
    pub fn clear(&mut self, column: usize) {
        for block in self.columns.get_mut(column).into_iter().flat_map(|blocks| blocks.drain(..)) {
            self.column_bytes -= size_of::<Block>() + block.heap_bytes();
            self.samples -= usize::from(block.samples());
        }
        for value in self.rows.iter_mut().filter_map(|row| row.get_mut(column)) {
            *value = ABSENT;
        }
    }

    /// Whether nothing at all is held of the column.
    pub fn is_empty(&self, column: usize) -> bool {
        self.columns.get(column).is_none_or(VecDeque::is_empty)
            && self.rows.iter().all(|row| row.get(column).is_none_or(|value| is_absent(*value)))
    }

    /// The columns whose turn to be sealed the newest tick was.
    pub fn last_turn(&self) -> impl Iterator<Item = usize> + use<> {
        turn(self.stamps.next().saturating_sub(1), self.columns.len())
    }

    /// Memory, with the rows at the size that they will grow to.
    pub fn bytes(&self) -> usize {
        self.fixed_bytes(self.columns.len()) + self.column_bytes
    }

    /// The part of the memory that dropping blocks does not give back, with this many columns.
    pub fn fixed_bytes(&self, columns: usize) -> usize {
        let per_column = BLOCK * size_of::<f64>() + size_of::<VecDeque<Block>>();
        columns.max(self.columns.len()) * per_column + self.stamps.bytes()
    }

    /// Samples in sealed blocks and their bytes, as they lie in memory.
    pub fn sealed(&self) -> (usize, usize) {
        (self.samples, self.column_bytes)
    }

    /// Stamps, rows and columns, for a snapshot.
    pub fn parts(&self) -> (&Stamps, &VecDeque<Vec<f64>>, &[VecDeque<Block>]) {
        (&self.stamps, &self.rows, &self.columns)
    }

    /// The oldest tick whose blocks are still here, for a snapshot.
    pub fn oldest(&self) -> TickNo {
        self.oldest
    }

    /// A tier from a snapshot.
    ///
    /// # Errors
    /// The parts contradict each other; the text says how.
    pub fn restore(span: i64, parts: TierParts) -> Result<Self, &'static str> {
        let TierParts { stamps, rows, columns, oldest, complete_from } = parts;
        let next = stamps.next();
        if rows.len() != (next as usize).min(BLOCK - 1) {
            return Err("the number of rows does not fit the number of ticks");
        }
        if oldest > next || stamps.first() != (oldest + 1).saturating_sub(TURNS) {
            return Err("the oldest tick does not fit the time stamps");
        }
        if rows.iter().any(|row| row.len() > columns.len()) {
            return Err("a row is longer than there are columns");
        }
        let mut tier = Self { stamps, rows, oldest, complete_from, ..Self::new(span) };
        for (number, column) in columns.iter().enumerate() {
            let sealed_before = tier.unsealed_from(number);
            let mut end = tier.stamps.first();
            for block in column {
                if block.first() < end || block.end() > sealed_before {
                    return Err("the blocks of a column overlap");
                }
                end = block.end();
                tier.column_bytes += size_of::<Block>() + block.heap_bytes();
                tier.samples += usize::from(block.samples());
            }
        }
        tier.columns = columns;
        Ok(tier)
    }

    /// Seals the columns whose turn the newest tick is.
    fn seal(&mut self) {
        let first = self.first_row();
        let mut values = [ABSENT; BLOCK];
        for column in self.last_turn() {
            for (value, row) in values.iter_mut().zip(&self.rows) {
                *value = row.get(column).copied().unwrap_or(ABSENT);
            }
            let Some(block) = Block::seal(first, &values[..self.rows.len().min(BLOCK)]) else { continue };
            self.column_bytes += size_of::<Block>() + block.heap_bytes();
            self.samples += usize::from(block.samples());
            let blocks = &mut self.columns[column];
            // Thousands of columns with room for twice their blocks would be megabytes.
            blocks.reserve_exact(1);
            blocks.push_back(block);
        }
    }

    /// The first tick of the column that lies in no block because it has not been sealed.
    fn unsealed_from(&self, column: usize) -> TickNo {
        let next = self.stamps.next();
        let turn = TickNo::try_from(column / NEIGHBOURS % BLOCK).unwrap_or(0);
        // The number of ticks since the column's last turn, that tick not included.
        let since = if next == 0 { 0 } else { (next - 1 + TURNS - turn) % TURNS };
        next.saturating_sub(since)
    }

    fn unsealed(&self, column: usize) -> Range<TickNo> {
        self.unsealed_from(column)..self.stamps.next()
    }

    fn first_row(&self) -> TickNo {
        self.stamps.next() - TickNo::try_from(self.rows.len()).unwrap_or(0)
    }

    fn in_row(&self, tick: TickNo, column: usize) -> f64 {
        let row = tick.checked_sub(self.first_row()).and_then(|place| self.rows.get(place as usize));
        row.and_then(|row| row.get(column)).copied().unwrap_or(ABSENT)
    }
}

/// The columns that are sealed in a tick.
fn turn(tick: TickNo, columns: usize) -> impl Iterator<Item = usize> + use<> {
    let group = (tick % TURNS) as usize * NEIGHBOURS;
    (group..columns).step_by(BLOCK * NEIGHBOURS).flat_map(move |first| first..(first + NEIGHBOURS).min(columns))
}

/// Pairs stamps with values and leaves out the absent ones.
fn hand_over(stamps: impl Iterator<Item = i64>, values: impl Iterator<Item = f64>, each: &mut impl FnMut(i64, f64)) {
    stamps.zip(values).filter(|(_, value)| !is_absent(*value)).for_each(|(stamp, value)| each(stamp, value));
}
