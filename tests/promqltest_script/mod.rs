//! The script language of Prometheus's own PromQL tests: `load`, `clear`, `eval`.

use plotwarden::promql::{Labels, METRIC_NAME, Millis, STALE};

#[derive(Debug)]
pub enum Command {
    Clear,
    Load(Vec<Loaded>),
    Eval(Eval),
    /// What these tests do not run: native histograms, and expectations in words.
    Skip,
}

#[derive(Debug)]
pub struct Loaded {
    pub labels: Labels,
    pub samples: Vec<(Millis, f64)>,
}

#[derive(Debug)]
pub struct Eval {
    pub line: usize,
    pub query: String,
    pub start: Millis,
    pub end: Millis,
    /// 0 for an instant query.
    pub step: Millis,
    pub ordered: bool,
    pub fails: bool,
    pub expected: Expected,
}

#[derive(Debug)]
pub enum Expected {
    Scalar(f64),
    Text(String),
    /// For each series a value for each step; `None` where it has no point.
    Series(Vec<(Labels, Vec<Option<f64>>)>),
}

/// Reads a script.
pub fn parse(text: &str) -> Result<Vec<Command>, String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        at += 1;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let first = at;
        while at < lines.len() && !lines[at].is_empty() && !begins_command(lines[at]) {
            at += 1;
        }
        let body: Vec<&str> = lines[first..at].iter().copied().filter(|line| !line.starts_with('#')).collect();
        let command = command(line, first, &body).map_err(|fault| format!("line {first}: {fault}: {line}"))?;
        commands.push(command);
    }
    Ok(commands)
}

fn begins_command(line: &str) -> bool {
    let word = line.split_whitespace().next().unwrap_or("");
    word == "clear"
        || ((word == "load" || word == "load_with_nhcb") && line.split_whitespace().count() == 2)
        || word.starts_with("eval")
}

fn command(line: &str, number: usize, body: &[&str]) -> Result<Command, String> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if body.iter().any(|line| line.contains("{{")) {
        return Ok(Command::Skip);
    }
    match word {
        "clear" => Ok(Command::Clear),
        "load" => load(rest.trim(), body).map(Command::Load),
        "eval" | "eval_ordered" | "eval_fail" | "eval_warn" | "eval_info" => eval(word, rest.trim(), number, body),
        _ => Ok(Command::Skip),
    }
}

fn load(step: &str, body: &[&str]) -> Result<Vec<Loaded>, String> {
    let step = duration(step)?;
    body.iter()
        .map(|line| {
            let (labels, values) = series(line)?;
            let samples = values
                .into_iter()
                .enumerate()
                .filter_map(|(nth, value)| Some((step * Millis::try_from(nth).ok()?, value?)));
            Ok(Loaded { labels, samples: samples.collect() })
        })
        .collect()
}

fn eval(word: &str, rest: &str, line: usize, body: &[&str]) -> Result<Command, String> {
    let mut words = rest.splitn(4, char::is_whitespace);
    let (start, end, step, query) = match (words.next(), words.next()) {
        (Some("instant"), Some("at")) => {
            let at = duration(words.next().ok_or("no time")?)?;
            (at, at, 0, words.next().ok_or("no query")?.to_owned())
        }
        (Some("range"), Some("from")) => {
            let parts: Vec<&str> = rest.splitn(8, char::is_whitespace).collect();
            let [_, _, start, "to", end, "step", step, query] = parts[..] else { return Err("malformed".to_owned()) };
            (duration(start)?, duration(end)?, duration(step)?, query.to_owned())
        }
        _ => return Err("neither instant nor range".to_owned()),
    };
    let expects =
        |what: &str| body.iter().any(|line| line.starts_with("expect ") && line[7..].trim().starts_with(what));
    let fails = word == "eval_fail" || expects("fail");
    let ordered = word == "eval_ordered" || expects("ordered");
    if expects("range") || expects("string") {
        return Ok(Command::Skip);
    }
    let results: Vec<&str> =
        body.iter().copied().filter(|line| !line.starts_with("expect") && !line.starts_with("expected_fail")).collect();
    let expected = if fails { Expected::Series(Vec::new()) } else { expected(&results)? };
    Ok(Command::Eval(Eval { line, query, start, end, step, ordered, fails, expected }))
}

