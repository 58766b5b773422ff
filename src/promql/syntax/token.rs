//! The words of the language.

use super::error::Span;

/// A word with its place; its text is cut from the query when needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    End,
    Identifier,
    /// An identifier with a colon in it: can name a metric, but no label.
    MetricIdentifier,
    Keyword(Keyword),
    Number,
    Duration,
    Text,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    At,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Assign,
    Equal,
    NotEqual,
    MatchesRegex,
    NotMatchesRegex,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

/// Words that are more than a name, in any mix of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Unless,
    Atan2,
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    TopK,
    BottomK,
    CountValues,
    Quantile,
    Offset,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Bool,
    Start,
    End,
}

const KEYWORDS: &[(&str, Keyword)] = &[
    ("and", Keyword::And),
    ("or", Keyword::Or),
    ("unless", Keyword::Unless),
    ("atan2", Keyword::Atan2),
    ("sum", Keyword::Sum),
    ("avg", Keyword::Avg),
    ("count", Keyword::Count),
    ("min", Keyword::Min),
    ("max", Keyword::Max),
    ("group", Keyword::Group),
    ("stddev", Keyword::Stddev),
    ("stdvar", Keyword::Stdvar),
    ("topk", Keyword::TopK),
    ("bottomk", Keyword::BottomK),
    ("count_values", Keyword::CountValues),
    ("quantile", Keyword::Quantile),
    ("offset", Keyword::Offset),
    ("by", Keyword::By),
    ("without", Keyword::Without),
    ("on", Keyword::On),
    ("ignoring", Keyword::Ignoring),
    ("group_left", Keyword::GroupLeft),
    ("group_right", Keyword::GroupRight),
    ("bool", Keyword::Bool),
    ("start", Keyword::Start),
    ("end", Keyword::End),
];

impl Keyword {
    pub fn find(word: &str) -> Option<Self> {
        KEYWORDS.iter().find(|(text, _)| text.eq_ignore_ascii_case(word)).map(|(_, keyword)| *keyword)
    }

    /// Whether the word may also name a metric: all but those that can follow a binary operator, and `atan2`.
    pub fn can_name_a_metric(self) -> bool {
        !matches!(self, Self::Bool | Self::On | Self::Ignoring | Self::GroupLeft | Self::GroupRight | Self::Atan2)
    }
}
