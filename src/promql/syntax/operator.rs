//! Operators, and how tightly they bind.

use super::token::{Keyword, TokenKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promql) enum BinaryOp {
    Or,
    And,
    Unless,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Atan2,
    Power,
}

impl BinaryOp {
    pub(super) fn from_token(kind: TokenKind) -> Option<Self> {
        Some(match kind {
            TokenKind::Keyword(Keyword::Or) => Self::Or,
            TokenKind::Keyword(Keyword::And) => Self::And,
            TokenKind::Keyword(Keyword::Unless) => Self::Unless,
            TokenKind::Keyword(Keyword::Atan2) => Self::Atan2,
            TokenKind::Equal => Self::Equal,
            TokenKind::NotEqual => Self::NotEqual,
            TokenKind::Less => Self::Less,
            TokenKind::LessOrEqual => Self::LessOrEqual,
            TokenKind::Greater => Self::Greater,
            TokenKind::GreaterOrEqual => Self::GreaterOrEqual,
            TokenKind::Add => Self::Add,
            TokenKind::Subtract => Self::Subtract,
            TokenKind::Multiply => Self::Multiply,
            TokenKind::Divide => Self::Divide,
            TokenKind::Modulo => Self::Modulo,
            TokenKind::Power => Self::Power,
            _ => return None,
        })
    }

    /// Higher binds tighter.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Equal | Self::NotEqual | Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Modulo | Self::Atan2 => 5,
            Self::Power => 6,
        }
    }

    /// `2 ^ 3 ^ 2` is `2 ^ (3 ^ 2)`; all others take the left first.
    pub(super) fn is_right_associative(self) -> bool {
        self == Self::Power
    }

    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }

    pub fn is_comparison(self) -> bool {
        self.precedence() == Self::Equal.precedence()
    }

    pub fn text(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Unless => "unless",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Atan2 => "atan2",
            Self::Power => "^",
        }
    }
}

/// A minus sign binds like `*`: `-2 ^ 2` is -4.
pub(super) const SIGN_PRECEDENCE: u8 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promql) enum AggregateOp {
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
}

impl AggregateOp {
    pub(super) fn from_keyword(keyword: Keyword) -> Option<Self> {
        Some(match keyword {
            Keyword::Sum => Self::Sum,
            Keyword::Avg => Self::Avg,
            Keyword::Count => Self::Count,
            Keyword::Min => Self::Min,
            Keyword::Max => Self::Max,
            Keyword::Group => Self::Group,
            Keyword::Stddev => Self::Stddev,
            Keyword::Stdvar => Self::Stdvar,
            Keyword::TopK => Self::TopK,
            Keyword::BottomK => Self::BottomK,
            Keyword::CountValues => Self::CountValues,
            Keyword::Quantile => Self::Quantile,
            _ => return None,
        })
    }

    /// Whether an argument stands before the vector.
    pub fn has_parameter(self) -> bool {
        matches!(self, Self::TopK | Self::BottomK | Self::CountValues | Self::Quantile)
    }

    pub fn text(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Group => "group",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::TopK => "topk",
            Self::BottomK => "bottomk",
            Self::CountValues => "count_values",
            Self::Quantile => "quantile",
        }
    }
}
