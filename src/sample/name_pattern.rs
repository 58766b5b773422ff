//! Patterns of file names as plotter profiles write them: `*`, `?`, `[1-7]` and `{a,b}`.

/// More alternatives than this are a mistake, or somebody who wishes us ill.
const MOST_ALTERNATIVES: usize = 256;

/// A parsed pattern; matches a file name, never a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamePattern {
    alternatives: Vec<Vec<Piece>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    /// Any one byte.
    One,
    /// Any number of bytes.
    Any,
    /// One byte of these ranges, both ends included.
    OneOf(Vec<(u8, u8)>),
}

impl NamePattern {
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        let alternatives = expand(pattern)?;
        let parsed: Result<_, String> = alternatives.iter().map(|alternative| pieces(alternative.as_bytes())).collect();
        Ok(Self { alternatives: parsed? })
    }

    pub(super) fn matches(&self, name: &[u8]) -> bool {
        self.alternatives.iter().any(|pieces| matches(pieces, name))
    }
}

/// Writes `a{b,c}d` out as `abd` and `acd`.
fn expand(pattern: &str) -> Result<Vec<String>, String> {
    let mut expanded = vec![String::new()];
    let mut rest = pattern;
    while let Some((before, behind)) = rest.split_once('{') {
        let (inside, after) = behind.split_once('}').ok_or_else(|| format!("`{pattern}`: a `{{` without its `}}`"))?;
        if inside.contains('{') {
            return Err(format!("`{pattern}`: braces in braces"));
        }
        let choices: Vec<&str> = inside.split(',').collect();
        if expanded.len() * choices.len() > MOST_ALTERNATIVES {
            return Err(format!("`{pattern}`: more than {MOST_ALTERNATIVES} alternatives"));
        }
        expanded = expanded
            .iter()
            .flat_map(|head| choices.iter().map(move |choice| format!("{head}{before}{choice}")))
            .collect();
        rest = after;
    }
    Ok(expanded.into_iter().map(|head| head + rest).collect())
}

fn pieces(pattern: &[u8]) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        pieces.push(match first {
            b'*' => Piece::Any,
            b'?' => Piece::One,
            b'[' => {
                let close = behind.iter().position(|byte| *byte == b']').ok_or("a `[` without its `]`")?;
                rest = &behind[close + 1..];
                Piece::OneOf(ranges(&behind[..close]))
            }
            byte => Piece::Byte(byte),
        });
    }
    Ok(pieces)
}

/// `1-7x` is one of 1 to 7, or x.
fn ranges(class: &[u8]) -> Vec<(u8, u8)> {
    let mut ranges = Vec::new();
    let mut rest = class;
    while let Some((&first, behind)) = rest.split_first() {
        match behind {
            [b'-', last, after @ ..] => {
                ranges.push((first, *last));
                rest = after;
            }
            after => {
                ranges.push((first, first));
                rest = after;
            }
        }
    }
    ranges
}

/// Goes back to the last `*` only, so that no pattern takes more than pattern times name steps.
fn matches(pieces: &[Piece], name: &[u8]) -> bool {
    let (mut piece, mut at) = (0, 0);
    let mut retry = None;
    loop {
        match pieces.get(piece) {
            None if at == name.len() => return true,
            Some(Piece::Any) => {
                retry = Some((piece, at));
                piece += 1;
                continue;
            }
            Some(single) if name.get(at).is_some_and(|byte| single.matches(*byte)) => {
                (piece, at) = (piece + 1, at + 1);
                continue;
            }
            _ => {}
        }
        match retry {
            Some((star, taken)) if taken < name.len() => {
                retry = Some((star, taken + 1));
                (piece, at) = (star + 1, taken + 1);
            }
            _ => return false,
        }
    }
}

impl Piece {
    fn matches(&self, byte: u8) -> bool {
        match self {
            Self::Byte(wanted) => *wanted == byte,
            Self::One => true,
            Self::OneOf(ranges) => ranges.iter().any(|(first, last)| (*first..=*last).contains(&byte)),
            Self::Any => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn matches_the_temp_files_of_plotters_and_no_others() {
        let table: [(&str, &[&str], &[&str]); 6] = [
            (
                "plot-*abc*.tmp",
                &["plot-k32-2026-abc.p1.t1.tmp", "plot-abc.tmp"],
                &["plot-k32.tmp", "x-abc.tmp", "plot-abc.tmpx"],
            ),
            ("{t,map}[1-7]_*.tmp", &["t1_0.tmp", "map7_12.tmp"], &["t8_0.tmp", "m1_0.tmp", "t1_0.tmp2"]),
            ("{y,meta,index}[01]_*.tmp", &["y0_1.tmp", "index1_.tmp"], &["y2_1.tmp", "yy0_1.tmp"]),
            ("*.plot2.partial", &["a.plot2.partial", ".plot2.partial"], &["a.plot2", "a.plot2.partial.x"]),
            ("a?c", &["abc"], &["ac", "abbc"]),
            ("", &[""], &["x"]),
        ];
        for (pattern, yes, no) in table {
            let parsed = NamePattern::parse(pattern).unwrap();
            assert!(yes.iter().all(|name| parsed.matches(name.as_bytes())), "{pattern} {yes:?}");
            assert!(!no.iter().any(|name| parsed.matches(name.as_bytes())), "{pattern} {no:?}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        for bad in ["a{b", "a{b,{c}}", "a[b", &"{a,b}".repeat(20)] {
            assert!(NamePattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn many_stars_cost_little() {
        let pattern = NamePattern::parse(&"*a".repeat(100)).unwrap();
        assert!(!pattern.matches(&[b'a'; 99]) && pattern.matches(&[b'a'; 250]));
    }

    proptest! {
        #[test]
        fn a_name_without_special_characters_matches_itself_only(name in "[a-z.]{0,12}", other in "[a-z.]{0,12}") {
            let pattern = NamePattern::parse(&name).unwrap();
            prop_assert!(pattern.matches(name.as_bytes()));
            prop_assert_eq!(pattern.matches(other.as_bytes()), name == other);
        }

        #[test]
        fn a_star_stands_for_anything(head in "[a-z]{0,5}", middle in "[a-z]{0,5}", tail in "[a-z]{0,5}") {
            let pattern = NamePattern::parse(&format!("{head}*{tail}")).unwrap();
            let name = format!("{head}{middle}{tail}");
            prop_assert!(pattern.matches(name.as_bytes()));
        }

        #[test]
        fn garbage_never_panics(pattern in ".{0,40}", name in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(pattern) = NamePattern::parse(&pattern) {
                pattern.matches(&name);
            }
        }
    }
}
