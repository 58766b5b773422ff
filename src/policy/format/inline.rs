//! What stands on one line: where a key ends, where a comment begins, and flow collections with their spaces in order.

use super::Refusal;
use super::tree::Inline;

/// Splits `key: value`; `None` if the line has no key.
pub fn split_key(text: &str) -> Option<(&str, &str)> {
    let end = match text.chars().next()? {
        quote @ ('"' | '\'') => {
            let end = closing_quote(text, quote)?;
            let gap = text[end..].len() - text[end..].trim_start_matches([' ', '\t']).len();
            text[end + gap..].starts_with(':').then_some(end + gap)?
        }
        '{' | '[' | '#' => return None,
        // Anchors and tags are a part of the key behind them, or of a value that is no key.
        '&' | '!' => {
            let (_, behind) = text.split_once([' ', '\t'])?;
            let (key, _) = split_key(behind.trim_start())?;
            key.as_ptr() as usize - text.as_ptr() as usize + key.len()
        }
        _ => text.match_indices(':').map(|(at, _)| at).find(|at| {
            let after = text[at + 1..].chars().next();
            after.is_none_or(|c| matches!(c, ' ' | '\t'))
        })?,
    };
    let (key, rest) = (&text[..end], &text[end + 1..]);
    let is_key = split_comment(key).1.is_none() && (rest.is_empty() || rest.starts_with([' ', '\t']));
    is_key.then(|| (key.trim_end(), rest.trim_start_matches([' ', '\t'])))
}

/// Takes the dash off an item; also the column, from there, at which the rest begins.
pub fn split_dash(text: &str) -> Option<(usize, &str)> {
    let rest = text.strip_prefix('-')?;
    let trimmed = rest.trim_start_matches([' ', '\t']);
    (rest.is_empty() || rest.len() > trimmed.len()).then(|| (text.len() - trimmed.len(), trimmed))
}

/// Splits a comment off a text without quotes or brackets that count.
pub fn split_comment(text: &str) -> (&str, Option<&str>) {
    if text.starts_with('#') {
        return ("", Some(text.trim_end()));
    }
    let begins = |at: &usize| text[..*at].ends_with([' ', '\t']);
    match text.match_indices('#').map(|(at, _)| at).find(begins) {
        Some(at) => (text[..at].trim_end(), Some(text[at..].trim_end())),
        None => (text.trim_end(), None),
    }
}

/// The byte after the quote that closes the one at the beginning of `text`.
pub fn closing_quote(text: &str, quote: char) -> Option<usize> {
    find_quote(text, 1, quote)
}

/// The byte after the quote that ends a quoted scalar, from `from` on.
pub fn find_quote(text: &str, from: usize, quote: char) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match (bytes[at], quote) {
            (b'\\', '"') => at += 2,
            (b'\'', '\'') if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            (byte, _) if char::from(byte) == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Comma,
    Colon,
    Text,
}

/// A flow collection, taken in line by line.
#[derive(Debug, Default)]
pub struct Flow {
    /// For each open bracket, how far in the lines within it stand.
    open: Vec<usize>,
    /// Somewhere in it is an anchor or an alias.
    pub linked: bool,
}

impl Flow {
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The next line of it.
    pub fn line(&mut self, source: &str) -> Result<Inline, Refusal> {
        let closers = source.trim_start().chars().take_while(|c| matches!(c, '}' | ']')).count();
        let steps = match closers {
            0 => self.open.last().copied().unwrap_or_default(),
            _ => self.open.iter().rev().nth(closers - 1).map_or(0, |within| within - 1),
        };
        let mut line = Inline { steps, ..Inline::default() };
        let mut last: Option<Token> = None;
        let mut rest = source.trim();
        while !rest.is_empty() {
            if rest.starts_with('#') {
                line.comment = Some(rest.to_owned());
                break;
            }
            if last.is_some() && self.open.is_empty() {
                return Err("a key, or more than one value, made of brackets");
            }
            let (token, length) = token(rest, last)?;
            let text = rest[..length].trim_end();
            self.linked |= token == Token::Text && text.starts_with(['&', '*']);
            if spaced(last, token, &line.text) {
                line.text.push(' ');
            }
            line.text.push_str(text);
            match token {
                Token::Open => self.open.push(steps + 1),
                Token::Close => drop(self.open.pop().ok_or("brackets that do not match")?),
                Token::Comma | Token::Colon | Token::Text => {}
            }
            last = Some(token);
            rest = rest[length..].trim_start();
        }
        Ok(line)
    }
}

fn spaced(last: Option<Token>, next: Token, before: &str) -> bool {
    match (last, next) {
        (None | Some(Token::Open), _) | (_, Token::Comma | Token::Close) => false,
        // Without the space the colon would belong to the name of the alias.
        (_, Token::Colon) => before.rsplit([' ', '{', '[']).next().is_some_and(|word| word.starts_with('*')),
        _ => true,
    }
}

/// What `rest` begins with, and how long it is.
fn token(rest: &str, last: Option<Token>) -> Result<(Token, usize), Refusal> {
    Ok(match rest.chars().next() {
        Some('{' | '[') => (Token::Open, 1),
        Some('}' | ']') => (Token::Close, 1),
        Some(',') => (Token::Comma, 1),
        Some(quote @ ('"' | '\'')) => {
            (Token::Text, closing_quote(rest, quote).ok_or("a quoted text over several lines within brackets")?)
        }
        Some('?') if rest[1..].starts_with([' ', '\t']) => return Err("a key that begins with `?`"),
        Some(':') if last == Some(Token::Text) || last == Some(Token::Close) || ends_key(&rest[1..]) => {
            (Token::Colon, 1)
        }
        _ => (Token::Text, plain_length(rest)),
    })
}

fn ends_key(after_colon: &str) -> bool {
    after_colon.chars().next().is_none_or(|c| matches!(c, ' ' | '\t' | ',' | '{' | '}' | '[' | ']'))
}

fn plain_length(text: &str) -> usize {
    let ends = |(at, c): &(usize, char)| match c {
        ',' | '{' | '}' | '[' | ']' => true,
        ':' => ends_key(&text[at + 1..]),
        '#' => text[..*at].ends_with([' ', '\t']),
        _ => false,
    };
    text.char_indices().skip(1).find(ends).map_or(text.len(), |(at, _)| at)
}
