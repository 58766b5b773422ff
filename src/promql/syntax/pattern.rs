//! Patterns as Prometheus understands them. Its language is RE2, that of the regex crate nearly so: where the two differ, a
//! pattern is rewritten or refused, so that it selects the same series here and there.
//!
//! RE2 knows no classes inside classes, no stacked repetitions, takes a brace that counts nothing for itself, and its `\d`, `\s`
//! and `\w` are ASCII.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

use crate::promql::engine::Semantics;

/// A pattern that must match a text from its beginning to its end. The error says what is wrong with it.
pub(in crate::promql) fn anchored(pattern: &str, semantics: Semantics) -> Result<Regex, String> {
    let rewritten = rewritten(pattern)?;
    let anchored = match semantics {
        Semantics::V2 => format!("^(?:{rewritten})$"),
        Semantics::V3 => format!("^(?s:{rewritten})$"),
    };
    Regex::new(&anchored).map_err(|fault| match fault {
        regex::Error::CompiledTooBig(limit) => format!("it would need more than {limit} bytes"),
        _ => "it is not a regular expression as RE2 knows them".to_owned(),
    })
}

fn rewritten(pattern: &str) -> Result<String, String> {
    let mut rewriter = Rewriter { rest: pattern.chars().peekable(), out: String::new(), repeated: false };
    while let Some(c) = rewriter.rest.next() {
        let repeats = rewriter.piece(c)?;
        rewriter.repeated = repeats;
    }
    Ok(rewriter.out)
}

const NAMED_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

struct Rewriter<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    /// Whether the last piece was a repetition.
    repeated: bool,
}

/// What a backslash and the letters behind it stand for.
enum Escape {
    Char(char),
    /// Valid inside a class and outside, in the syntax of the regex crate.
    Class(String),
}

