//! The chain of the audit file: each line carries the hash of itself and of the one before, so that a line that was changed,
//! taken out or put in later shows.

use std::fmt::Write;

use ring::digest::{SHA256, digest};

/// The key under which the hash stands, last in its line.
const KEY: &str = "chain";
const HEX_LENGTH: usize = 64;

/// The end of the chain so far; empty before the first line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain(String);

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {problem}")]
pub struct Broken {
    /// From 1.
    pub line: usize,
    pub problem: &'static str,
}

impl Chain {
    /// The chain as the last whole line of `text` leaves it; empty if there is none.
    pub fn at_end_of(text: &str) -> Self {
        text.lines().rev().find_map(split).map(|(_, hash)| Self(hash.to_owned())).unwrap_or_default()
    }

    /// Closes a line, `{...}`, with its hash.
    pub fn close(&mut self, line: &mut Vec<u8>) {
        self.0 = self.hash_of(line);
        line.pop();
        line.extend_from_slice(format!(",\"{KEY}\":\"{}\"}}", self.0).as_bytes());
    }

    fn hash_of(&self, line: &[u8]) -> String {
        let hash = digest(&SHA256, &[self.0.as_bytes(), b"\n", line].concat());
        hash.as_ref().iter().fold(String::with_capacity(HEX_LENGTH), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// Checks the lines of a chain; how many there are. What came before the first one need not be there any more, so that the
/// first one is taken as it stands.
///
/// # Errors
/// The first line that does not follow from the one before it.
pub fn verify(text: &str) -> Result<usize, Broken> {
    let mut chain: Option<Chain> = None;
    let mut lines = 0;
    for (line, text) in (1..).zip(text.lines()) {
        let broken = |problem| Broken { line, problem };
        let (body, hash) = split(text).ok_or_else(|| broken("is not a line of the audit file"))?;
        if chain.as_ref().is_some_and(|chain| chain.hash_of(body.as_bytes()) != hash) {
            return Err(broken(
                "does not follow from the line before it: it was changed, or lines were taken out or put in",
            ));
        }
        chain = Some(Chain(hash.to_owned()));
        lines = line;
    }
    Ok(lines)
}

/// A line without its hash, and the hash.
fn split(line: &str) -> Option<(String, &str)> {
    let (body, rest) = line.rsplit_once(&format!(",\"{KEY}\":\""))?;
    let hash = rest.strip_suffix("\"}")?;
    let is_hash = hash.len() == HEX_LENGTH && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| (format!("{body}}}"), hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bodies: &[&str]) -> String {
        let mut chain = Chain::default();
        let close = |body: &&str| {
            let mut line = body.as_bytes().to_vec();
            chain.close(&mut line);
            String::from_utf8(line).unwrap() + "\n"
        };
        bodies.iter().map(close).collect()
    }

    const THREE: [&str; 3] = ["{\"a\":1}", "{\"a\":2,\"chain\":\"x\"}", "{\"a\":3}"];

    #[test]
    fn a_chain_holds_and_is_json() {
        let text = written(&THREE);
        assert_eq!(verify(&text), Ok(3));
        assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{text}");
        assert_eq!(verify(""), Ok(0));
    }

    #[test]
    fn a_line_that_was_changed_taken_out_or_put_in_shows() {
        let text = written(&THREE);
        let lines: Vec<&str> = text.lines().collect();
        let broken = |lines: &[&str]| verify(&lines.join("\n")).unwrap_err().line;
        assert_eq!(broken(&[lines[0], &lines[1].replace('2', "9"), lines[2]]), 2);
        assert_eq!(broken(&[lines[0], lines[2]]), 2);
        assert_eq!(broken(&[lines[0], lines[1], lines[1], lines[2]]), 3);
        assert_eq!(broken(&[lines[0], "{\"a\":2}", lines[2]]), 2);
        assert_eq!(verify(&lines[1..].join("\n")), Ok(2), "older lines may be gone");
    }

    #[test]
    fn a_later_start_goes_on_where_the_last_one_ended() {
        let text = written(&THREE[..2]);
        let mut chain = Chain::at_end_of(&format!("{text}half a li"));
        let mut line = THREE[2].as_bytes().to_vec();
        chain.close(&mut line);
        assert_eq!(text + &String::from_utf8(line).unwrap() + "\n", written(&THREE));
    }
}
