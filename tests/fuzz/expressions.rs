//! Expressions that no one would write: whatever is asked, the parser and the evaluator end, soon, and within their limits.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use plotwarden::promql::{
    Answer, Engine, EvalError, Limits, Millis, Selection, Semantics, StopReason, Storage, StorageError, StoredSeries,
    Value,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::chance::{Chance, Rounds};
use crate::promql_support::Memory;
use crate::strange::{nested, rough_samples, word_salad};

const LIMITS: Limits = Limits { length: 4096, depth: 100, series: 100, steps: 1000, points: 200_000 };
/// A query may run so long, by its own clock.
const TIME_LIMIT: Duration = Duration::from_secs(1);
/// And it notices within this time, without optimisation and on a machine that is busy.
const NOTICED: Duration = Duration::from_secs(10);
/// The moment asked about, in milliseconds; the samples end at ten minutes.
const NOW: Millis = 300_000;

#[test]
fn no_expression_breaks_us() {
    let written = expressions_of_the_repository();
    let storage = rough_samples();
    let mut rounds = Rounds::begin();
    for seed in rounds.by_ref() {
        let mut chance = Chance::of(seed);
        let text = if chance.once_in(3) {
            spoiled(chance.pick::<String>(&written), &mut chance)
        } else {
            generated(&mut chance)
        };
        let semantics = if chance.once_in(2) { Semantics::V2 } else { Semantics::V3 };
        let engine = Engine { semantics, limits: LIMITS, ..Engine::default() };
        let answered = std::panic::catch_unwind(|| ask(&engine, &text, &storage));
        assert!(matches!(answered, Ok(Ok(()))), "PLOTWARDEN_FUZZ_SEED={seed}: {answered:?}: {text}");
    }
    eprintln!("{} expressions", rounds.done());
}

fn ask(engine: &Engine, text: &str, storage: &Memory) -> Result<(), String> {
    let query = match engine.parse(text) {
        Ok(query) => query,
        Err(error) if error.span.start <= error.span.end && error.span.end <= text.len() => {
            return error.show(text).to_string().contains('^').then_some(()).ok_or_else(|| "no caret".to_owned());
        }
        Err(error) => return Err(format!("{error:?} points beside the text")),
    };
    let shown = query.to_string();
    // Written out it may have become longer than an expression may be.
    if shown.len() <= LIMITS.length && engine.parse(&shown).map(|query| query.to_string()).as_ref() != Ok(&shown) {
        return Err(format!("is written as `{shown}`, which is read as something else"));
    }
    within_limits(storage, |storage, stop| engine.instant(&query, NOW, storage, stop))?;
    within_limits(storage, |storage, stop| engine.range(&query, (0, 2 * NOW, 7_000), storage, stop))
}

/// The answer is no larger than the limits, nothing larger was read for it, and it came in time.
fn within_limits(
    storage: &Memory,
    ask: impl FnOnce(&Watched<'_>, &dyn Fn() -> Option<StopReason>) -> Result<Answer, EvalError>,
) -> Result<(), String> {
    let start = Instant::now();
    let stop = || (start.elapsed() > TIME_LIMIT).then_some(StopReason::TimeLimit);
    let watched = Watched { storage, samples: Cell::new(0) };
    let answer = ask(&watched, &stop);
    if start.elapsed() > TIME_LIMIT + NOTICED {
        return Err(format!("took {:?}", start.elapsed()));
    }
    if watched.samples.get() > LIMITS.points {
        return Err(format!("read {} samples", watched.samples.get()));
    }
    let points = match answer.map(|answer| answer.value) {
        Ok(Value::Matrix(rows)) => rows.iter().map(|row| row.points.len()).sum(),
        Ok(Value::Vector(samples)) => samples.len(),
        Ok(Value::Scalar(_) | Value::Text(_)) | Err(_) => 0,
    };
    if points > LIMITS.points { Err(format!("an answer of {points} points")) } else { Ok(()) }
}

/// Counts what is read.
struct Watched<'a> {
    storage: &'a Memory,
    samples: Cell<usize>,
}

impl Storage for Watched<'_> {
    fn select(&self, selection: &Selection<'_>) -> Result<Vec<StoredSeries>, StorageError> {
        let found = self.storage.select(selection)?;
        self.samples.set(self.samples.get() + found.iter().map(|series| series.values.len()).sum::<usize>());
        Ok(found)
    }
}

/// Words in any order, words by the grammar, and any text.
fn generated(chance: &mut Chance) -> String {
    let seed: Vec<u8> = (0..4).flat_map(|_| chance.number().to_le_bytes()).collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let any = prop_oneof![word_salad(), any::<String>(), nested(), nested(), nested()];
    any.new_tree(&mut runner).unwrap().current()
}

/// The shipped alerting rules ask in earnest.
fn expressions_of_the_repository() -> Vec<String> {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/plotwarden.rules.yml");
    let text = std::fs::read_to_string(rules).unwrap();
    let expression = |line: &str| Some(line.trim().strip_prefix("expr: ")?.trim_matches(['"', '\'']).to_owned());
    let found: Vec<String> = text.lines().filter_map(expression).filter(|text| text.len() > 3).collect();
    assert!(found.len() > 5, "{found:?}");
    found
}

fn spoiled(text: &str, chance: &mut Chance) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=chance.below(6) {
        let length = characters.len();
        let (one, other) = (chance.below(length + 1), chance.below(length + 1));
        let (from, to) = (one.min(other), one.max(other));
        match chance.below(6) {
            0 => drop(characters.drain(from..to.min(from + 8))),
            1 => {
                let part: Vec<char> = characters[from..to].to_vec();
                characters.splice(to..to, part);
            }
            2 => characters.insert(from, *chance.pick(&['(', ')', '{', '[', '\'', '@', '-', '5', 'é', '\0', '\\'])),
            3 if from < length && other < length => characters.swap(from, other),
            4 => characters.truncate(to),
            _ => {
                let word = *chance.pick(&[" offset 1e9", "[5m:1s]", " by (le)", " @ end()", " bool ", "9e99", " or "]);
                characters.splice(from..from, word.chars());
            }
        }
    }
    characters.into_iter().collect()
}