impl Rewriter<'_> {
    /// Rewrites what begins with `c`; whether it was a repetition.
    fn piece(&mut self, c: char) -> Result<bool, String> {
        match c {
            '*' | '+' | '?' => return self.repetition(&c.to_string()),
            '{' => match self.counts() {
                Some(counts) => return self.repetition(&bounded(&counts)?),
                None => self.out.push_str("\\{"),
            },
            '[' => self.class()?,
            '(' => self.group()?,
            '\\' => self.outside_escape()?,
            _ => self.out.push(c),
        }
        Ok(false)
    }

    fn repetition(&mut self, op: &str) -> Result<bool, String> {
        if self.repeated {
            return Err(format!("`{op}` repeats a repetition"));
        }
        self.out.push_str(op);
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        Ok(true)
    }

    /// `{2}`, `{2,}` or `{2,3}`; nothing is taken if it is none of them.
    fn counts(&mut self) -> Option<String> {
        let inside: String = self.rest.clone().take_while(|c| *c != '}').collect();
        let closed = self.rest.clone().nth(inside.chars().count()) == Some('}');
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let counts = match inside.split_once(',') {
            Some((least, most)) => digits(least) && (most.is_empty() || digits(most)),
            None => digits(&inside),
        };
        if !counts || !closed {
            return None;
        }
        self.rest.nth(inside.chars().count());
        Some(inside)
    }

    /// What follows an opening parenthesis, as far as it is about the group.
    fn group(&mut self) -> Result<(), String> {
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        self.out.push('?');
        if self.rest.peek() == Some(&'P') {
            return Ok(());
        }
        while let Some(c) = self.rest.next_if(|c| !matches!(c, ':' | ')')) {
            if !matches!(c, 'i' | 'm' | 's' | 'U' | '-') {
                return Err(format!("`(?{c}` is not known"));
            }
            self.out.push(c);
        }
        Ok(())
    }

    fn outside_escape(&mut self) -> Result<(), String> {
        match self.rest.peek() {
            Some('A' | 'z') => {
                self.out.push('\\');
                self.out.extend(self.rest.next());
            }
            Some('b') => {
                self.rest.next();
                self.out.push_str("(?-u:\\b)");
            }
            Some('B') => {
                self.rest.next();
                self.out.push_str("(?-u:\\B)");
            }
            Some('Q') => {
                self.rest.next();
                self.verbatim()?;
            }
            _ => match self.escape()? {
                Escape::Char(c) => self.literal(c),
                Escape::Class(class) => self.out.push_str(&class),
            },
        }
        Ok(())
    }

    /// Text up to `\E` that means itself.
    fn verbatim(&mut self) -> Result<(), String> {
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.next_if_eq(&'E').is_some() {
                return Ok(());
            }
            self.literal(c);
        }
        Err("`\\Q` has no `\\E`".to_owned())
    }

    fn literal(&mut self, c: char) {
        if c.is_alphanumeric() {
            self.out.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(self.out, "\\x{{{:x}}}", u32::from(c));
        }
    }

    fn escape(&mut self) -> Result<Escape, String> {
        let c = self.rest.next().ok_or("it ends with a backslash")?;
        Ok(match c {
            'd' => Escape::Class("[0-9]".to_owned()),
            'D' => Escape::Class("[^0-9]".to_owned()),
            's' => Escape::Class("[\\t\\n\\f\\r\\x20]".to_owned()),
            'S' => Escape::Class("[^\\t\\n\\f\\r\\x20]".to_owned()),
            'w' => Escape::Class("[0-9A-Za-z_]".to_owned()),
            'W' => Escape::Class("[^0-9A-Za-z_]".to_owned()),
            'p' | 'P' => Escape::Class(self.property(c)?),
            'a' => Escape::Char('\u{7}'),
            'f' => Escape::Char('\u{c}'),
            'n' => Escape::Char('\n'),
            'r' => Escape::Char('\r'),
            't' => Escape::Char('\t'),
            'v' => Escape::Char('\u{b}'),
            'x' => Escape::Char(self.hexadecimal()?),
            '0'..='7' => Escape::Char(self.octal(c)?),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Escape::Char(c),
            other => return Err(format!("`\\{other}` is not known")),
        })
    }

    /// `\pN` or `\p{Greek}`.
    fn property(&mut self, letter: char) -> Result<String, String> {
        let mut property = format!("\\{letter}");
        let first = self.rest.next().ok_or("a character class has no name")?;
        property.push(first);
        if first == '{' {
            let name: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
            property.push_str(&name);
            property.push('}');
        }
        Ok(property)
    }

    fn hexadecimal(&mut self) -> Result<char, String> {
        let digits: String = if self.rest.next_if_eq(&'{').is_some() {
            self.rest.by_ref().take_while(|c| *c != '}').collect()
        } else {
            self.rest.by_ref().take(2).collect()
        };
        let code = u32::from_str_radix(&digits, 16).ok().filter(|_| !digits.starts_with('+'));
        code.and_then(char::from_u32).ok_or_else(|| format!("`\\x{digits}` is not a character"))
    }

    /// Up to three digits, the first of which has been read. A lone digit but 0 would refer back to a group.
    fn octal(&mut self, first: char) -> Result<char, String> {
        let mut digits = first.to_string();
        while digits.len() < 3 {
            let Some(digit) = self.rest.next_if(|c| matches!(c, '0'..='7')) else { break };
            digits.push(digit);
        }
        if digits.len() == 1 && first != '0' {
            return Err(format!("`\\{first}` is not known: there are no references back"));
        }
        u32::from_str_radix(&digits, 8)
            .ok()
            .and_then(char::from_u32)
            .ok_or_else(|| "an octal escape is wrong".to_owned())
    }

    /// A class, the opening bracket of which has been read.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        while first || self.rest.peek() != Some(&']') {
            first = false;
            let Some(low) = self.class_item()? else { continue };
            let mut ahead = self.rest.clone();
            let ranges = ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']');
            if ranges {
                self.rest.next();
                let high = self.class_char()?;
                if high < low {
                    return Err(format!("the range `{low}-{high}` is empty"));
                }
                self.literal(low);
                self.out.push('-');
                self.literal(high);
            } else {
                self.literal(low);
            }
        }
        self.rest.next();
        self.out.push(']');
        Ok(())
    }

    /// A character that may begin a range; `None` where a whole class stood, which has been written.
    fn class_item(&mut self) -> Result<Option<char>, String> {
        let mut ahead = self.rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('['), Some(':')) if ahead.collect::<String>().contains(":]") => {
                // The colon that opens the name does not close it as well.
                let mut name: String = self.rest.by_ref().take(2).collect();
                while name.len() < 4 || !name.ends_with(":]") {
                    name.extend(self.rest.next());
                }
                let named = &name[2..name.len() - 2];
                if !NAMED_CLASSES.contains(&named.strip_prefix('^').unwrap_or(named)) {
                    return Err(format!("`{name}` is no class of characters"));
                }
                self.out.push_str(&name);
                Ok(None)
            }
            (Some('\\'), Some(_)) => {
                self.rest.next();
                match self.escape()? {
                    Escape::Char(c) => Ok(Some(c)),
                    Escape::Class(class) => {
                        self.out.push_str(&class);
                        Ok(None)
                    }
                }
            }
            _ => self.class_char().map(Some),
        }
    }

    fn class_char(&mut self) -> Result<char, String> {
        match self.rest.next().ok_or("a bracket is not closed")? {
            '\\' => match self.escape()? {
                Escape::Char(c) => Ok(c),
                Escape::Class(_) => Err("a class cannot end a range".to_owned()),
            },
            c => Ok(c),
        }
    }
}

