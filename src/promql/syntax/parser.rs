//! Operator precedence, calls, aggregations and literals: the grammar, except for selectors.

use super::ast::{Aggregate, Binary, Call, Cardinality, Expr, ExprKind, Grouping, Matching, Sign, ValueType};
use super::error::{ParseError, Span};
use super::function::{self, Function};
use super::literal::{parse_number, unquote, without_separators};
use super::operator::{AggregateOp, BinaryOp, SIGN_PRECEDENCE};
use super::token::{Keyword, Token, TokenKind};
use super::{duration, lexer};
use crate::promql::calc::seconds;
use crate::promql::engine::{Engine, Semantics};
use crate::promql::labels::is_label_name;

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) engine: &'a Engine,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

/// Parses a whole query; types are not checked yet.
pub(super) fn parse(text: &str, engine: &Engine) -> Result<Expr, ParseError> {
    let limit = engine.limits.length;
    if text.len() > limit {
        let span = Span { start: text.floor_char_boundary(limit), end: text.len() };
        return Err(ParseError::new(span, format!("the query is {} bytes long; the limit is {limit}", text.len())));
    }
    let mut parser = Parser { text, engine, tokens: lexer::tokens(text)?, at: 0, depth: 0 };
    let expr = parser.expression(0)?;
    match parser.peek() {
        TokenKind::End => Ok(expr),
        _ => Err(parser.unexpected("an operator or the end of the query")),
    }
}

