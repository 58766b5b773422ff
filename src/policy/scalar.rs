//! Finds the place in a file that a part of a scalar's value was written at, whatever quotes or block it was written in.

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// The byte of `text` at which byte `offset` of `value` was written, where the scalar begins at byte `start` of `text`.
///
/// `None` where value and text cannot be matched: behind an escape by number, an anchor, a line that is indented further.
pub fn locate(text: &str, start: usize, value: &str, offset: usize) -> Option<usize> {
    let source = text.get(start..)?;
    let (style, indent) = style(&text[..start], source)?;
    let mut at = usize::from(matches!(style, Style::Single | Style::Double));
    for (index, wanted) in value.char_indices() {
        if index >= offset {
            return Some(start + at);
        }
        at += width(source.get(at..)?, wanted, style, indent)?;
    }
    Some(start + at)
}

/// How the scalar is written, and how far its lines are indented. A block begins below its `|` or `>`.
fn style(before: &str, source: &str) -> Option<(Style, usize)> {
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let indent = &before[line_start..];
    if line_start > 0 && !indent.is_empty() && indent.bytes().all(|byte| byte == b' ') {
        let header = before[..line_start].split_whitespace().next_back().unwrap_or_default();
        let block = header.trim_end_matches(|c: char| matches!(c, '+' | '-') || c.is_ascii_digit());
        match block {
            "|" => return Some((Style::Literal, indent.len())),
            ">" => return Some((Style::Folded, indent.len())),
            _ => {}
        }
    }
    let style = match source.chars().next()? {
        '\'' => Style::Single,
        '"' => Style::Double,
        _ => Style::Plain,
    };
    Some((style, 0))
}

/// How many bytes of `rest` were read as `wanted`.
fn width(rest: &str, wanted: char, style: Style, indent: usize) -> Option<usize> {
    let found = rest.chars().next()?;
    match (style, found) {
        (Style::Single, '\'') => (wanted == '\'' && rest.starts_with("\'\'")).then_some(2),
        (Style::Double, '"') => None,
        (Style::Double, '\\') => {
            let meant = match rest.chars().nth(1)? {
                'n' => '\n',
                't' => '\t',
                same @ ('"' | '\\' | '/') => same,
                _ => return None,
            };
            (meant == wanted).then_some(2)
        }
        (Style::Literal, '\n') => (wanted == '\n').then(|| 1 + spaces(&rest[1..]).min(indent)),
        (_, found) if found == wanted && found != '\n' && !folds(rest) => Some(found.len_utf8()),
        // A line break is read as a space, and several as one fewer.
        _ if folds(rest) && matches!(wanted, ' ' | '\n') => {
            Some(rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()))
        }
        _ => None,
    }
}

/// Whether only white space comes before the line's end, so that it is folded with it.
fn folds(rest: &str) -> bool {
    rest.trim_start_matches([' ', '\t', '\r']).starts_with('\n')
}

fn spaces(text: &str) -> usize {
    text.bytes().take_while(|byte| *byte == b' ').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where `needle` of the value lies in the text.
    fn found<'a>(text: &'a str, start: &str, value: &str, needle: &str) -> Option<&'a str> {
        let at = locate(text, text.find(start)?, value, value.find(needle)?)?;
        text.get(at..at + needle.len())
    }

    #[test]
    fn whatever_the_quotes() {
        for (text, start, value) in [
            ("p: sum(bad)\n", "sum", "sum(bad)"),
            ("p: 'a=\'\'x\'\' bad'\n", "'a", "a='x' bad"),
            ("p: \"a=\\\"x\\\" bad\"\n", "\"a", "a=\"x\" bad"),
            ("p: |\n  sum(\n    bad)\n", "sum", "sum(\n  bad)\n"),
            ("p: >-\n\n  sum(\n  bad)\n", "sum", "sum( bad)"),
            ("p: sum(\n   bad)\n", "sum", "sum( bad)"),
            ("p: 'sum(\n   bad)'\n", "'sum", "sum( bad)"),
        ] {
            assert_eq!(found(text, start, value, "bad"), Some("bad"), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_matched_is_not_guessed() {
        assert_eq!(found("p: \"\\x61 bad\"", "\"", "a bad", "bad"), None);
        assert_eq!(found("p: &a sum(bad)", "&a", "sum(bad)", "bad"), None);
        assert_eq!(locate("short", 99, "x", 0), None);
    }
}