/// The counts of a repetition with their braces; RE2 repeats at most 1,000 times.
fn bounded(counts: &str) -> Result<String, String> {
    const MOST: u32 = 1_000;
    let too_many = |count: &str| !count.is_empty() && count.parse().map_or(true, |count: u32| count > MOST);
    if counts.split(',').any(too_many) {
        return Err(format!("`{{{counts}}}` repeats more than {MOST} times"));
    }
    Ok(format!("{{{counts}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        anchored(pattern, Semantics::V2).unwrap().is_match(text)
    }

    #[test]
    fn classes_are_ascii_and_flat() {
        assert!(matches(r"\d+", "42") && !matches(r"\d+", "٤٢"));
        assert!(matches(r"\w", "_") && !matches(r"\w", "é") && matches(r"\W", "é"));
        assert!(matches("[[ab]+", "[ab") && matches("[a&&b]+", "&ab") && matches("[]a]+", "]a"));
        assert!(matches(r"[^\d\]]", "x") && !matches(r"[^\d\]]", "]"));
        assert!(matches("[[:alpha:]-]+", "a-b") && matches("[--/]+", "-./"));
        assert!(matches("[[:]+", ":[") && matches("[[:]x", ":x"), "a colon and a bracket that name no class");
        assert!(anchored("[[::]]", Semantics::V2).is_err() && anchored("[[:]x:]]", Semantics::V2).is_err());
    }

    #[test]
    fn braces_that_count_nothing_mean_themselves() {
        assert!(matches("a{,2}", "a{,2}") && matches("a{", "a{") && matches("a{2}", "aa") && matches("{a}", "{a}"));
        assert!(anchored("a{1001}", Semantics::V2).is_err());
    }

    #[test]
    fn what_re2_refuses_is_refused() {
        for pattern in
            ["a**", "a*+", "a{2}*", "(?x:a)", r"\u0041", r"\1", "[z-a]", "(", "[a", "*a", "a\\", r"\é", "(?=a)"]
        {
            assert!(anchored(pattern, Semantics::V2).is_err(), "{pattern}");
        }
    }

    #[test]
    fn escapes_of_re2() {
        assert!(matches(r"\Qa.b\E.", "a.bc") && matches(r"\x41\x{42}\103\a", "ABC\u{7}") && matches(r"\-\_\<", "-_<"));
        assert!(matches(r"(?i)a\bb?", "A") && matches(r"\pL\p{Greek}", "éα"));
    }
}
