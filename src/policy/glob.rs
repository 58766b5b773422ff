//! Patterns with `*` and `?`: of directories in selectors, and of names.

use std::fmt;
use std::path::{Component, Path};

/// A pattern for an absolute directory; what lies below a match matches too, since temp files go into subfolders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    components: Vec<String>,
}

impl Glob {
    /// # Errors
    /// The pattern is not an absolute path, or climbs with `..`.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        let path = Path::new(pattern);
        if !path.is_absolute() {
            return Err(format!("`{pattern}` is not an absolute path; write it from `/`, such as `/mnt/ssd*`"));
        }
        let mut components = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => components.push(name.to_string_lossy().into_owned()),
                Component::ParentDir => return Err(format!("`{pattern}` climbs with `..`; write the path itself")),
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        Ok(Self { components })
    }

    pub fn matches(&self, dir: &Path) -> bool {
        let mut found = dir.components().filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        });
        self.components.iter().all(|pattern| found.next().is_some_and(|name| name_matches(pattern, &name)))
    }
}

impl Glob {
    /// Whether there can be a directory that both match.
    pub fn meets(&self, other: &Self) -> bool {
        self.components.iter().zip(&other.components).all(|(a, b)| patterns_meet(a, b))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.components.join("/"))
    }
}

/// A pattern for a name, such as that of a disk or an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl NamePattern {
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    pub fn matches(&self, name: &str) -> bool {
        name_matches(&self.0, name)
    }

    /// Whether there can be a name that both match.
    pub fn meets(&self, other: &Self) -> bool {
        patterns_meet(&self.0, &other.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Remembers the last `*` and goes back to it: linear in practice, and never exponential.
fn name_matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at_pattern, mut at_name) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while at_name < name.len() {
        match pattern.get(at_pattern) {
            Some('*') => {
                last_star = Some((at_pattern, at_name));
                at_pattern += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == name[at_name] => {
                at_pattern += 1;
                at_name += 1;
            }
            _ => {
                let Some((star, eaten)) = last_star else { return false };
                last_star = Some((star, eaten + 1));
                at_pattern = star + 1;
                at_name = eaten + 1;
            }
        }
    }
    pattern[at_pattern..].iter().all(|&c| c == '*')
}

/// Larger products of lengths are not worth the time: nobody writes such names.
const LONGEST: usize = 1 << 14;

/// Whether there is a name that both patterns match. Row by row: which beginnings of `b` go with the beginning of `a` so far.
fn patterns_meet(a: &str, b: &str) -> bool {
    let [a, b]: [Vec<char>; 2] = [a, b].map(|pattern| pattern.chars().collect());
    if a.len().saturating_mul(b.len()) > LONGEST {
        return true;
    }
    let mut row: Vec<bool> = Vec::with_capacity(b.len() + 1);
    for of_a in std::iter::once(None).chain(a.iter().map(Some)) {
        let above = std::mem::take(&mut row);
        for at in 0..=b.len() {
            let of_b = at.checked_sub(1).and_then(|before| b.get(before));
            // A star stands for nothing, or for one more character of the other.
            let skips_a = of_a == Some(&'*') && above.get(at) == Some(&true);
            let skips_b = of_b == Some(&'*') && row.last() == Some(&true);
            let eats = |x: &char, y: &char| x == y || [x, y].into_iter().any(|c| matches!(c, '?' | '*'));
            let both = match (of_a, of_b) {
                (Some(of_a), Some(of_b)) => {
                    let next = at.checked_sub(1).and_then(|before| above.get(before)) == Some(&true);
                    let star_goes_on =
                        *of_a == '*' && row.last() == Some(&true) || *of_b == '*' && above.get(at) == Some(&true);
                    next && eats(of_a, of_b) || star_goes_on
                }
                (None, None) => true,
                _ => false,
            };
            row.push(skips_a || skips_b || both);
        }
    }
    row.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_a_directory_and_what_lies_below() {
        for (pattern, dir, expected) in [
            ("/mnt/ssd*", "/mnt/ssd1", true),
            ("/mnt/ssd*", "/mnt/ssd1/chia/tmp", true),
            ("/mnt/ssd*", "/mnt/hdd1", false),
            ("/mnt/ssd?", "/mnt/ssd12", false),
            ("/mnt/*/tmp", "/mnt/a/tmp", true),
            ("/mnt/*/tmp", "/mnt/a/b/tmp", false),
            ("/mnt/*a*b", "/mnt/xaab", true),
            ("/", "/anything", true),
            ("/mnt/ssd1/chia", "/mnt/ssd1", false),
        ] {
            let glob = Glob::parse(pattern).unwrap();
            assert_eq!(glob.matches(Path::new(dir)), expected, "{pattern} on {dir}");
        }
    }

    #[test]
    fn two_patterns_meet_where_a_name_can_match_both() {
        for (a, b, expected) in [
            ("nvme*", "nvme0n1", true),
            ("nvme*", "sd?", false),
            ("*0", "nvme*", true),
            ("a*c", "ab*d", false),
            ("a*c", "*b*", true),
            ("??", "a", false),
            ("*", "", true),
            ("?", "", false),
            ("", "", true),
            ("eth0", "eth0", true),
            ("eth0", "eth1", false),
        ] {
            assert_eq!(patterns_meet(a, b), expected, "{a} and {b}");
            assert_eq!(patterns_meet(b, a), expected, "{b} and {a}");
        }
        let meet = |a: &str, b: &str| Glob::parse(a).unwrap().meets(&Glob::parse(b).unwrap());
        assert!(meet("/mnt/ssd*", "/mnt/*1/chia") && meet("/", "/mnt") && !meet("/mnt/ssd1", "/mnt/ssd2/tmp"));
    }

    #[test]
    fn patterns_that_both_match_a_name_meet() {
        use proptest::prelude::*;
        proptest!(|(a in "[ab*?]{0,6}", b in "[ab*?]{0,6}", name in "[ab]{0,6}")| {
            prop_assert!(patterns_meet(&a, &b) || !name_matches(&a, &name) || !name_matches(&b, &name));
        });
    }

    #[test]
    fn refuses_what_is_no_place() {
        assert!(Glob::parse("ssd*").is_err());
        assert!(Glob::parse("/mnt/../etc").is_err());
    }
}
