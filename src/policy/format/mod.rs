//! `plotwarden policy fmt`: one way to lay out a policy file, so that a change of it shows what has changed.
//!
//! ```text
//! text -> read (layout: blocks, comments, texts) -> order -> print -> proof
//! ```
//!
//! Only white space and the order of keys may change. That this was so is proved for each file, by reading it before and after as
//! the loader does; a file for which it cannot be proved is left alone.

mod diff;
mod inline;
mod print;
mod proof;
mod read;
#[cfg(test)]
mod tests;
mod tree;

use std::path::Path;

use super::error::PolicyError;
use inline::split_comment;

pub use diff::unified;

/// Why a document is not laid out: something in it that is YAML, but that no policy needs.
type Refusal = &'static str;

/// What came of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Formatted {
    /// It is in this form already.
    Same,
    /// Its text in this form.
    Changed(String),
    /// It is good YAML that is better left as it is.
    Left(Left),
    /// It is no YAML; nobody knows what it means.
    NotYaml(Box<PolicyError>),
}

/// What stands in the way, and at which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub line: u32,
    pub why: &'static str,
}

/// Brings the text of the file `path` into its form.
pub fn format(path: &Path, text: &str) -> Formatted {
    let plain = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let stray = |(line, text): (u32, &str)| text.contains('\r').then_some(line);
    if let Some(line) = (1..).zip(plain.split('\n')).find_map(stray) {
        return Formatted::Left(Left { line, why: "a carriage return that ends no line" });
    }
    let data = match proof::data(path, &plain) {
        Ok(data) => data,
        Err(error) => return Formatted::NotYaml(Box::new(error)),
    };
    let formatted = match lay_out(&plain) {
        Ok(formatted) => formatted,
        Err(left) => return Formatted::Left(left),
    };
    if !proof::holds(path, (&plain, &data), &formatted) {
        return Formatted::Left(Left { line: 1, why: "something that would not mean the same when laid out anew" });
    }
    if formatted == text { Formatted::Same } else { Formatted::Changed(formatted) }
}

fn lay_out(text: &str) -> Result<String, Left> {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = lines.as_slice();
    while !rest.is_empty() {
        let first = u32::try_from(lines.len() - rest.len() + 1).unwrap_or(u32::MAX);
        let left = |why| Left { line: first, why };
        if rest[0].starts_with('%') {
            return Err(left("a directive"));
        }
        if let Some(marker) = marker(rest[0]) {
            out.push_str(&marker.map_err(left)?);
            rest = &rest[1..];
            continue;
        }
        let length = rest.iter().position(|line| marker(line).is_some()).unwrap_or(rest.len());
        document(&rest[..length], first, &mut out)?;
        rest = &rest[length..];
    }
    Ok(out)
}

fn document(lines: &[&str], first: u32, out: &mut String) -> Result<(), Left> {
    let mut layout = read::read(lines, first)?;
    // An alias may not come to stand before its anchor.
    if !layout.linked {
        layout.root.put_in_order();
    }
    print::print(&layout, out);
    Ok(())
}

/// The line that begins or ends a document; `None` for any other line.
fn marker(line: &str) -> Option<Result<String, Refusal>> {
    let (marker, rest) = line.split_at_checked(3)?;
    if !matches!(marker, "---" | "...") || !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    let (data, comment) = split_comment(rest.trim_start());
    Some(match (data, comment) {
        ("", None) => Ok(format!("{marker}\n")),
        ("", Some(comment)) => Ok(format!("{marker}  {comment}\n")),
        _ => Err("data on the line of a document marker"),
    })
}
