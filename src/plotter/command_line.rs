//! What a plotter was asked to do: its command line, read by the rules of its profile.

use std::path::{Component, Path, PathBuf};

use super::expr::Variables;
use super::job::Arguments;
use super::profile::{ArgumentRule, Default, Profile};
use super::recognise::program_name;
use super::schema::ArgumentKind;
use crate::kernel::process::ProcessFacts;

/// The directory arguments that hold temp files, and those that hold finished plots.
const TEMP: [&str; 4] = ["tmp", "tmp2", "tmp3", "stage"];
const FINAL: &str = "dst";
/// How many `$other` defaults may follow each other.
const LONGEST_CHAIN: usize = 4;

/// A command line as read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CommandLine {
    pub arguments: Arguments,
    /// All arguments by name, and what follows from them, for the expressions of the profile.
    pub variables: Variables,
    /// Directories by argument name, absolute and reachable for us.
    pub directories: Vec<(String, PathBuf)>,
    pub plot_id: Option<String>,
}

/// `first` is the index of the first word after the program (and its subcommands, where the profile matched those).
pub(super) fn read(profile: &Profile, facts: &ProcessFacts, first: usize, cpus: Option<u32>) -> CommandLine {
    let program = program_name(&facts.argv);
    let rules: Vec<&ArgumentRule> = profile
        .arguments
        .iter()
        .filter(|rule| rule.only_argv0.as_ref().is_none_or(|only| only.is_match(program)))
        .collect();
    let words = Words::split(&rules, &profile.other_flags_with_value, facts.argv.get(first..).unwrap_or_default());
    let reader = Reader { rules: &rules, words: &words, program, facts, cpus };
    let mut line = CommandLine::default();
    for rule in &rules {
        reader.take(rule, &mut line);
    }
    reader.finish(profile, &mut line);
    line
}

/// The words of a command line, sorted out.
#[derive(Debug, Default)]
struct Words<'a> {
    /// Index of the rule, and the value; `None` for a flag without one.
    flags: Vec<(usize, Option<&'a str>)>,
    positional: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn split(rules: &[&ArgumentRule], other_flags_with_value: &[String], argv: &'a [String]) -> Self {
        let mut words = Self::default();
        let mut rest = argv.iter().map(String::as_str).peekable();
        while let Some(word) = rest.next() {
            if word == "--" {
                words.positional.extend(rest.by_ref());
            } else if let Some(index) = position(rules, |flag| flag == word) {
                let rule = rules[index];
                let wants_value = rule.kind != ArgumentKind::Bool
                    && (rule.bare.is_none() || rest.peek().is_some_and(|next| next.parse::<f64>().is_ok()));
                words.flags.push((index, if wants_value { rest.next() } else { None }));
            } else if let Some((index, value)) = attached(rules, word) {
                words.flags.push((index, Some(value)));
            } else if other_flags_with_value.iter().any(|flag| flag == word) {
                rest.next();
            } else if !word.starts_with('-') || word == "-" {
                words.positional.push(word);
            }
        }
        words
    }
}

fn position(rules: &[&ArgumentRule], fits: impl Fn(&str) -> bool) -> Option<usize> {
    rules.iter().position(|rule| rule.flags.iter().any(|flag| fits(flag)))
}

/// `--size=32` and `-k32`. Only flags of one letter take an attached value, so that `-t1` stays a flag of its own.
fn attached<'a>(rules: &[&ArgumentRule], word: &'a str) -> Option<(usize, &'a str)> {
    if let Some((name, value)) = word.split_once('=')
        && let Some(index) = position(rules, |flag| flag == name)
    {
        return Some((index, value));
    }
    let short = word.get(..2).filter(|short| short.starts_with('-') && *short != "--")?;
    Some((position(rules, |flag| flag == short)?, &word[2..]))
}

struct Reader<'a> {
    rules: &'a [&'a ArgumentRule],
    words: &'a Words<'a>,
    program: &'a str,
    facts: &'a ProcessFacts,
    cpus: Option<u32>,
}

