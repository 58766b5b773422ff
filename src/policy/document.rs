//! From the text of a file to its documents, and from each document to a schema, with every error at its place.
//!
//! A stream is cut at its document markers first, which YAML allows nowhere inside a document: so each document is judged by
//! itself, and one mistake hides no other.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_yaml::{DuplicateKeyPolicy, Error, Location, Options};

use super::cases::{PolicyTestDocument, WrittenCase};
use super::error::{Place, PolicyError};
use super::nearest::suggest;
use super::rule::Rule;
use super::rules::Kind;
use super::scalar;
use super::schema::{self, ContentionSpec, FleetBudgetSpec, ForecastSpec, GuardrailSpec, Header, Metadata, StagedSpec};
use super::spanned::Spanned;
use crate::promql::Span;

/// The version of the language, in every document.
pub const API_VERSION: &str = "plotwarden/v1";
/// A document as the schema of its kind.
#[derive(Debug)]
pub enum Written {
    Policy(Box<WrittenPolicy>),
    Tests(Box<PolicyTestDocument>),
}

/// A policy as the schema of its kind.
#[derive(Debug)]
pub enum WrittenPolicy {
    Contention(Box<schema::Written<ContentionSpec>>),
    Staged(Kind, Box<schema::Written<StagedSpec>>),
    Guardrail(schema::Written<GuardrailSpec>),
    Forecast(schema::Written<ForecastSpec>),
    FleetBudget(schema::Written<FleetBudgetSpec>),
}

impl WrittenPolicy {
    pub fn metadata(&self) -> &Metadata {
        match self {
            Self::Contention(document) => &document.metadata,
            Self::Staged(_, document) => &document.metadata,
            Self::Guardrail(document) => &document.metadata,
            Self::Forecast(document) => &document.metadata,
            Self::FleetBudget(document) => &document.metadata,
        }
    }

    pub fn tests(&self) -> &[Spanned<WrittenCase>] {
        match self {
            Self::Contention(document) => &document.tests,
            Self::Staged(_, document) => &document.tests,
            Self::Guardrail(document) => &document.tests,
            Self::Forecast(document) => &document.tests,
            Self::FleetBudget(document) => &document.tests,
        }
    }
}

/// One document of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document<'a> {
    pub path: &'a Path,
    /// The whole file.
    pub file: &'a str,
    /// This document of it.
    pub text: &'a str,
    /// Lines of the file before this document.
    pub lines_before: u32,
}

/// The documents of a file that hold anything but comments.
pub fn documents<'a>(path: &'a Path, file: &'a str) -> Vec<Document<'a>> {
    let mut found = Vec::new();
    let (mut start, mut lines_before, mut offset) = (0, 0, 0);
    for (index, line) in (0..).zip(file.split_inclusive('\n')) {
        let content = line.trim_end();
        let begins = content == "---" || line.starts_with("--- ");
        if begins {
            found.push(Document { path, file, text: &file[start..offset], lines_before });
            (start, lines_before) = (offset, index);
        }
        offset += line.len();
        if content == "..." {
            found.push(Document { path, file, text: &file[start..offset], lines_before });
            (start, lines_before) = (offset, index + 1);
        }
    }
    found.push(Document { path, file, text: &file[start..], lines_before });
    found.retain(Document::has_content);
    found
}

