//! Cuts a query into words. What a word is depends on the bracket it stands in, as in Prometheus: inside braces there are no
//! keywords, inside square brackets a colon separates.

use super::error::{ParseError, Span};
use super::token::{Keyword, Token, TokenKind};

/// All words of a query, the last one being [`TokenKind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut lexer = Lexer { text, at: 0, in_braces: false, in_brackets: false };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        tokens.push(token);
        if token.kind == TokenKind::End {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    in_braces: bool,
    in_brackets: bool,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Token, ParseError> {
        self.skip_blanks();
        let start = self.at;
        let kind = match self.peek() {
            None => TokenKind::End,
            Some('"' | '\'' | '`') => self.text()?,
            Some(c) if c.is_ascii_alphabetic() || c == '_' => self.word(),
            Some(':') if !self.in_brackets && !self.in_braces => self.word(),
            Some(c) if c.is_ascii_digit() => self.number()?,
            Some('.') if self.second().is_some_and(|c| c.is_ascii_digit()) => self.number()?,
            Some(c) => self.symbol(c)?,
        };
        self.follow_brackets(kind, start)?;
        Ok(Token { kind, span: Span { start, end: self.at } })
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    /// Passes over what satisfies `accept`.
    fn skip_while(&mut self, accept: impl Fn(char) -> bool) {
        self.at += self.rest().find(|c| !accept(c)).unwrap_or(self.rest().len());
    }

    fn skip_blanks(&mut self) {
        loop {
            self.skip_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            if self.peek() != Some('#') {
                return;
            }
            self.skip_while(|c| c != '\n');
        }
    }

    fn error<T>(&self, start: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(Span { start, end: self.at }, message))
    }

    fn text(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.at;
        let quote = self.peek();
        let raw = quote == Some('`');
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                '\\' if !raw => drop(chars.next()),
                '\n' if !raw => break,
                c if Some(c) == quote => {
                    self.at += offset + c.len_utf8();
                    return Ok(TokenKind::Text);
                }
                _ => {}
            }
        }
        self.skip_while(|c| raw || c != '\n');
        self.error(start, "this text has no closing quote")
    }

    fn word(&mut self) -> TokenKind {
        let start = self.at;
        let colons = !self.in_braces && !self.in_brackets;
        self.skip_while(|c| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':'));
        let word = &self.text[start..self.at];
        if word.contains(':') {
            return TokenKind::MetricIdentifier;
        }
        if self.in_braces {
            return TokenKind::Identifier;
        }
        if word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("nan") {
            return TokenKind::Number;
        }
        Keyword::find(word).map_or(TokenKind::Identifier, TokenKind::Keyword)
    }

    /// A number or, with letters of units in it, a duration.
    fn number(&mut self) -> Result<TokenKind, ParseError> {
        let start = self.at;
        let word = self.rest().find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest().len());
        if super::duration::parse_duration(&self.rest()[..word]).is_some() {
            self.at += word;
            return Ok(TokenKind::Duration);
        }
        if self.rest().starts_with("0x") || self.rest().starts_with("0X") {
            self.at += 2;
            self.skip_while(|c| c.is_ascii_hexdigit() || c == '_');
        } else {
            let digit_or_separator = |c: char| c.is_ascii_digit() || c == '_';
            self.skip_while(digit_or_separator);
            if self.peek() == Some('.') {
                self.at += 1;
                self.skip_while(digit_or_separator);
            }
            if matches!(self.peek(), Some('e' | 'E')) {
                self.at += 1;
                if matches!(self.peek(), Some('+' | '-')) {
                    self.at += 1;
                }
                self.skip_while(digit_or_separator);
            }
        }
        if self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.') {
            self.skip_while(|c| c.is_alphanumeric() || c == '_' || c == '.');
            let word = &self.text[start..self.at];
            return self.error(
                start,
                format!("`{word}` is neither a number nor a duration; durations are written like 1h30m"),
            );
        }
        Ok(TokenKind::Number)
    }

    fn symbol(&mut self, first: char) -> Result<TokenKind, ParseError> {
        let start = self.at;
        let second = self.second();
        let (kind, length) = match (first, second) {
            ('(', _) => (TokenKind::LeftParen, 1),
            (')', _) => (TokenKind::RightParen, 1),
            ('{', _) => (TokenKind::LeftBrace, 1),
            ('}', _) => (TokenKind::RightBrace, 1),
            ('[', _) => (TokenKind::LeftBracket, 1),
            (']', _) => (TokenKind::RightBracket, 1),
            (',', _) => (TokenKind::Comma, 1),
            (':', _) => (TokenKind::Colon, 1),
            ('@', _) => (TokenKind::At, 1),
            ('+', _) => (TokenKind::Add, 1),
            ('-', _) => (TokenKind::Subtract, 1),
            ('*', _) => (TokenKind::Multiply, 1),
            ('/', _) => (TokenKind::Divide, 1),
            ('%', _) => (TokenKind::Modulo, 1),
            ('^', _) => (TokenKind::Power, 1),
            ('=', Some('=')) => (TokenKind::Equal, 2),
            ('=', Some('~')) => (TokenKind::MatchesRegex, 2),
            ('=', _) => (TokenKind::Assign, 1),
            ('!', Some('=')) => (TokenKind::NotEqual, 2),
            ('!', Some('~')) => (TokenKind::NotMatchesRegex, 2),
            ('>', Some('=')) => (TokenKind::GreaterOrEqual, 2),
            ('>', _) => (TokenKind::Greater, 1),
            ('<', Some('=')) => (TokenKind::LessOrEqual, 2),
            ('<', _) => (TokenKind::Less, 1),
            _ => {
                self.at += first.len_utf8();
                return self.error(start, format!("unexpected character {first:?}"));
            }
        };
        self.at += length;
        Ok(kind)
    }

    fn follow_brackets(&mut self, kind: TokenKind, start: usize) -> Result<(), ParseError> {
        match kind {
            TokenKind::LeftBrace if self.in_braces => return self.error(start, "a brace inside braces"),
            TokenKind::LeftBracket if self.in_brackets => return self.error(start, "a bracket inside brackets"),
            TokenKind::LeftBrace => self.in_braces = true,
            TokenKind::RightBrace => self.in_braces = false,
            TokenKind::LeftBracket => self.in_brackets = true,
            TokenKind::RightBracket => self.in_brackets = false,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::TokenKind as T;
    use super::*;

    fn kinds(text: &str) -> Vec<T> {
        tokens(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn a_colon_belongs_to_a_name_or_separates_a_step() {
        assert_eq!(kinds("job:x:sum"), [T::MetricIdentifier, T::End]);
        assert_eq!(
            kinds("x[5m:1m]"),
            [T::Identifier, T::LeftBracket, T::Duration, T::Colon, T::Duration, T::RightBracket, T::End]
        );
    }

    #[test]
    fn keywords_are_names_inside_braces() {
        assert_eq!(kinds("SUM{by='x'}")[0], T::Keyword(Keyword::Sum));
        assert_eq!(kinds("SUM{by='x'}")[2], T::Identifier);
    }

    #[test]
    fn numbers_and_durations_are_told_apart() {
        for (text, kind) in
            [("1e5", T::Number), ("0x1f", T::Number), ("Inf", T::Number), ("5m", T::Duration), ("1h5m", T::Duration)]
        {
            assert_eq!(kinds(text), [kind, T::End], "{text}");
        }
        for wrong in ["5mm", "1x", "1.2.3", "0xz"] {
            assert!(tokens(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn errors_span_the_word_they_are_about() {
        for (text, start, end) in [("a ~ b", 2, 3), ("x{a=\"b}", 4, 7), ("rate(x[5q])", 7, 9), ("ä", 0, 2)] {
            assert_eq!(tokens(text).unwrap_err().span, Span { start, end }, "{text}");
        }
    }
}
