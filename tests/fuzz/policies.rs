//! Policies that no one would write: whatever a file holds, the loader ends, soon and with little memory, every error names a place
//! that is there, every form of the report can be written, and formatting changes no meaning.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use plotwarden::policy::{CheckReport, Formatted, Output, PolicyError, Vocabulary, format, from_text};

use crate::chance::{Chance, Rounds};
use crate::memory::most_in_use;

/// No input is longer.
const LONGEST: usize = 64 << 10;
/// Of the processor, whatever else the machine does; without optimisation everything takes ten times as long.
const TIME_LIMIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });
const MEMORY_LIMIT: usize = 50 << 20;
const PATH: &str = "fuzz.yaml";

#[test]
fn no_policy_file_breaks_us() {
    let shipped = shipped();
    let mut rounds = Rounds::begin();
    let (mut slowest, mut largest) = (Duration::ZERO, 0);
    for seed in rounds.by_ref() {
        let mut chance = Chance::of(seed);
        let text = if chance.once_in(12) { bomb(&mut chance) } else { mutated(&shipped, &mut chance) };
        let named = || format!("PLOTWARDEN_FUZZ_SEED={seed}");
        let start = processor_time();
        let (loaded, memory) = most_in_use(|| catch_unwind(AssertUnwindSafe(|| load(&text))));
        let time = processor_time().saturating_sub(start);
        assert!(matches!(loaded, Ok(Ok(()))), "{}: {loaded:?}:\n{text}", named());
        assert!(time < TIME_LIMIT, "{}: took {time:?}:\n{text}", named());
        assert!(memory < MEMORY_LIMIT, "{}: took {memory} bytes:\n{text}", named());
        (slowest, largest) = (slowest.max(time), largest.max(memory));
        let formatted = catch_unwind(|| reformat(&text));
        assert!(matches!(formatted, Ok(Ok(()))), "{}: {formatted:?}:\n{text}", named());
    }
    eprintln!("{} policy files; loading took {slowest:?} and {} KiB at most", rounds.done(), largest >> 10);
}

fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

fn load(text: &str) -> Result<(), String> {
    let vocabulary = Vocabulary {
        metrics: vec!["plotwarden_disk_io_time_seconds_total"],
        plotters: vec!["madmax".to_owned()],
        prometheus: true,
    };
    let report = match from_text(Path::new(PATH), text, &vocabulary) {
        Ok(set) => CheckReport { set, ..CheckReport::default() },
        Err(errors) if errors.is_empty() => return Err("refused without an error".to_owned()),
        Err(errors) => CheckReport { errors, ..CheckReport::default() },
    };
    report.errors.iter().chain(&report.set.warnings).try_for_each(|error| is_there(error, text))?;
    for output in [Output::Human, Output::Json, Output::Sarif, Output::Github] {
        if output.write(&report, Path::new("/")).is_empty() {
            return Err(format!("{output:?} says nothing"));
        }
    }
    Ok(())
}

/// The place of the error lies in the text, or right behind its end.
fn is_there(error: &PolicyError, text: &str) -> Result<(), String> {
    let Some(place) = error.place else { return Ok(()) };
    let lines = text.replace("\r\n", "\n").split(['\r', '\n']).count();
    let within = (1..=lines + 1).contains(&(place.line as usize)) && place.column >= 1;
    if within && !error.to_string().is_empty() { Ok(()) } else { Err(format!("{error:?} is nowhere")) }
}

fn reformat(text: &str) -> Result<(), String> {
    match format(Path::new(PATH), text) {
        Formatted::Changed(new) => match format(Path::new(PATH), &new) {
            Formatted::Same => Ok(()),
            again => Err(format!("{again:?} is what became of\n{new}")),
        },
        Formatted::Same | Formatted::Left(_) | Formatted::NotYaml(_) => Ok(()),
    }
}

fn shipped() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    // A seed means the same on every file system.
    files.sort();
    assert!(files.len() >= 3);
    files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// What has a meaning in YAML, in policies, or in neither.
const PIECES: [&str; 40] = [
    "&a ",
    "*a",
    "<<: *a",
    "<<: [*a, *b]",
    "!!int ",
    "!x ",
    "? ",
    "- ",
    ": ",
    "#",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "|",
    ">-",
    "|+\n",
    "'",
    "\"",
    "\\x41",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "\t",
    "\r\n",
    "\r",
    "\u{feff}",
    "\u{2028}",
    "\0",
    "\u{7f}",
    "é",
    "日本",
    "🌾",
    "~",
    "1e999",
    "-9223372036854775809",
    "5m",
    "200MiB/s",
    ".nan",
];

