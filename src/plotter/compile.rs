//! From a profile as written to a profile that can be used: expressions and names are checked here, not in the middle of a plot.

use std::collections::BTreeMap;

use regex_lite::{Regex, RegexBuilder};
use serde_yaml::Spanned;

use super::error::{ProfileError, Source};
use super::expr::{Expr, Kind};
use super::job::Phase;
use super::profile::{
    ArgumentRule, AskRule, Default, FileRule, LogRules, Match, NeedRules, Odometer, PhaseOf, PhaseStart, Profile, Step,
    TempRule,
};
use super::schema::{self, ArgumentKind, Text};
use super::temp;

/// The largest compiled regular expression, in bytes.
const LARGEST_REGEX: usize = 1 << 20;
const REGEX_HINT: &str =
    "write a regular expression of the Rust crate `regex`; escape `.`, `(`, `[` and `*` where they are meant literally";
const NAME_HINT: &str = "write lower-case letters, digits and `-`, as in `my-plotter`";
const PHASE_HINT: &str = "write alloc, a number, write, copy or done";

type Result<T> = std::result::Result<T, ProfileError>;
type Kinds = BTreeMap<String, Kind>;

pub(super) fn profile(source: Source<'_>, at: serde_yaml::Location, written: &schema::Profile) -> Result<Profile> {
    let compiler = Compiler { source };
    let name = compiler.name(&written.name)?;
    if written.matches.is_empty() {
        return Err(source.error(at, format!("the profile `{name}` matches nothing"), "add a rule below `match:`"));
    }
    let arguments = compiler.arguments(at, &written.args)?;
    let mut kinds = argument_kinds(&arguments);
    let modes = written.mode.iter().map(|mode| Ok((mode.name.clone(), compiler.expression(&mode.when, &kinds)?)));
    let modes: Vec<_> = modes.collect::<Result<_>>()?;
    if !modes.is_empty() {
        kinds.insert("mode".to_owned(), Kind::Text);
    }
    let plot = compiler.optional(written.needs.plot.as_ref(), &kinds)?;
    if plot.is_some() {
        kinds.insert("plot".to_owned(), Kind::Number);
    }
    Ok(Profile {
        name,
        matches: compiler.matches(&written.matches)?,
        wrappers: compiler.matches(&written.wrappers)?,
        leaf_only: written.leaf_only,
        temp: compiler.temp(written)?,
        arguments,
        other_flags_with_value: written.other_flags_with_value.clone(),
        modes,
        phases: compiler.phases(&written.phases)?,
        log: compiler.log(&written.log)?,
        threads: compiler.threads(&written.threads)?,
        files: compiler.files(&written.files)?,
        odometer: compiler.odometer(written.odometer.as_ref(), &kinds)?,
        exclusive_tmp: written.exclusive_tmp,
        ask: compiler.ask(written.ask.as_ref(), &kinds)?,
        needs: compiler.needs(&written.needs, plot, kinds)?,
        control: written.control.clone(),
    })
}

struct Compiler<'a> {
    source: Source<'a>,
}