impl Parser<'_> {
    pub(super) fn token(&self) -> Token {
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn peek(&self) -> TokenKind {
        self.token().kind
    }

    fn peek_second(&self) -> TokenKind {
        self.tokens.get(self.at + 1).map_or(TokenKind::End, |token| token.kind)
    }

    pub(super) fn advance(&mut self) -> Token {
        let token = self.token();
        self.at += 1;
        token
    }

    pub(super) fn accept(&mut self, kind: TokenKind) -> bool {
        let found = self.peek() == kind;
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn expect(&mut self, kind: TokenKind, what: &str) -> Result<Token, ParseError> {
        if self.peek() == kind { Ok(self.advance()) } else { Err(self.unexpected(what)) }
    }

    pub(super) fn slice(&self, token: Token) -> &str {
        &self.text[token.span.start..token.span.end]
    }

    pub(super) fn unexpected(&self, expected: &str) -> ParseError {
        let token = self.token();
        let message = match token.kind {
            TokenKind::End => format!("the query ends where {expected} is expected"),
            _ => format!("`{}` stands where {expected} is expected", self.slice(token)),
        };
        ParseError::new(token.span, message)
    }

    /// From the beginning of `first` to the end of the word read last.
    pub(super) fn span_from(&self, first: Span) -> Span {
        first.to(self.tokens[self.at.saturating_sub(1).min(self.tokens.len() - 1)].span)
    }

    fn expression(&mut self, least: u8) -> Result<Expr, ParseError> {
        let outer = self.depth;
        self.deeper()?;
        let mut left = self.operand()?;
        while let Some(op) = BinaryOp::from_token(self.peek()).filter(|op| op.precedence() >= least) {
            // Chains lean to the left, so that each further operand makes the tree deeper.
            self.deeper()?;
            self.advance();
            left = self.binary(left, op)?;
        }
        self.depth = outer;
        Ok(left)
    }

    fn deeper(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        let limit = self.engine.limits.depth;
        if self.depth > limit {
            let message = format!("the query is nested more than {limit} deep");
            return Err(ParseError::new(self.token().span, message));
        }
        Ok(())
    }

    fn binary(&mut self, left: Expr, op: BinaryOp) -> Result<Expr, ParseError> {
        let returns_bool = self.accept(TokenKind::Keyword(Keyword::Bool));
        let mut matching = self.matching()?;
        let least = if op.is_right_associative() { op.precedence() } else { op.precedence() + 1 };
        let right = self.expression(least)?;
        let span = left.span.to(right.span);
        let scalars = [&left, &right].iter().any(|side| side.value_type() == ValueType::Scalar);
        if scalars && matching.labels.is_empty() {
            // `1 + on() x` says nothing about labels; Prometheus takes it and forgets it.
            matching = Matching::default();
        }
        Ok(Expr { span, kind: ExprKind::Binary(Box::new(Binary { op, left, right, returns_bool, matching })) })
    }

    fn matching(&mut self) -> Result<Matching, ParseError> {
        let mut matching = Matching::default();
        match self.peek() {
            TokenKind::Keyword(Keyword::On) => matching.on = true,
            TokenKind::Keyword(Keyword::Ignoring) => {}
            _ => return Ok(matching),
        }
        self.advance();
        matching.labels = self.label_names()?;
        matching.cardinality = match self.peek() {
            TokenKind::Keyword(Keyword::GroupLeft) => Cardinality::ManyToOne,
            TokenKind::Keyword(Keyword::GroupRight) => Cardinality::OneToMany,
            _ => return Ok(matching),
        };
        self.advance();
        if self.peek() == TokenKind::LeftParen {
            matching.include = self.label_names()?;
        }
        Ok(matching)
    }

    /// `(a, b)`; keywords may name labels, and a comma may stand last.
    fn label_names(&mut self) -> Result<Vec<String>, ParseError> {
        self.expect(TokenKind::LeftParen, "`(` before label names")?;
        let mut names = Vec::new();
        while self.peek() != TokenKind::RightParen {
            names.push(self.label_name()?);
            if !self.accept(TokenKind::Comma) {
                break;
            }
        }
        self.expect(TokenKind::RightParen, "`,` or `)`")?;
        Ok(names)
    }

    fn label_name(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            TokenKind::Identifier | TokenKind::Keyword(_) if is_label_name(self.slice(self.token())) => {
                let token = self.advance();
                Ok(self.slice(token).to_owned())
            }
            TokenKind::Text if self.engine.semantics == Semantics::V3 => self.quoted(),
            _ => Err(self.unexpected("a label name")),
        }
    }

    fn operand(&mut self) -> Result<Expr, ParseError> {
        let first = self.token().span;
        let sign = match self.peek() {
            TokenKind::Add => Sign::Plus,
            TokenKind::Subtract => Sign::Minus,
            _ => {
                let primary = self.primary()?;
                return self.suffixes(primary);
            }
        };
        self.advance();
        let inner = self.expression(SIGN_PRECEDENCE + 1)?;
        let span = first.to(inner.span);
        let kind = match (sign, inner.kind) {
            (Sign::Minus, ExprKind::Number(number)) => ExprKind::Number(-number),
            (Sign::Plus, number @ ExprKind::Number(_)) => number,
            (sign, kind) => ExprKind::Signed(sign, Box::new(Expr { span: inner.span, kind })),
        };
        Ok(Expr { span, kind })
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        let first = self.token();
        let kind = match first.kind {
            TokenKind::Number => ExprKind::Number(self.number()?),
            TokenKind::Duration if self.engine.semantics == Semantics::V3 => {
                self.advance();
                ExprKind::Number(duration::parse_duration(self.slice(first)).map_or(f64::NAN, seconds))
            }
            TokenKind::Text => ExprKind::Text(self.quoted()?),
            TokenKind::LeftParen => {
                self.advance();
                let inner = self.expression(0)?;
                self.expect(TokenKind::RightParen, "an operator or `)`")?;
                ExprKind::Paren(Box::new(inner))
            }
            TokenKind::LeftBrace | TokenKind::MetricIdentifier => self.selector()?,
            TokenKind::Identifier => self.named(first)?,
            TokenKind::Keyword(keyword) => match AggregateOp::from_keyword(keyword) {
                Some(op) if self.begins_aggregation() => self.aggregation(op)?,
                _ if matches!(keyword, Keyword::Start | Keyword::End) && self.peek_second() == TokenKind::LeftParen => {
                    let what = format!("`{}()` without `@` before it", self.slice(first));
                    return Err(ParseError::new(first.span, function::too_new(&what)));
                }
                _ if keyword.can_name_a_metric() => self.selector()?,
                _ => return Err(self.unexpected("an expression")),
            },
            _ => return Err(self.unexpected("an expression")),
        };
        Ok(Expr { span: self.span_from(first.span), kind })
    }

    pub(super) fn number(&mut self) -> Result<f64, ParseError> {
        let token = self.advance();
        let word = self.slice(token);
        match word.to_ascii_lowercase().as_str() {
            "inf" => Ok(f64::INFINITY),
            "nan" => Ok(f64::NAN),
            _ => self.finite(word).ok_or_else(|| ParseError::new(token.span, format!("`{word}` is not a number"))),
        }
    }

    fn finite(&self, word: &str) -> Option<f64> {
        match self.engine.semantics {
            Semantics::V2 => parse_number(word),
            Semantics::V3 => parse_number(&without_separators(word)?),
        }
    }

    pub(super) fn quoted(&mut self) -> Result<String, ParseError> {
        let token = self.expect(TokenKind::Text, "a quoted text")?;
        unquote(self.slice(token)).map_err(|fault| ParseError::new(token.span, format!("this text is wrong: {fault}")))
    }

    /// What begins with a plain name: a call or a selector.
    fn named(&mut self, first: Token) -> Result<ExprKind, ParseError> {
        let name = self.slice(first);
        let called = self.peek_second() == TokenKind::LeftParen;
        if let Some(reason) = function::refusal(name).filter(|_| called || self.begins_aggregation()) {
            return Err(ParseError::new(first.span, reason));
        }
        if !called {
            return self.selector();
        }
        let function = Function::find(name)
            .ok_or_else(|| ParseError::new(first.span, format!("there is no function named `{name}`")))?;
        self.advance();
        Ok(ExprKind::Call(Call { function, args: self.arguments()? }))
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, ParseError> {
        self.expect(TokenKind::LeftParen, "`(`")?;
        let mut args = Vec::new();
        if self.accept(TokenKind::RightParen) {
            return Ok(args);
        }
        loop {
            args.push(self.expression(0)?);
            if !self.accept(TokenKind::Comma) {
                break;
            }
        }
        self.expect(TokenKind::RightParen, "`,` or `)`")?;
        Ok(args)
    }

    fn begins_aggregation(&self) -> bool {
        matches!(self.peek_second(), TokenKind::LeftParen | TokenKind::Keyword(Keyword::By | Keyword::Without))
    }

    fn aggregation(&mut self, op: AggregateOp) -> Result<ExprKind, ParseError> {
        let first = self.advance().span;
        let before = self.grouping()?;
        let mut args = self.arguments()?;
        let grouping = match before {
            Some(grouping) => grouping,
            None => self.grouping()?.unwrap_or(Grouping::By(Vec::new())),
        };
        let expected = if op.has_parameter() { 2 } else { 1 };
        let given = args.len();
        let parameter = op.has_parameter() && given == expected;
        match args.pop().filter(|_| given == expected) {
            Some(expr) => {
                let parameter = if parameter { args.pop() } else { None };
                Ok(ExprKind::Aggregate(Box::new(Aggregate { op, grouping, parameter, expr })))
            }
            None => Err(ParseError::new(
                self.span_from(first),
                format!("`{}` takes {expected} argument(s), not {given}", op.text()),
            )),
        }
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let by = match self.peek() {
            TokenKind::Keyword(Keyword::By) => true,
            TokenKind::Keyword(Keyword::Without) => false,
            _ => return Ok(None),
        };
        self.advance();
        let names = self.label_names()?;
        Ok(Some(if by { Grouping::By(names) } else { Grouping::Without(names) }))
    }
}