fn mutated(shipped: &[String], chance: &mut Chance) -> String {
    let mut text = chance.pick(shipped).clone();
    if chance.once_in(8) {
        text = format!("{text}---\n{}", chance.pick(shipped));
    }
    for _ in 0..=chance.below(6) {
        text = match chance.below(7) {
            0 => bytes(text, chance),
            1 => lines(&text, chance),
            2 => pieces(text, chance),
            3 => anchored(&text, chance),
            4 => nested(&text, chance),
            5 => text.replace('\n', chance.pick::<&str>(&["\r\n", "\n\n", "\r", "\n "])),
            _ => text.replacen(
                *chance.pick(&["  ", ": ", "}", ", ", "0", "s"]),
                chance.pick::<&str>(&PIECES),
                1 + chance.below(3),
            ),
        };
    }
    cut(text)
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

/// What is no UTF-8 does not get past the reader of files.
fn bytes(text: String, chance: &mut Chance) -> String {
    let mut bytes = text.into_bytes();
    for _ in 0..=chance.below(8) {
        let at = chance.below(bytes.len().max(1));
        if let Some(byte) = bytes.get_mut(at) {
            *byte = u8::try_from(chance.below(256)).unwrap();
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn lines(text: &str, chance: &mut Chance) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let (one, other) = (chance.below(lines.len().max(1)), chance.below(lines.len().max(1)));
    if one < lines.len() && other < lines.len() {
        match chance.below(5) {
            0 => lines.swap(one, other),
            1 => drop(lines.remove(one)),
            2 => lines[one].insert_str(0, &" ".repeat(chance.below(8))),
            3 => lines[one] = lines[one].trim_start().chars().collect(),
            _ => {
                let line = lines[one].clone();
                lines.splice(other..other, vec![line; 1 + chance.below(40)]);
            }
        }
    }
    lines.join("\n") + "\n"
}

fn pieces(mut text: String, chance: &mut Chance) -> String {
    let at = text.floor_char_boundary(chance.below(text.len() + 1));
    text.insert_str(at, chance.pick::<&str>(&PIECES));
    text
}

/// A value with an anchor, and an alias in the place of another one.
fn anchored(text: &str, chance: &mut Chance) -> String {
    let values = text.matches(": ").count().max(1);
    let mut parts = text.split(": ");
    let (anchor, alias) = (1 + chance.below(values), 1 + chance.below(values));
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (index, part) in (1..).zip(parts) {
        out += ": ";
        if index == anchor {
            out += "&it ";
        }
        let end = part.find([',', '}', '\n']).unwrap_or(part.len());
        if index == alias {
            out.extend(["*it", &part[end..]]);
        } else {
            out += part;
        }
    }
    out
}

fn nested(text: &str, chance: &mut Chance) -> String {
    let depth = 1 + chance.below(200);
    let (open, close) = *chance.pick(&[("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", ""), ("a:\n ", "")]);
    let deep = format!(": {}1{}", open.repeat(depth), close.repeat(depth));
    text.replacen(": 1", &deep, 1 + chance.below(3))
}

/// As much work as 64 KiB can ask for.
fn bomb(chance: &mut Chance) -> String {
    let head = "apiVersion: plotwarden/v1\nkind: Contention\nmetadata: {name: a}\nspec: ";
    let filled = |piece: &str| piece.repeat(LONGEST / piece.len());
    cut(match chance.below(9) {
        0 => {
            let level =
                |level: usize| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 12].join(","));
            "a0: &a0 lol\n".to_owned() + &(1..40).map(level).collect::<String>()
        }
        1 => filled(
            chance.pick::<&str>(&["[", "{", "- ", "{a: ", "? ", "a:\n", "&a ", "!a ", "'", "\"\\x", "|\n", "#", "\t"]),
        ),
        // Thousands of mistakes in one line: each is shown with its line.
        2 => format!("{head}{{stages: [{}", filled("{resource: io, at: notice, do: [kill]},")),
        3 => format!("{head}{{severity: [{}", filled("{resource: io, signal: no, zero: 1, one: 2},")),
        // And thousands of documents.
        4 => filled("---\na: 1\n"),
        5 => filled("---\napiVersion: plotwarden/v1\nkind: Contention\nmetadata: {name: a}\nspec: {}\n"),
        6 => format!(
            "{head}{{signals: {{a: {{promql: '{}', maxAge: 5s, onMissing: hold}}}}}}",
            filled("(").split_at(60_000).0
        ),
        7 => format!("{head}\n  ? {}\n", filled("x")),
        _ => (0..6000).map(|number| format!("k{number}: 1\n")).collect::<Vec<_>>().concat(),
    })
}
