//! From the text of a groups file to rules, with every mistake at its place.

use std::path::Path;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use serde_yaml::{DuplicateKeyPolicy, Error as YamlError, Location, Options, Spanned};

use super::groups::GroupsError;
use super::rule::{LONGEST_COMM, Rule, Template};

/// A pattern that needs more memory than this was meant to need it.
const LARGEST_PATTERN: usize = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Spanned<u32>,
    groups: Vec<Spanned<Group>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: Spanned<String>,
    #[serde(default)]
    comm: Vec<Spanned<String>>,
    #[serde(default)]
    exe: Vec<Spanned<String>>,
    #[serde(default)]
    cmdline: Vec<Spanned<String>>,
}

/// The rules of a file in their order.
pub(super) fn rules(path: &Path, text: &str) -> Result<Vec<Rule>, GroupsError> {
    let source = Source { path };
    let file: File = serde_yaml::from_str_with_options(text, options()).map_err(|error| source.yaml(&error))?;
    if file.schema.value != 1 {
        let problem = format!("the schema {} is not known", file.schema.value);
        return Err(source.at(&file.schema, problem, "write `schema: 1`"));
    }
    file.groups.iter().map(|group| source.rule(group)).collect()
}

#[derive(Clone, Copy)]
struct Source<'a> {
    path: &'a Path,
}

impl Source<'_> {
    fn rule(self, group: &Spanned<Group>) -> Result<Rule, GroupsError> {
        let Group { name, comm, exe, cmdline } = &group.value;
        if comm.is_empty() && exe.is_empty() && cmdline.is_empty() {
            let hint = "give `comm`, `exe` or `cmdline`; `cmdline: ['']` takes all that no rule above has taken";
            return Err(self.at(name, format!("the group `{}` says not whom it takes", name.value), hint));
        }
        let cmdline = cmdline.iter().map(|pattern| self.pattern(pattern)).collect::<Result<Vec<_>, _>>()?;
        let template = Template::parse(&name.value).map_err(|(problem, hint)| self.at(name, problem, hint))?;
        for wanted in template.matches() {
            if !cmdline.iter().any(|pattern| pattern.capture_names().flatten().any(|known| known == wanted)) {
                let problem = format!("no pattern under `cmdline` has a part named `{wanted}`");
                return Err(self.at(name, problem, &format!("name it in a pattern: (?P<{wanted}>...)")));
            }
        }
        for comm in comm {
            if comm.value.is_empty() {
                return Err(self.at(comm, "an empty name", "write the name that `ps -o comm` shows"));
            }
        }
        Ok(Rule {
            name: template,
            comm: comm.iter().map(|comm| cut(&comm.value)).collect(),
            exe: exe.iter().map(|exe| exe.value.clone()).collect(),
            cmdline,
        })
    }

    fn pattern(self, written: &Spanned<String>) -> Result<Regex, GroupsError> {
        RegexBuilder::new(&written.value).size_limit(LARGEST_PATTERN).build().map_err(|error| {
            let text = error.to_string();
            // The crate draws the pattern above its last line, which says what is wrong.
            let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            self.at(written, format!("not a pattern: {last}"), "quote it in single quotes, and mind the brackets")
        })
    }

    fn at<T>(self, value: &Spanned<T>, problem: impl Into<String>, hint: &str) -> GroupsError {
        self.error(value.referenced, problem, hint)
    }

    fn error(self, at: Location, problem: impl Into<String>, hint: &str) -> GroupsError {
        GroupsError::Invalid {
            file: self.path.to_owned(),
            line: at.line().max(1),
            column: at.column().max(1),
            problem: problem.into(),
            hint: hint.to_owned(),
        }
    }

    fn yaml(self, error: &YamlError) -> GroupsError {
        const COMPARE: &str = "compare with the shipped groups: plotwarden run --help";
        let error = error.without_snippet();
        let (problem, hint) = match error {
            YamlError::SerdeUnknownField { field, expected, .. } => {
                (format!("there is no field `{field}` here"), format!("write one of: {}", expected.join(", ")))
            }
            YamlError::SerdeMissingField { field, .. } => {
                (format!("the field `{field}` is missing"), format!("add `{field}:`"))
            }
            other => {
                let text = other.to_string();
                let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
                (line, COMPARE.to_owned())
            }
        };
        let (line, column) = error.location().map_or((1, 1), |at| (at.line().max(1), at.column().max(1)));
        GroupsError::Invalid { file: self.path.to_owned(), line, column, problem, hint }
    }
}

/// Written in full or as the kernel cuts it, a name means the same.
fn cut(comm: &str) -> String {
    let mut end = comm.len().min(LONGEST_COMM);
    while !comm.is_char_boundary(end) {
        end -= 1;
    }
    comm[..end].to_owned()
}

/// Some hundred lines; whatever is not small is a mistake or an attack.
fn options() -> Options {
    serde_yaml::options! {
        with_snippet: false,
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        budget: serde_yaml::budget! {
            max_depth: 12,
            flow_nesting_limit: 12,
            max_nodes: 10_000,
            max_events: 40_000,
            max_documents: 1,
            max_aliases: 100,
            max_anchors: 50,
            max_recorded_anchor_events: 10_000,
            max_merge_keys: 0,
        },
    }
}
