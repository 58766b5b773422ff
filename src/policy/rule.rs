//! The names of what can be wrong with a policy file. They outlast the wording of messages, so that a pipeline may count, sort and
//! silence by them.

use serde_yaml::Error;

/// One kind of mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    Yaml,
    TooLarge,
    UnknownField,
    UnknownValue,
    MissingField,
    DuplicateKey,
    WrongType,
    Unit,
    Reference,
    NameTaken,
    NoPolicy,
    Unreadable,
    NoGap,
    Floors,
    UnknownMetric,
    ShortRange,
    EqualRank,
    DeniedByGuardrail,
    MatchesNothing,
    NeverBegins,
    WrongWay,
    Unwatched,
    Unused,
    NotDecided,
    WritableByOthers,
}

impl Rule {
    /// In the order of the manual.
    pub const ALL: &[Self] = &[
        Self::Unreadable,
        Self::Yaml,
        Self::TooLarge,
        Self::DuplicateKey,
        Self::UnknownField,
        Self::MissingField,
        Self::UnknownValue,
        Self::WrongType,
        Self::Unit,
        Self::Reference,
        Self::NameTaken,
        Self::NoPolicy,
        Self::NoGap,
        Self::Floors,
        Self::UnknownMetric,
        Self::ShortRange,
        Self::EqualRank,
        Self::DeniedByGuardrail,
        Self::MatchesNothing,
        Self::NeverBegins,
        Self::WrongWay,
        Self::Unwatched,
        Self::Unused,
        Self::NotDecided,
        Self::WritableByOthers,
    ];

    /// As outputs name it; never changed once it was released.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::TooLarge => "too-large",
            Self::UnknownField => "unknown-field",
            Self::UnknownValue => "unknown-value",
            Self::MissingField => "missing-field",
            Self::DuplicateKey => "duplicate-key",
            Self::WrongType => "wrong-type",
            Self::Unit => "unit",
            Self::Reference => "reference",
            Self::NameTaken => "name-taken",
            Self::NoPolicy => "no-policy",
            Self::Unreadable => "unreadable",
            Self::NoGap => "no-gap",
            Self::Floors => "floors",
            Self::UnknownMetric => "unknown-metric",
            Self::ShortRange => "short-range",
            Self::EqualRank => "equal-rank",
            Self::DeniedByGuardrail => "denied-by-guardrail",
            Self::MatchesNothing => "matches-nothing",
            Self::NeverBegins => "never-begins",
            Self::WrongWay => "wrong-way",
            Self::Unwatched => "unwatched",
            Self::Unused => "unused",
            Self::NotDecided => "not-decided",
            Self::WritableByOthers => "writable-by-others",
        }
    }

    /// What it holds, in a sentence.
    pub fn says(self) -> &'static str {
        match self {
            Self::Yaml => "A policy file is YAML.",
            Self::TooLarge => {
                "A document is no larger or deeper, with its aliases, than a policy can be; a file has not hundreds of mistakes."
            }
            Self::UnknownField => "Every field is one that the language knows.",
            Self::UnknownValue => "Every word is one that the language knows in its place.",
            Self::MissingField => "What a field demands beside it is there.",
            Self::DuplicateKey => "A key is given once.",
            Self::WrongType => "A number stands where a number is expected, a list where a list is.",
            Self::Unit => "A quantity has a unit, and one that fits.",
            Self::Reference => "What is referred to is there.",
            Self::NameTaken => "No two policies share a name.",
            Self::NoPolicy => "A folder of policies holds some.",
            Self::Unreadable => {
                "A policy file can be read: it exists, is a regular file of UTF-8 text and of a bounded size."
            }
            Self::NoGap => "A trigger and its `clear` lie apart, and on the right sides.",
            Self::Floors => "The floors of all members of a budget fit into what is given out.",
            Self::UnknownMetric => "A metric that begins with `plotwarden_` is one that plotwarden exports.",
            Self::ShortRange => "A range in PromQL holds four samples or more.",
            Self::EqualRank => {
                "Of two actions that want one knob to be exactly something, class or priority says which counts."
            }
            Self::DeniedByGuardrail => "What a policy does is not denied by a guardrail whatever happens.",
            Self::MatchesNothing => "A selector, a list of names or a pattern can match something.",
            Self::NeverBegins => "A stage can begin, and a ramp can reach its end.",
            Self::WrongWay => "`from` is looser than the value, so that steps tighten.",
            Self::Unwatched => "A value that goes toward a signal belongs to stages that begin or end by it.",
            Self::Unused => "A signal, trigger or section that is written is used.",
            Self::NotDecided => "What is written is decided by in this version.",
            Self::WritableByOthers => {
                "Nobody but root and the user of plotwarden can change policy files, or exchange folders on the way to them."
            }
        }
    }

    /// What the parser's error is an instance of.
    pub(super) fn of(error: &Error) -> Self {
        let text = error.without_snippet().to_string();
        let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        match error {
            Error::SerdeUnknownField { .. } => Self::UnknownField,
            Error::SerdeUnknownVariant { .. } => Self::UnknownValue,
            Error::SerdeMissingField { .. } => Self::MissingField,
            Error::DuplicateMappingKey { .. } => Self::DuplicateKey,
            Error::UnknownAnchor { .. } => Self::Reference,
            Error::SerdeInvalidType { .. }
            | Error::SerdeInvalidValue { .. }
            | Error::InvalidScalar { .. }
            | Error::InvalidBooleanStrict { .. }
            | Error::QuotingRequired { .. }
            | Error::Unexpected { .. } => Self::WrongType,
            Error::Budget { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. }
            | Error::RecursiveReferencesRequireWeakTypes { .. } => Self::TooLarge,
            _ if says(&["budget breached", "recursion limit"]) => Self::TooLarge,
            // Quantities and names are judged while they are read: their errors are the parser's, with our words.
            _ if says(&["has no unit", "the unit `", "is no unit", "does not begin with a number"]) => Self::Unit,
            _ if says(&["local signal", "is not known here"]) => Self::UnknownValue,
            _ => Self::Yaml,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_fit_every_output() {
        let names: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            assert!(rule.name().chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.name());
            assert!(rule.says().ends_with('.'), "{}", rule.name());
        }
    }
}
