//! The ways on which policy files are reached: every folder from the root down, and those that links lead through, because the
//! files may be exchanged at any of them. git-sync swaps a link, a mounted `ConfigMap` swaps the link `..data`, and people
//! rename folders.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::source;

/// Links that are followed on one way, as the kernel does.
const MOST_LINKS: usize = 40;

/// The folders on all ways, and what matters in each.
pub type Ways = BTreeMap<PathBuf, Station>;

/// One folder on a way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Station {
    /// Device and inode, since another folder may stand in its place; `None` if there is none.
    pub identity: Option<(u64, u64)>,
    /// Names that the ways go through.
    pub entries: BTreeSet<OsString>,
    /// The way ends here, at a file or at all policy files of the folder: what is written matters, not only what comes and goes.
    pub ends_here: bool,
    /// Policy files may appear here under any name.
    pub is_policy_folder: bool,
}

impl Station {
    /// Whether a change of the entry `name` is one of the policies.
    pub fn matters(&self, name: &OsStr) -> bool {
        self.entries.contains(name) || (self.is_policy_folder && source::is_policy_name(Path::new(name)))
    }
}

/// The ways to the files that `paths` name, as far as they lead.
pub fn ways(paths: &[PathBuf]) -> Ways {
    let mut ways = Ways::new();
    for path in paths {
        let Some(end) = follow(path, &mut ways) else { continue };
        if !end.is_dir() {
            continue;
        }
        let station = ways.entry(end.clone()).or_default();
        (station.ends_here, station.is_policy_folder) = (true, true);
        for file in source::policy_files(&[end]).unwrap_or_default() {
            if file.is_symlink() {
                follow(&file, &mut ways);
            }
        }
    }
    for (folder, station) in &mut ways {
        station.identity = fs::metadata(folder).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    }
    ways
}

/// Goes along one path, through its links; where it ends, unless something is missing on the way.
fn follow(path: &Path, ways: &mut Ways) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let mut here = PathBuf::from("/");
    let mut ahead: Vec<OsString> = backwards(&path);
    let mut links = 0;
    let mut last = None;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            here.pop();
            continue;
        }
        ways.entry(here.clone()).or_default().entries.insert(name.clone());
        let next = here.join(&name);
        let metadata = fs::symlink_metadata(&next);
        last = Some(here.clone());
        if metadata.as_ref().is_ok_and(fs::Metadata::is_symlink) {
            links += 1;
            let target = fs::read_link(&next).ok().filter(|_| links <= MOST_LINKS)?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            ahead.extend(backwards(&target));
        } else {
            here = next;
        }
        if metadata.is_err() && ahead.is_empty() {
            break;
        }
        metadata.ok()?;
    }
    // A named file, or one that is missing and may come.
    if let Some(folder) = last.filter(|_| !here.is_dir()) {
        ways.entry(folder).or_default().ends_here = true;
    }
    here.exists().then_some(here)
}

/// The names of a path, the last first.
fn backwards(path: &Path) -> Vec<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().rev().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn entries(ways: &Ways, folder: &Path) -> Vec<String> {
        let station = ways.get(folder);
        station.iter().flat_map(|station| &station.entries).map(|name| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_link_that_is_swapped_lies_on_the_way() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let tree = root.join(".worktrees/1234");
        fs::create_dir_all(tree.join("farm/policies")).unwrap();
        symlink(".worktrees/1234", root.join("current")).unwrap();
        let ways = ways(&[root.join("current/farm/policies")]);
        assert_eq!(entries(&ways, &root), [".worktrees", "current"]);
        assert_eq!(entries(&ways, &root.join(".worktrees")), ["1234"]);
        assert_eq!(entries(&ways, &tree), ["farm"]);
        let end = &ways[&tree.join("farm/policies")];
        assert!(end.matters(OsStr::new("new.yaml")) && end.ends_here && end.identity.is_some());
        assert!(!end.matters(OsStr::new(".new.yaml.swp")) && !end.matters(OsStr::new("4913")));
    }

    #[test]
    fn files_that_are_links_are_followed_to_where_they_lie() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("..2026_11_23")).unwrap();
        fs::write(root.join("..2026_11_23/a.yaml"), "").unwrap();
        symlink("..2026_11_23", root.join("..data")).unwrap();
        symlink("..data/a.yaml", root.join("a.yaml")).unwrap();
        let ways = ways(std::slice::from_ref(&root));
        assert!(ways[&root].matters(OsStr::new("..data")));
        assert!(ways[&root.join("..2026_11_23")].matters(OsStr::new("a.yaml")));
        assert!(ways[&root.join("..2026_11_23")].ends_here);
    }

    #[test]
    fn what_is_missing_is_awaited_where_it_would_come_and_loops_end() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let missing = ways(&[root.join("not/yet.yaml")]);
        assert_eq!(entries(&missing, &root), ["not"]);
        let named = ways(&[root.join("yet.yaml")]);
        assert!(named[&root].matters(OsStr::new("yet.yaml")) && named[&root].ends_here);
        assert!(!named[&root].matters(OsStr::new("other.yaml")));
        symlink("loop", root.join("loop")).unwrap();
        assert!(ways(&[root.join("loop/x")]).contains_key(&root));
    }
}
