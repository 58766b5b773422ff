//! Chance that can be had again: all of a round follows from one number.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// `SplitMix64`: good enough to choose what to break, and a few lines.
pub struct Chance(u64);

impl Chance {
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, but not including, `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % u64::try_from(end).unwrap()).unwrap()
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Rounds with seeds of their own, for as long as `PLOTWARDEN_FUZZ_SECONDS` says. `PLOTWARDEN_FUZZ_SEED` is the first seed: what
/// a failure names makes that very round the first.
pub struct Rounds {
    next: u64,
    end: Instant,
    done: u64,
}

impl Rounds {
    pub fn begin() -> Self {
        let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
        let by_clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() << 20;
        let seconds = Duration::from_secs(number("PLOTWARDEN_FUZZ_SECONDS").unwrap_or(5));
        let next = number("PLOTWARDEN_FUZZ_SEED").unwrap_or_else(by_clock);
        eprintln!("first seed {next}");
        Self { next, end: Instant::now() + seconds, done: 0 }
    }

    pub fn done(&self) -> u64 {
        self.done
    }
}

impl Iterator for Rounds {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        // One round at least, however slow the machine.
        if self.done > 0 && Instant::now() >= self.end {
            return None;
        }
        self.done += 1;
        self.next += 1;
        Some(self.next - 1)
    }
}