impl Document<'_> {
    fn has_content(&self) -> bool {
        self.text.lines().map(str::trim).any(|line| {
            let marker = matches!(line, "" | "---" | "..." | "\u{feff}");
            !(marker || line.starts_with('#') || line.starts_with('%'))
        })
    }

    /// The first line of the document in its file, from 1.
    pub fn line(&self) -> u32 {
        self.lines_before + 1
    }

    /// An error at a value of this document.
    pub fn error_at<T>(&self, value: &Spanned<T>, problem: impl Into<String>, hint: impl Into<String>) -> PolicyError {
        self.error(self.place(value.referenced), problem, hint)
    }

    /// An error at a part of a text: in the text where it was written, or at its beginning where that cannot be told.
    pub fn error_within(
        &self,
        text: &Spanned<String>,
        part: Span,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> PolicyError {
        let place = self.place_within(text, part).unwrap_or_else(|| self.place(text.referenced));
        self.error(place, problem, hint)
    }

    /// Looks for the line in the document alone: files of many documents have many lines, and tests many places.
    fn error(&self, place: Place, problem: impl Into<String>, hint: impl Into<String>) -> PolicyError {
        let index = place.line.checked_sub(self.line()).and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| self.text.lines().nth(index)) {
            Some(line) => PolicyError::on_line(self.path, Some(line), place, problem, hint),
            None => PolicyError::at(self.path, self.file, place, problem, hint),
        }
    }

    fn place_within(&self, text: &Spanned<String>, part: Span) -> Option<Place> {
        // Behind an alias the text stands where the anchor is.
        let (line, column) = (text.defined.line(), text.defined.column());
        let lines_before: usize =
            self.text.split_inclusive('\n').take(usize::try_from(line).ok()?.checked_sub(1)?).map(str::len).sum();
        let before = usize::try_from(column).ok()?.checked_sub(1)?;
        let (in_line, _) = self.text.get(lines_before..)?.char_indices().nth(before)?;
        let locate = |offset| scalar::locate(self.text, lines_before + in_line, &text.value, offset);
        let (start, end) = (locate(part.start)?, locate(part.end)?);
        let head = &self.text[..start];
        let line_start = head.rfind('\n').map_or(0, |newline| newline + 1);
        let shown = self.text.get(start..end)?.lines().next().unwrap_or_default();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Some(Place {
            line: self.lines_before + number(head.matches('\n').count()) + 1,
            column: number(head[line_start..].chars().count()) + 1,
            width: number(shown.chars().count()).max(1),
        })
    }

    fn place(&self, location: Location) -> Place {
        // A file of at most 1 MiB has no place that does not fit.
        let number = |value: u64| u32::try_from(value).unwrap_or(1).max(1);
        Place {
            line: self.lines_before + number(location.line()),
            column: number(location.column()),
            width: number(location.span().len()),
        }
    }

    /// Reads the document as the schema of its kind.
    pub fn read(&self) -> Result<Written, PolicyError> {
        let header: Header = self.parse()?;
        if header.api_version.value != API_VERSION {
            let problem = format!("`apiVersion` is `{}`", header.api_version.value);
            return Err(self.error_at(&header.api_version, problem, format!("write `apiVersion: {API_VERSION}`")));
        }
        let Some(kind) = Kind::from_name(&header.kind.value) else {
            let problem = format!("there is no kind `{}`", header.kind.value);
            return Err(self.error_at(&header.kind, problem, suggest(&header.kind.value, &Kind::NAMES)));
        };
        let policy = match kind {
            Kind::PolicyTest => return self.parse().map(|tests| Written::Tests(Box::new(tests))),
            Kind::Contention => WrittenPolicy::Contention(Box::new(self.parse()?)),
            Kind::Guardrail => WrittenPolicy::Guardrail(self.parse()?),
            Kind::Forecast => WrittenPolicy::Forecast(self.parse()?),
            Kind::FleetBudget => WrittenPolicy::FleetBudget(self.parse()?),
            staged => WrittenPolicy::Staged(staged, Box::new(self.parse()?)),
        };
        Ok(Written::Policy(Box::new(policy)))
    }

    /// Whether a text is written in quotes.
    pub fn is_quoted(&self, text: &Spanned<String>) -> bool {
        let (line, column) = (text.defined.line(), text.defined.column());
        let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        let line = self.text.lines().nth(at(line)).unwrap_or_default();
        matches!(line.chars().nth(at(column)), Some('\'' | '"'))
    }

    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, PolicyError> {
        serde_yaml::from_str_with_options(self.text, options()).map_err(|error| self.explain(&error))
    }

    fn explain(&self, error: &Error) -> PolicyError {
        let (problem, hint) = describe(error);
        let place = error.location().map_or(Place { line: self.line(), column: 1, width: 1 }, |at| self.place(at));
        PolicyError::at(self.path, self.file, place, problem, hint).under(Rule::of(error))
    }
}

