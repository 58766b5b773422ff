//! Runs Prometheus's own PromQL test scripts, where they are at hand, against the evaluator.
//!
//! The folder with the `*.test` files is named by `PLOTWARDEN_PROMQLTEST`; `PLOTWARDEN_PROMQLTEST_SEMANTICS=v3` asks for the
//! semantics of Prometheus 3.x. Each instant query is also run as a range query around its moment, as Prometheus does itself.

mod promql_support;
mod promqltest_script;

use std::path::{Path, PathBuf};

use plotwarden::promql::{Engine, Labels, Millis, Semantics, Value};
use promql_support::Memory;
use promqltest_script::{Command, Eval, Expected};

#[derive(Debug, Default)]
struct Counts {
    passed: usize,
    as_range: usize,
    skipped: usize,
    failures: Vec<String>,
}

#[test]
fn prometheus_own_cases_pass() {
    let folder = std::env::var_os("PLOTWARDEN_PROMQLTEST")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/promqltest/v2.42"), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("promqltest: SKIPPED, 0 cases run: there is no folder {}", folder.display());
        return;
    };
    let v3 = std::env::var_os("PLOTWARDEN_PROMQLTEST_SEMANTICS").is_some_and(|value| value == "v3");
    let engine = Engine { semantics: if v3 { Semantics::V3 } else { Semantics::V2 }, ..Engine::default() };
    let mut scripts: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "test"));
    scripts.sort();
    let mut all = Counts::default();
    for path in scripts {
        let counts = run(&std::fs::read_to_string(&path).unwrap(), engine);
        let name = path.file_name().unwrap().to_string_lossy();
        let failed = counts.failures.len();
        println!(
            "{name}: {} passed ({} as range too), {failed} failures, {} skipped",
            counts.passed, counts.as_range, counts.skipped
        );
        counts.failures.iter().for_each(|failure| println!("  {name}:{failure}"));
        all.passed += counts.passed;
        all.as_range += counts.as_range;
        all.skipped += counts.skipped;
        all.failures.extend(counts.failures);
    }
    let failed = all.failures.len();
    println!(
        "promqltest: {} passed ({} as range too), {failed} failures, {} skipped",
        all.passed, all.as_range, all.skipped
    );
    assert!(all.failures.is_empty() && all.passed > 0, "{failed} failures");
}

fn run(script: &str, engine: Engine) -> Counts {
    let mut counts = Counts::default();
    let mut storage = Memory::default();
    let commands = promqltest_script::parse(script).unwrap_or_else(|fault| {
        counts.failures.push(fault);
        Vec::new()
    });
    for command in commands {
        match command {
            Command::Clear => storage = Memory::default(),
            Command::Load(series) => series.into_iter().for_each(|one| storage.add(one.labels, one.samples)),
            Command::Skip => counts.skipped += 1,
            Command::Eval(eval) => match evaluate(&eval, engine, &storage) {
                Ok(as_range) => {
                    counts.passed += 1;
                    counts.as_range += usize::from(as_range);
                }
                Err(fault) if fault.contains("not supported") => counts.skipped += 1,
                Err(fault) => counts.failures.push(format!("{}: {}\n    {fault}", eval.line, eval.query)),
            },
        }
    }
    counts
}

/// Whether the case was run as a range query too.
fn evaluate(eval: &Eval, engine: Engine, storage: &Memory) -> Result<bool, String> {
    const AROUND: Millis = 60_000;
    if eval.step > 0 {
        let found = ask(eval, engine, storage, Some((eval.start, eval.end, eval.step)));
        check(eval, found, (eval.start, eval.end, eval.step))?;
        return Ok(false);
    }
    check(eval, ask(eval, engine, storage, None), (eval.start, eval.start, 1))?;
    // Of a range query neither the order is defined, nor does a string or a matrix have one.
    let matrix = matches!(ask(eval, engine, storage, None), Ok(Found::Other));
    if eval.ordered || eval.fails || matrix || matches!(eval.expected, Expected::Text(_)) {
        return Ok(false);
    }
    let steps = (eval.start - AROUND, eval.start + AROUND, AROUND);
    let found = ask(eval, engine, storage, Some(steps));
    check(eval, found, (eval.start, eval.start, 1)).map_err(|fault| format!("as a range query: {fault}"))?;
    Ok(true)
}

