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
    fn refuses_what_is_no_place() {
        assert!(Glob::parse("ssd*").is_err());
        assert!(Glob::parse("/mnt/../etc").is_err());
    }
}