fn expected(lines: &[&str]) -> Result<Expected, String> {
    if let [line] = lines {
        if let Ok(value) = number(line) {
            return Ok(Expected::Scalar(value));
        }
        if line.starts_with('"') {
            return Ok(Expected::Text(line.trim_matches('"').to_owned()));
        }
    }
    lines.iter().map(|line| series(line)).collect::<Result<_, _>>().map(Expected::Series)
}

/// `name{label="value"} 0+10x5 _ stale`
fn series(line: &str) -> Result<(Labels, Vec<Option<f64>>), String> {
    let open = line.find('{').filter(|open| !line[..*open].contains(char::is_whitespace));
    let (name, pairs, rest) = if let Some(open) = open {
        let close = closing_brace(line, open).ok_or("no closing brace")?;
        (&line[..open], &line[open + 1..close], &line[close + 1..])
    } else {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        (name, "", rest)
    };
    let mut labels = pairs_of(pairs)?;
    if !name.is_empty() {
        labels.push((METRIC_NAME.to_owned(), name.to_owned()));
    }
    let values: Result<Vec<_>, String> = rest.split_whitespace().map(item).collect();
    Ok((Labels::from_pairs(labels), values?.concat()))
}

fn closing_brace(line: &str, open: usize) -> Option<usize> {
    let mut quoted = false;
    line.char_indices().skip_while(|(at, _)| *at <= open).find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == '}' && !quoted).then_some(at)
    })
}

fn pairs_of(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or("a label without value")?;
        let after = after.trim_start().strip_prefix('"').ok_or("a value without quotes")?;
        let (value, after) = after.split_once('"').ok_or("a value without closing quote")?;
        pairs.push((name.trim().trim_matches('"').to_owned(), value.to_owned()));
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    Ok(pairs)
}

/// `3`, `_`, `stale`, `0+10x5` (six values), `7x3` (four values), `_x2` (two gaps).
fn item(text: &str) -> Result<Vec<Option<f64>>, String> {
    let (start, times) = match text.rsplit_once('x') {
        Some((start, times)) => (start, Some(times.parse::<u32>().map_err(|_| format!("`{text}`"))?)),
        None => (text, None),
    };
    match (start, times) {
        ("_", times) => return Ok(vec![None; times.unwrap_or(1) as usize]),
        ("stale", None) => return Ok(vec![Some(STALE)]),
        _ => {}
    }
    let Some(times) = times else { return Ok(vec![Some(number(start)?)]) };
    let sign = start
        .char_indices()
        .skip(1)
        .find(|(at, c)| matches!(c, '+' | '-') && !matches!(start.as_bytes()[at - 1], b'e' | b'E'));
    let (first, slope) = match sign {
        Some((at, _)) => (number(&start[..at])?, number(&start[at..])?),
        None => (number(start)?, 0.0),
    };
    // Summed up rather than multiplied, as Prometheus fills its own test storage.
    let values = std::iter::successors(Some(first), |value| Some(value + slope));
    Ok(values.take(times as usize + 1).map(Some).collect())
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

fn duration(text: &str) -> Result<Millis, String> {
    if let Ok(seconds) = text.parse::<Millis>() {
        return Ok(seconds * 1_000);
    }
    let number = text.find(|c: char| c.is_ascii_alphabetic()).ok_or("no unit")?;
    let (first, rest) = text.split_at(number);
    let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let factor = match &rest[..unit] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        other => return Err(format!("unit `{other}`")),
    };
    let first: Millis = first.parse().map_err(|_| format!("`{text}` is not a duration"))?;
    Ok(first * factor + if rest.len() > unit { duration(&rest[unit..])? } else { 0 })
}