enum Found {
    Scalar(f64),
    Text(String),
    Series(Vec<(Labels, Vec<(Millis, f64)>)>),
    Other,
}

fn ask(
    eval: &Eval,
    engine: Engine,
    storage: &Memory,
    steps: Option<(Millis, Millis, Millis)>,
) -> Result<Found, String> {
    let query = engine.parse(&eval.query).map_err(|error| format!("\n{}", error.show(&eval.query)))?;
    let never = || None;
    let answer = match steps {
        None => engine.instant(&query, eval.start, storage, &never),
        Some(steps) => engine.range(&query, steps, storage, &never),
    };
    Ok(match answer.map_err(|error| error.to_string())?.value {
        Value::Scalar(point) => Found::Scalar(point.value),
        Value::Text(text) => Found::Text(text),
        Value::Vector(samples) => {
            let samples =
                samples.into_iter().map(|sample| (sample.labels, vec![(sample.point.at, sample.point.value)]));
            Found::Series(samples.collect())
        }
        Value::Matrix(_) if steps.is_none() => Found::Other,
        Value::Matrix(rows) => {
            let points =
                |row: &plotwarden::promql::Row| row.points.iter().map(|point| (point.at, point.value)).collect();
            Found::Series(rows.iter().map(|row| (row.labels.clone(), points(row))).collect())
        }
    })
}

fn check(
    eval: &Eval,
    found: Result<Found, String>,
    (start, end, step): (Millis, Millis, Millis),
) -> Result<(), String> {
    let found = match (found, eval.fails) {
        (Ok(found), false) => found,
        (Err(error), true) if !error.contains("not supported") => return Ok(()),
        (Ok(_), true) => return Err("answered, where an error was expected".to_owned()),
        (Err(error), _) => return Err(error),
    };
    let times: Vec<Millis> = (0..=(end - start) / step).map(|nth| start + nth * step).collect();
    let (expected, found) = match (&eval.expected, found) {
        (Expected::Text(expected), Found::Text(found)) if *expected == found => return Ok(()),
        (Expected::Scalar(expected), Found::Scalar(found)) if close(*expected, found) => return Ok(()),
        (Expected::Scalar(expected), Found::Series(found)) => {
            (vec![(Labels::default(), vec![Some(*expected); times.len()])], found)
        }
        (Expected::Series(expected), Found::Series(found)) => (expected.clone(), found),
        _ => return Err(format!("expected {:?}", eval.expected)),
    };
    let found: Vec<(Labels, Vec<Option<f64>>)> = found
        .into_iter()
        .map(|(labels, points)| {
            let value = |at: &Millis| points.iter().find(|point| point.0 == *at).map(|point| point.1);
            (labels, times.iter().map(value).collect())
        })
        .filter(|(_, values): &(Labels, Vec<Option<f64>>)| values.iter().any(Option::is_some))
        .collect();
    let equal = |a: &(Labels, Vec<Option<f64>>), b: &(Labels, Vec<Option<f64>>)| a.0 == b.0 && same(&a.1, &b.1);
    let all = expected.len() == found.len()
        && if eval.ordered {
            expected.iter().zip(&found).all(|(a, b)| equal(a, b))
        } else {
            expected.iter().all(|a| found.iter().any(|b| equal(a, b)))
        };
    let show = |series: &[(Labels, Vec<Option<f64>>)]| {
        series.iter().map(|(labels, values)| format!("\n      {labels} {values:?}")).collect::<Vec<_>>().concat()
    };
    if all { Ok(()) } else { Err(format!("expected:{}\n    found:{}", show(&expected), show(&found))) }
}

/// Expected values may leave out trailing gaps.
fn same(expected: &[Option<f64>], found: &[Option<f64>]) -> bool {
    found.iter().enumerate().all(|(nth, found)| match (expected.get(nth).copied().flatten(), found) {
        (None, None) => true,
        (Some(expected), Some(found)) => close(expected, *found),
        _ => false,
    })
}

/// The tolerance of Prometheus's own comparison.
fn close(a: f64, b: f64) -> bool {
    #[allow(clippy::float_cmp, reason = "equal infinities have no difference")]
    let same = a == b || (a.is_nan() && b.is_nan());
    same || (a - b).abs() / (a.abs() + b.abs()) < 1e-6 || (a - b).abs() < 1e-6 * f64::MIN_POSITIVE
}