/// A policy is some hundred nodes; whoever needs more wants to harm us. Measured: a billion laughs is refused within 1 ms.
fn options() -> Options {
    serde_yaml::options! {
        with_snippet: false,
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        // `owner: [1000]` may have meant a number.
        no_schema: true,
        budget: serde_yaml::budget! {
            max_depth: 24,
            flow_nesting_limit: 24,
            max_nodes: 10_000,
            max_events: 40_000,
            max_aliases: 200,
            max_anchors: 100,
            max_recorded_anchor_events: 20_000,
            max_merge_keys: 50,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 8,
        },
    }
}

/// What is wrong and what to write, in the words of somebody who knows policies rather than parsers.
fn describe(error: &Error) -> (String, String) {
    let text = without_place(&error.without_snippet().to_string());
    // What is too deep, or too large inside an alias, comes as mere text.
    if ["budget breached", "recursion limit"].iter().any(|breach| text.contains(breach)) {
        return too_large();
    }
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown field `{field}`"), suggest(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("`{variant}` is not known here"), suggest(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => {
            (format!("the field `{field}` is missing"), format!("add `{field}:`"))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("this key");
            (format!("`{key}` is given twice"), "keep one of the two".to_owned())
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            (format!("{unexpected} stands where {expected} is expected"), String::new())
        }
        Error::InvalidBooleanStrict { .. } => {
            ("this is neither `true` nor `false`".to_owned(), "write `true` or `false`".to_owned())
        }
        Error::QuotingRequired { value, .. } => {
            (format!("a text is expected here, and `{value}` without quotes is none"), format!("write '{value}'"))
        }
        Error::UnknownAnchor { .. } => (
            "no anchor of this name stands above".to_owned(),
            "write `&name` in front of the value that is meant, or the value itself".to_owned(),
        ),
        Error::MergeValueNotMapOrSeqOfMaps { .. } => (
            "`<<` takes over fields, and this has none".to_owned(),
            "write `<<: *name`, with `&name` in front of fields that stand above".to_owned(),
        ),
        Error::ExternalMessage { .. } => {
            let hint = "check brackets, quotes and indentation, here and in the lines above";
            (text, hint.to_owned())
        }
        Error::Unexpected { expected: "sequence start", .. } => {
            ("a list is expected here".to_owned(), "write it in brackets: `[a, b]`".to_owned())
        }
        Error::Unexpected { expected: "mapping start", .. } => (
            "fields are expected here".to_owned(),
            "write `name: value` lines, indented, or `{name: value}`".to_owned(),
        ),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. } => too_large(),
        _ => match text.split_once("; ") {
            Some((problem, hint)) => (problem.to_owned(), hint.to_owned()),
            None => (text, String::new()),
        },
    }
}

fn too_large() -> (String, String) {
    (
        "the document is larger or deeper, with its aliases, than any policy is".to_owned(),
        "write the values out; a policy needs few or no aliases".to_owned(),
    )
}

/// The parser's messages end in `at line L, column C`, which stands in front of ours already.
fn without_place(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(u32, String)> {
        documents(Path::new("p.yaml"), text).iter().map(|found| (found.line(), found.text.to_owned())).collect()
    }

    #[test]
    fn cuts_a_stream_at_its_markers() {
        assert_eq!(cut("a: 1\n"), [(1, "a: 1\n".to_owned())]);
        assert_eq!(cut("---\na: 1\n---\nb: 2"), [(1, "---\na: 1\n".to_owned()), (3, "---\nb: 2".to_owned())]);
        assert_eq!(cut("# only words\n---\n# more\n"), []);
        assert_eq!(cut(""), []);
        assert_eq!(cut("a: 1\n...\n# end\n").len(), 1);
        assert_eq!(cut("a: |\n  ---\n  text\n").len(), 1, "an indented marker is text");
    }
}
