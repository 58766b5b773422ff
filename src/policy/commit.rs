//! Which commit is checked out where policies lie, read from the files of the work tree: no git program is run, since a
//! repository may say what that would execute.
//!
//! Source: `gitrepository-layout(5)`, `git-worktree(1)`.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::source;

/// Symbolic references that lead to one another.
const MOST_HOPS: usize = 5;

/// The commit of a work tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// As the operator names it: a policy file or folder in the work tree.
    pub path: PathBuf,
    /// In full, 40 or 64 hexadecimal digits.
    pub id: String,
}

/// The commits that are checked out at `paths`, for those that lie in a work tree that can be read.
pub fn commits(paths: &[PathBuf]) -> Vec<Commit> {
    paths.iter().filter_map(|path| Some(Commit { path: path.clone(), id: checked_out(path)? })).collect()
}

fn checked_out(path: &Path) -> Option<String> {
    let real = path.canonicalize().ok()?;
    let (tree, git) = real.ancestors().map(|folder| (folder, folder.join(".git"))).find(|(_, git)| git.exists())?;
    if git.is_dir() {
        return head(&git);
    }
    // A work tree of several: `.git` is a file that names its folder in the repository.
    let text = read(&git)?;
    let named = Path::new(text.strip_prefix("gitdir:")?.trim());
    // git-sync names its work trees by their commits, and may see the repository under another path than we do.
    let by_name = || tree.file_name()?.to_str().and_then(commit_id);
    head(&tree.join(named)).or_else(by_name)
}

/// What `HEAD` of a repository, or of one of its work trees, stands for.
fn head(git: &Path) -> Option<String> {
    let common = match read(&git.join("commondir")) {
        Some(below) => git.join(below.trim()),
        None => git.to_owned(),
    };
    let mut text = read(&git.join("HEAD"))?;
    for _ in 0..MOST_HOPS {
        let Some(name) = text.strip_prefix("ref:").map(str::trim) else { return commit_id(text.trim()) };
        // The name of a file in the repository, and of none outside of it.
        if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        match read(&git.join(name)).or_else(|| read(&common.join(name))) {
            Some(next) => text = next,
            None => return packed(&common, name),
        }
    }
    None
}

/// References that have not moved for a while stand in one file: `<commit> <name>`, one a line.
fn packed(common: &Path, name: &str) -> Option<String> {
    let text = read(&common.join("packed-refs"))?;
    let found = text.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix(' '))?;
    commit_id(found)
}

fn commit_id(text: &str) -> Option<String> {
    let is_id = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| text.to_ascii_lowercase())
}

fn read(path: &Path) -> Option<String> {
    source::read(path).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    fn write(path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn id(path: PathBuf) -> Option<String> {
        commits(&[path]).into_iter().next().map(|commit| commit.id)
    }

    #[test]
    fn a_branch_is_followed_to_its_commit_loose_or_packed() {
        let root = tempfile::tempdir().unwrap();
        let (tree, git) = (root.path().join("tree"), root.path().join("tree/.git"));
        write(tree.join("farm/policies/p.yaml"), "");
        assert_eq!(id(tree.join("farm/policies")), None, "no work tree");
        write(git.join("HEAD"), "ref: refs/heads/main\n");
        write(git.join("packed-refs"), &format!("# pack-refs with: peeled\n{TWO} refs/heads/not/refs/heads/main\n"));
        assert_eq!(id(tree.join("farm/policies")), None, "the branch has no commit yet");
        write(git.join("packed-refs"), &format!("{TWO} refs/heads/domain\n{ONE} refs/heads/main\n^{TWO}\n"));
        assert_eq!(id(tree.join("farm/policies")).as_deref(), Some(ONE));
        write(git.join("refs/heads/main"), &format!("{TWO}\n"));
        assert_eq!(id(tree.join("farm/policies/p.yaml")).as_deref(), Some(TWO), "what has moved since counts");
        write(git.join("HEAD"), &format!("{ONE}\n"));
        assert_eq!(id(tree.clone()).as_deref(), Some(ONE), "a detached head");
        for nonsense in ["ref: ../../../etc/passwd", "ref: /etc/passwd", "ref: HEAD", "deadbeef", "", "ref:"] {
            write(git.join("HEAD"), nonsense);
            assert_eq!(id(tree.clone()), None, "{nonsense:?}");
        }
    }

    #[test]
    fn the_work_trees_of_git_sync_are_told_by_their_heads_or_else_by_their_names() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let tree = root.join(".worktrees").join(ONE);
        write(tree.join("policies/p.yaml"), "");
        symlink(Path::new(".worktrees").join(ONE), root.join("current")).unwrap();
        write(tree.join(".git"), &format!("gitdir: ../../.git/worktrees/{ONE}\n"));
        assert_eq!(id(root.join("current/policies")).as_deref(), Some(ONE), "the repository is somewhere else for us");
        let git = root.join(".git/worktrees").join(ONE);
        write(git.join("HEAD"), &format!("{TWO}\n"));
        assert_eq!(id(root.join("current/policies")).as_deref(), Some(TWO));
        write(git.join("HEAD"), "ref: refs/heads/main\n");
        write(git.join("commondir"), "../..\n");
        write(root.join(".git/refs/heads/main"), &format!("{ONE}\n"));
        assert_eq!(id(root.join("current/policies")).as_deref(), Some(ONE), "branches are the repository's");
    }

    #[test]
    fn a_repository_cannot_hold_us_up() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(".git")).unwrap();
        nix::unistd::mkfifo(&root.path().join(".git/HEAD"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(id(root.path().to_owned()), None);
    }
}