impl Compiler<'_> {
    fn name(&self, text: &Text) -> Result<String> {
        let name = &text.value;
        let well_formed = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if well_formed {
            Ok(name.clone())
        } else {
            Err(self.source.error(text.defined, format!("`{name}` is not a name for a profile"), NAME_HINT))
        }
    }

    fn regex(&self, text: &Text) -> Result<Regex> {
        RegexBuilder::new(&text.value).size_limit(LARGEST_REGEX).build().map_err(|error| {
            let error = error.to_string();
            let why = error.lines().last().unwrap_or("").trim_start_matches("error: ");
            self.source.error(text.defined, format!("`{}` is not a regular expression: {why}", text.value), REGEX_HINT)
        })
    }

    fn regexes(&self, texts: &[Text]) -> Result<Vec<Regex>> {
        texts.iter().map(|text| self.regex(text)).collect()
    }

    fn expression(&self, text: &Text, kinds: &Kinds) -> Result<Expr> {
        let located = |error| self.source.expression_error(text.defined, &text.value, &error);
        let expression = Expr::parse(&text.value).map_err(located)?;
        match expression.check(&|name| kinds.get(name).copied()).map_err(located)? {
            Kind::Number => Ok(expression),
            Kind::Text => {
                let problem = format!("`{}` is a text where a number is needed", text.value);
                Err(self.source.error(text.defined, problem, "compare it: `mode == \"disk\"`"))
            }
        }
    }

    fn optional(&self, text: Option<&Text>, kinds: &Kinds) -> Result<Option<Expr>> {
        text.map(|text| self.expression(text, kinds)).transpose()
    }

    fn ask(&self, written: Option<&schema::Ask>, kinds: &Kinds) -> Result<Option<AskRule>> {
        let rule =
            |ask: &schema::Ask| Ok(AskRule { signal: ask.signal, when: self.optional(ask.when.as_ref(), kinds)? });
        written.map(rule).transpose()
    }

    fn phase(&self, text: &Text) -> Result<Phase> {
        phase_named(&text.value)
            .ok_or_else(|| self.source.error(text.defined, format!("`{}` is not a phase", text.value), PHASE_HINT))
    }

    fn matches(&self, rules: &[Spanned<schema::Match>]) -> Result<Vec<Match>> {
        rules.iter().map(|rule| self.one_match(rule)).collect()
    }

    fn one_match(&self, rule: &Spanned<schema::Match>) -> Result<Match> {
        let written = &rule.value;
        if written.argv0.is_empty() == written.argv_seq.is_empty() {
            let problem = "a rule needs either `argv0` or `argv_seq`: without, it would fit any program";
            return Err(self.source.error(rule.defined, problem, "add `argv0: ['^my_plotter$']`"));
        }
        Ok(Match {
            argv0: self.regexes(&written.argv0)?,
            argv_any: self.regexes(&written.argv_any)?,
            not_argv_any: self.regexes(&written.not_argv_any)?,
            argv_seq: self.regexes(&written.argv_seq)?,
            interpreters: self.regexes(&written.interpreters)?,
            argv_n: written
                .argv_n
                .iter()
                .map(|(index, text)| Ok((*index, self.regex(text)?)))
                .collect::<Result<_>>()?,
        })
    }

    fn arguments(
        &self,
        at: serde_yaml::Location,
        written: &BTreeMap<String, schema::Argument>,
    ) -> Result<Vec<ArgumentRule>> {
        const RESERVED: &[&str] =
            &["N", "cpus", "mode", "phase", "table", "plot", "v", "alloc", "write", "copy", "done"];
        let only_v = Kinds::from([("v".to_owned(), Kind::Number)]);
        let rule = |(name, written): (&String, &schema::Argument)| {
            if RESERVED.contains(&name.as_str()) {
                let problem = format!("`{name}` is a name with a meaning of its own and cannot name an argument");
                return Err(self.source.error(at, problem, "choose another name"));
            }
            Ok(ArgumentRule {
                name: name.clone(),
                kind: written.kind,
                flags: written.flags.clone(),
                multi: written.multi,
                positional: written.positional,
                from_argv0: written.from_argv0.as_ref().map(|text| self.regex(text)).transpose()?,
                only_argv0: written.argv0.as_ref().map(|text| self.regex(text)).transpose()?,
                bare: written.bare,
                default: written.default.as_ref().map(|text| self.default(text, name)).transpose()?,
                map: self.optional(written.map.as_ref(), &only_v)?,
            })
        };
        let rules: Vec<ArgumentRule> = written.iter().map(rule).collect::<Result<_>>()?;
        for argument in written.values() {
            let Some(text) = &argument.default else { continue };
            let Some(Default::Argument(other)) = self.default(text, "").ok() else { continue };
            if !written.contains_key(&other) {
                let problem = format!("`${other}` is not an argument of this profile");
                return Err(self.source.error(text.defined, problem, "name another argument, or `$cpus`"));
            }
        }
        Ok(rules)
    }

    fn default(&self, text: &Text, of: &str) -> Result<Default> {
        Ok(match text.value.strip_prefix('$') {
            None => Default::Literal(text.value.clone()),
            Some("cpus") => Default::OnlineCpus,
            Some(other) if other == of => {
                let problem = format!("`{of}` cannot be its own default");
                return Err(self.source.error(text.defined, problem, "name another argument"));
            }
            Some(other) => Default::Argument(other.to_owned()),
        })
    }

    fn phases(&self, written: &[schema::PhaseStart]) -> Result<Vec<PhaseStart>> {
        let mut phases: Vec<PhaseStart> = Vec::new();
        for start in written {
            let phase = self.phase(&start.phase)?;
            let share = |value: f64| (0.0..=1.0).contains(&value);
            let fits = share(start.progress) && start.bytes.is_none_or(share);
            if !fits || phases.last().is_some_and(|last| last.phase >= phase || last.progress > start.progress) {
                let problem = format!("the phase `{}` is out of order, or begins outside of 0 to 1", start.phase.value);
                return Err(self.source.error(start.phase.defined, problem, "list the phases in the order of a plot"));
            }
            phases.push(PhaseStart { phase, progress: start.progress, bytes: start.bytes });
        }
        Ok(phases)
    }

    fn log(&self, written: &schema::Log) -> Result<LogRules> {
        let plot_id = written.plot_id.as_ref().map(|text| self.regex_with_group(text, "id")).transpose()?;
        Ok(LogRules {
            separators: self.separators(&written.separators)?,
            plot_id,
            start: written.start.as_ref().map(|text| self.regex_with_group(text, "n")).transpose()?,
            steps: written.steps.iter().map(|step| self.step(step)).collect::<Result<_>>()?,
            stalls: self.regexes(&written.stalls)?,
            errors: self.regexes(&written.errors)?,
        })
    }

    fn separators(&self, written: &[Text]) -> Result<Vec<u8>> {
        if written.is_empty() {
            return Ok(vec![b'\n']);
        }
        let byte = |text: &Text| {
            if let [byte] = text.value.as_bytes() {
                return Ok(*byte);
            }
            let problem = "a line separator is one byte";
            Err(self.source.error(text.defined, problem, "write \"\\n\" or \"\\r\" in double quotes"))
        };
        written.iter().map(byte).collect()
    }

    fn regex_with_group(&self, text: &Text, group: &str) -> Result<Regex> {
        let regex = self.regex(text)?;
        if regex.capture_names().flatten().any(|name| name == group) {
            return Ok(regex);
        }
        let problem = format!("`{}` has no group `{group}`", text.value);
        Err(self.source.error(text.defined, problem, format!("write (?P<{group}>..) around that part")))
    }

    fn step(&self, written: &schema::Step) -> Result<Step> {
        let re = self.regex(&written.re)?;
        let groups: Kinds = re.capture_names().flatten().map(|name| (name.to_owned(), Kind::Number)).collect();
        let phase = match &written.phase {
            None => None,
            Some(text) => Some(match phase_named(&text.value) {
                Some(phase) => PhaseOf::Fixed(phase),
                None => PhaseOf::Numbered(self.expression(text, &groups)?),
            }),
        };
        let table = self.optional(written.table.as_ref(), &groups)?;
        let progress = self.optional(written.progress.as_ref(), &groups)?;
        Ok(Step { re, phase, table, progress })
    }

    fn threads(&self, written: &[schema::ThreadRule]) -> Result<Vec<(Regex, Phase)>> {
        written.iter().map(|rule| Ok((self.regex(&rule.re)?, self.phase(&rule.phase)?))).collect()
    }

    fn files(&self, written: &[schema::FileRule]) -> Result<Vec<FileRule>> {
        let rule = |rule: &schema::FileRule| {
            let (re, phase) = (self.regex(&rule.re)?, self.phase(&rule.phase)?);
            Ok(FileRule { re, phase, table: rule.table, or_later: rule.or_later })
        };
        written.iter().map(rule).collect()
    }

    fn odometer(&self, written: Option<&schema::Odometer>, kinds: &Kinds) -> Result<Option<Odometer>> {
        let Some(written) = written else { return Ok(None) };
        let total = self.expression(&written.total, kinds)?;
        Ok(Some(Odometer { counter: written.counter, total, measures_progress: written.measures_progress }))
    }

    /// A pattern without the plot id could match the files of another job, unless there can be no other job.
    fn temp(&self, written: &schema::Profile) -> Result<Vec<TempRule>> {
        let rule = |text: &Text| {
            let parts = text.value.strip_prefix('{').and_then(|rest| rest.split_once("}/"));
            let Some((argument, file_name)) = parts else {
                let problem = format!("`{}` does not begin with a directory argument", text.value);
                return Err(self.source.error(text.defined, problem, "write `{tmp}/` before the file name"));
            };
            if written.args.get(argument).is_none_or(|found| found.kind != ArgumentKind::Dir) {
                let problem = format!("`{argument}` is not an argument of the type `dir`");
                return Err(self.source.error(text.defined, problem, "declare it below `args:` with `type: dir`"));
            }
            if file_name.contains('/') || (!file_name.contains("{id}") && !written.exclusive_tmp) {
                let problem = format!("`{}` could match files of other jobs", text.value);
                let hint = "put `{id}` into the file name, or set `exclusive_tmp: true` if two of these plotters cannot share a directory";
                return Err(self.source.error(text.defined, problem, hint));
            }
            if temp::regex_of(&file_name.replace("{id}", "")).is_none() {
                let problem = format!("`{file_name}` is not a file name pattern");
                return Err(self.source.error(text.defined, problem, "close every `[` with a `]`"));
            }
            Ok(TempRule { argument: argument.to_owned(), file_name: file_name.to_owned() })
        };
        written.temp.iter().map(rule).collect()
    }

    fn needs(&self, written: &schema::Needs, plot: Option<Expr>, mut kinds: Kinds) -> Result<NeedRules> {
        for name in ["phase", "table", "alloc", "write", "copy", "done"] {
            kinds.insert(name.to_owned(), Kind::Number);
        }
        Ok(NeedRules {
            plot,
            ram: self.optional(written.ram.as_ref(), &kinds)?,
            temp: self.optional(written.temp.as_ref(), &kinds)?,
            cores: self.optional(written.cores.as_ref(), &kinds)?,
            write: self.optional(written.write.as_ref(), &kinds)?,
            vram: self.optional(written.vram.as_ref(), &kinds)?,
        })
    }
}

fn argument_kinds(arguments: &[ArgumentRule]) -> Kinds {
    let mut kinds = Kinds::from([("cpus".to_owned(), Kind::Number)]);
    for argument in arguments {
        let kind = match argument.kind {
            ArgumentKind::Text | ArgumentKind::Dir => Kind::Text,
            ArgumentKind::Int | ArgumentKind::Bool | ArgumentKind::Size | ArgumentKind::List => Kind::Number,
        };
        kinds.insert(argument.name.clone(), kind);
        if argument.name == "k" {
            kinds.insert("N".to_owned(), Kind::Number);
        }
    }
    kinds
}

fn phase_named(text: &str) -> Option<Phase> {
    Some(match text {
        "alloc" => Phase::Allocating,
        "write" => Phase::Writing,
        "copy" => Phase::Copying,
        "done" => Phase::Done,
        number => Phase::Number(number.parse().ok()?),
    })
}