impl Reader<'_> {
    fn take(&self, rule: &ArgumentRule, line: &mut CommandLine) {
        let values = self.values(rule, LONGEST_CHAIN);
        match rule.kind {
            ArgumentKind::Dir => self.take_directories(rule, &values, line),
            ArgumentKind::Text => {
                if let Some(text) = values.last() {
                    line.variables.set_text(&rule.name, text);
                    if rule.name == "plot_id" {
                        line.plot_id = Some(text.to_ascii_lowercase());
                    }
                }
            }
            _ => {
                if let Some(number) = values.last().and_then(|text| number(rule, text)) {
                    line.variables.set_number(&rule.name, number);
                }
            }
        }
    }

    /// The words that an argument was given, or its default.
    fn values(&self, rule: &ArgumentRule, chain: usize) -> Vec<String> {
        let from_name = rule.from_argv0.as_ref().and_then(|re| re.captures(self.program)?.get(1));
        if let Some(found) = from_name {
            return vec![if rule.kind == ArgumentKind::Bool { "1".to_owned() } else { found.as_str().to_owned() }];
        }
        let mut values: Vec<String> = Vec::new();
        for (index, value) in &self.words.flags {
            if std::ptr::eq(self.rules[*index], rule) {
                let bare = if rule.kind == ArgumentKind::Bool { Some(1.0) } else { rule.bare };
                values.extend(value.map(str::to_owned).or_else(|| bare.map(|bare| bare.to_string())));
            }
        }
        if let Some(index) = rule.positional {
            let found = self.words.positional.iter().skip(index.saturating_sub(1));
            values.extend(found.take(if rule.multi { usize::MAX } else { 1 }).map(|word| (*word).to_owned()));
        }
        if values.is_empty() { self.default(rule, chain) } else { values }
    }

    fn default(&self, rule: &ArgumentRule, chain: usize) -> Vec<String> {
        match &rule.default {
            None if rule.kind == ArgumentKind::Bool => vec!["0".to_owned()],
            Some(Default::Literal(text)) => vec![text.clone()],
            Some(Default::OnlineCpus) => self.cpus.iter().map(u32::to_string).collect(),
            Some(Default::Argument(other)) if chain > 0 => self
                .rules
                .iter()
                .find(|rule| rule.name == *other)
                .map(|other| self.values(other, chain - 1))
                .unwrap_or_default(),
            None | Some(Default::Argument(_)) => Vec::new(),
        }
    }

    fn take_directories(&self, rule: &ArgumentRule, values: &[String], line: &mut CommandLine) {
        let values = if rule.multi { values } else { &values[values.len().saturating_sub(1)..] };
        for value in values {
            let directory = directory(self.facts, value);
            let shown =
                directory.as_ref().map_or_else(|| value.clone().into(), |directory| directory.to_string_lossy());
            line.variables.set_text(&rule.name, &shown);
            line.directories.extend(directory.map(|directory| (rule.name.clone(), directory)));
        }
    }

    /// What follows from all arguments together.
    fn finish(&self, profile: &Profile, line: &mut CommandLine) {
        let variables = &mut line.variables;
        if let Some(cpus) = self.cpus {
            variables.set_number("cpus", f64::from(cpus));
        }
        let k = variables.number("k").and_then(|k| whole_in(k, 1.0, 64.0)).and_then(|k| u8::try_from(k).ok());
        if let Some(k) = k {
            variables.set_number("N", f64::from(k).exp2());
        }
        let mode = profile.modes.iter().find(|(_, when)| when.number(variables).is_some_and(|truth| truth != 0.0));
        if let Some((mode, _)) = mode {
            variables.set_text("mode", mode);
        }
        let plot = profile.needs.plot.as_ref().and_then(|plot| plot.number(variables));
        if let Some(plot) = plot {
            variables.set_number("plot", plot);
        }
        let count = |name: &str| {
            variables
                .number(name)
                .and_then(|value| whole_in(value, 0.0, 1e6))
                .and_then(|value| u32::try_from(value).ok())
        };
        line.arguments = Arguments {
            k,
            threads: count("threads"),
            buckets: count("buckets"),
            level: count("level"),
            count: variables.number("count").and_then(|value| whole_in(value, -1.0, 1e9)),
            temp_dirs: named(&line.directories, &TEMP),
            final_dirs: named(&line.directories, &[FINAL]),
            mode: mode.map(|(mode, _)| mode.clone()),
        };
    }
}

fn number(rule: &ArgumentRule, text: &str) -> Option<f64> {
    let written = match rule.kind {
        ArgumentKind::Bool => f64::from(u8::from(!matches!(text, "" | "0" | "false" | "no" | "off"))),
        ArgumentKind::Size => size(text)?,
        ArgumentKind::List => {
            let items = text.split(',').filter(|item| !item.is_empty()).count();
            f64::from(u32::try_from(items).ok()?)
        }
        _ => text.trim().parse().ok().filter(|number: &f64| number.is_finite())?,
    };
    match &rule.map {
        None => Some(written),
        Some(map) => {
            let mut variables = Variables::default();
            variables.set_number("v", written);
            map.number(&variables)
        }
    }
}

/// `32G`, `512MB` or `1024`: plotters mean powers of 1024.
fn size(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let shift = match text[end..].trim().to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    Some(number * f64::from(shift).exp2())
}

fn whole_in(value: f64, least: f64, most: f64) -> Option<i64> {
    let fits = value.fract() == 0.0 && (least..=most).contains(&value);
    #[allow(clippy::cast_possible_truncation, reason = "whole and within bounds that i64 holds exactly")]
    fits.then_some(value as i64)
}

/// `None` for `@host` and `@RAM`, and for a relative path of a process whose working directory cannot be read.
fn directory(facts: &ProcessFacts, value: &str) -> Option<PathBuf> {
    if value.is_empty() || value.starts_with('@') {
        return None;
    }
    let path = facts.resolve(Path::new(value))?;
    // `/a/`, `/a/.` and `/a` are one directory.
    Some(path.components().filter(|part| *part != Component::CurDir).collect())
}

fn named(directories: &[(String, PathBuf)], names: &[&str]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for name in names {
        for (argument, directory) in directories {
            if argument == name && !found.contains(directory) {
                found.push(directory.clone());
            }
        }
    }
    found
}
