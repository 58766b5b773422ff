//! The grammar of selectors: names, matchers, ranges, subqueries, `offset` and `@`.

use super::ast::{Anchor, Expr, ExprKind, Subquery, VectorSelector, When};
use super::duration::{LONGEST, parse_duration};
use super::error::{ParseError, Span};
use super::function::too_new;
use super::matcher::{MatchOp, Matcher};
use super::operator::BinaryOp;
use super::parser::Parser;
use super::token::{Keyword, TokenKind};
use crate::promql::calc::millis;
use crate::promql::engine::Semantics;
use crate::promql::labels::METRIC_NAME;
use crate::promql::{FARTHEST, Millis};

impl Parser<'_> {
    /// `name`, `name{...}` or `{...}`.
    pub(super) fn selector(&mut self) -> Result<ExprKind, ParseError> {
        let first = self.token().span;
        let mut selector = VectorSelector { name: None, matchers: Vec::new(), when: When::default() };
        if self.peek() != TokenKind::LeftBrace {
            let token = self.advance();
            selector.name = Some(self.slice(token).to_owned());
        }
        if self.accept(TokenKind::LeftBrace) {
            while self.peek() != TokenKind::RightBrace {
                self.matcher(&mut selector)?;
                if !self.accept(TokenKind::Comma) {
                    break;
                }
            }
            self.expect(TokenKind::RightBrace, "`,` or `}`")?;
        }
        let span = self.span_from(first);
        if let Some(name) = &selector.name {
            if selector.matchers.iter().any(|matcher| &*matcher.name == METRIC_NAME) {
                let message = format!("the metric is named twice: before the braces it is `{name}`");
                return Err(ParseError::new(span, message));
            }
            let by_name = self.make_matcher(METRIC_NAME, MatchOp::Equal, name, span)?;
            selector.matchers.push(by_name);
        }
        if selector.matchers.iter().all(|matcher| matcher.matches("")) {
            let message = "this would select every series; at least one matcher must refuse an empty value";
            return Err(ParseError::new(span, message));
        }
        Ok(ExprKind::Instant(selector))
    }

    fn matcher(&mut self, selector: &mut VectorSelector) -> Result<(), ParseError> {
        let first = self.token();
        let name = match first.kind {
            TokenKind::Identifier => {
                self.advance();
                self.slice(first).to_owned()
            }
            TokenKind::Text if self.engine.semantics == Semantics::V3 => {
                let name = self.quoted()?;
                if matches!(self.peek(), TokenKind::Comma | TokenKind::RightBrace) {
                    if selector.name.is_some() {
                        return Err(ParseError::new(first.span, "the metric is named twice"));
                    }
                    selector.name = Some(name);
                    return Ok(());
                }
                name
            }
            _ => return Err(self.unexpected("a label name or `}`")),
        };
        let op = match self.peek() {
            TokenKind::Assign => MatchOp::Equal,
            TokenKind::NotEqual => MatchOp::NotEqual,
            TokenKind::MatchesRegex => MatchOp::Regex,
            TokenKind::NotMatchesRegex => MatchOp::NotRegex,
            _ => return Err(self.unexpected("one of `=`, `!=`, `=~`, `!~`")),
        };
        self.advance();
        let span = self.token().span;
        let value = self.quoted()?;
        let matcher = self.make_matcher(&name, op, &value, span)?;
        selector.matchers.push(matcher);
        Ok(())
    }

    fn make_matcher(&self, name: &str, op: MatchOp, value: &str, span: Span) -> Result<Matcher, ParseError> {
        Matcher::new(name, op, value, self.engine.semantics)
            .map_err(|fault| ParseError::new(span, format!("the pattern cannot be used: {fault}")))
    }

    /// Ranges, subqueries, `offset` and `@` behind an expression.
    pub(super) fn suffixes(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        loop {
            let token = self.token();
            match token.kind {
                TokenKind::LeftBracket => expr = self.brackets(expr)?,
                TokenKind::Keyword(Keyword::Offset) => {
                    self.advance();
                    let offset = self.offset()?;
                    let span = self.span_from(token.span);
                    set_once(&mut when(&mut expr, "offset", span)?.offset, offset, "offset", span)?;
                }
                TokenKind::At => {
                    self.advance();
                    let anchor = self.anchor()?;
                    let span = self.span_from(token.span);
                    set_once(&mut when(&mut expr, "@", span)?.at, anchor, "@", span)?;
                }
                TokenKind::Identifier if matches!(self.slice(token), "anchored" | "smoothed") => {
                    let what = format!("`{}` behind a range", self.slice(token));
                    return Err(ParseError::new(token.span, too_new(&what)));
                }
                _ => return Ok(expr),
            }
            expr.span = self.span_from(expr.span);
        }
    }

    fn brackets(&mut self, expr: Expr) -> Result<Expr, ParseError> {
        let bracket = self.advance().span;
        let range = self.duration()?;
        let step = if self.accept(TokenKind::Colon) {
            let given = self.peek() != TokenKind::RightBracket;
            Some(if given { Some(self.duration()?) } else { None })
        } else {
            None
        };
        if BinaryOp::from_token(self.peek()).is_some() {
            return Err(self.calculated());
        }
        self.expect(TokenKind::RightBracket, "`]`")?;
        let span = self.span_from(expr.span);
        let kind = match (step, expr.kind) {
            (Some(step), kind) => {
                let expr = Expr { span: expr.span, kind };
                ExprKind::Subquery(Box::new(Subquery { expr, range, step, when: When::default() }))
            }
            (None, ExprKind::Instant(selector)) if selector.when == When::default() => ExprKind::Range(selector, range),
            (None, ExprKind::Instant(_)) => {
                let message = "a range stands before `offset` and `@`: `x[5m] offset 1h`";
                return Err(ParseError::new(self.span_from(bracket), message));
            }
            (None, _) => {
                let message = "only a selector can have a range; write a subquery, with a colon: `[5m:]`";
                return Err(ParseError::new(self.span_from(bracket), message));
            }
        };
        Ok(Expr { span, kind })
    }

    /// A positive length of time.
    fn duration(&mut self) -> Result<Millis, ParseError> {
        let span = self.token().span;
        let length = self.length()?;
        if length <= 0 {
            return Err(ParseError::new(span, "a duration must be greater than 0"));
        }
        Ok(length)
    }

    /// A duration or, in 3.x, a number of seconds.
    fn length(&mut self) -> Result<Millis, ParseError> {
        let token = self.token();
        match token.kind {
            TokenKind::Duration => {
                self.advance();
                let word = self.slice(token);
                parse_duration(word).ok_or_else(|| ParseError::new(token.span, format!("`{word}` is not a duration")))
            }
            TokenKind::Number if self.engine.semantics == Semantics::V3 => {
                let number = self.number()?;
                millis(number)
                    .filter(|length| *length <= LONGEST)
                    .ok_or_else(|| ParseError::new(token.span, "this duration is too long"))
            }
            TokenKind::Number => {
                let message = format!("`{}` has no unit; durations are written like 5m", self.slice(token));
                Err(ParseError::new(token.span, message))
            }
            TokenKind::LeftParen | TokenKind::Subtract | TokenKind::Add => Err(self.calculated()),
            TokenKind::Identifier if matches!(self.slice(token), "step" | "range" | "min_of" | "max_of") => {
                Err(self.calculated())
            }
            _ => Err(self.unexpected("a duration such as 5m")),
        }
    }

    fn calculated(&self) -> ParseError {
        ParseError::new(self.token().span, too_new("a duration that is calculated"))
    }

    fn offset(&mut self) -> Result<Millis, ParseError> {
        let negative = self.accept(TokenKind::Subtract);
        // 3.x allows an offset of nothing; 2.x asks for a duration greater than 0 here as everywhere.
        let length = if self.engine.semantics == Semantics::V3 { self.length()? } else { self.duration()? };
        Ok(if negative { -length } else { length })
    }

    fn anchor(&mut self) -> Result<Anchor, ParseError> {
        let token = self.token();
        let anchor = match token.kind {
            TokenKind::Keyword(Keyword::Start) => Anchor::Start,
            TokenKind::Keyword(Keyword::End) => Anchor::End,
            _ => return self.anchor_time(),
        };
        self.advance();
        self.expect(TokenKind::LeftParen, "`()`")?;
        self.expect(TokenKind::RightParen, "`)`")?;
        Ok(anchor)
    }

    fn anchor_time(&mut self) -> Result<Anchor, ParseError> {
        let first = self.token().span;
        let negative = match self.peek() {
            TokenKind::Subtract | TokenKind::Add => self.advance().kind == TokenKind::Subtract,
            _ => false,
        };
        if self.peek() != TokenKind::Number {
            return Err(self.unexpected("a time in Unix seconds, `start()` or `end()`"));
        }
        let number = self.number()?;
        let time = millis(if negative { -number } else { number });
        let time = time.filter(|time| (-FARTHEST..=FARTHEST).contains(time));
        time.map(Anchor::Time).ok_or_else(|| ParseError::new(self.span_from(first), "this time is out of range"))
    }
}

/// The place of `offset` and `@` in an expression that can have them.
fn when<'a>(expr: &'a mut Expr, what: &str, span: Span) -> Result<&'a mut When, ParseError> {
    match &mut expr.kind {
        ExprKind::Instant(selector) | ExprKind::Range(selector, _) => Ok(&mut selector.when),
        ExprKind::Subquery(subquery) => Ok(&mut subquery.when),
        _ => {
            let message = format!("`{what}` can only follow a selector or a subquery");
            Err(ParseError::new(span, message))
        }
    }
}

fn set_once<T>(place: &mut Option<T>, value: T, what: &str, span: Span) -> Result<(), ParseError> {
    if place.replace(value).is_some() {
        return Err(ParseError::new(span, format!("`{what}` is given twice")));
    }
    Ok(())
}
