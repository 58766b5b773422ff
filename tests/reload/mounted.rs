//! Folders that somebody else exchanges: git-sync, Kubernetes, a file system that goes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;

use crate::scene::{LIMIT, await_policies, await_result, await_ticks, folder, in_force, options, policy};
use crate::support::alone::is_root;
use crate::support::daemon::{Daemon, Metrics};

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";
const THREE: &str = "3333333333333333333333333333333333333333";

fn write(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Puts a link in the place of another, as git-sync and Kubernetes do.
fn swap(link: &Path, target: &Path) {
    let ready = link.with_file_name("..ready");
    symlink(target, &ready).unwrap();
    fs::rename(ready, link).unwrap();
}

fn commit(metrics: &Metrics) -> Option<String> {
    metrics.label("plotwarden_policies_commit_info", &[], "commit")
}

/// A work tree as git-sync makes it: named by its commit, with its own head in the repository beside it.
fn work_tree(root: &Path, commit: &str, name: &str) -> PathBuf {
    let tree = root.join(".worktrees").join(commit);
    write(tree.join("farm/policies/p.yaml"), &policy(name));
    write(tree.join(".git"), &format!("gitdir: ../../.git/worktrees/{commit}\n"));
    write(root.join(".git/worktrees").join(commit).join("HEAD"), &format!("{commit}\n"));
    tree
}

#[test]
fn a_work_tree_that_git_sync_swaps_is_followed_with_its_commit() {
    let (root, _) = folder();
    let root = root.path().canonicalize().unwrap();
    let link = root.join("current");
    let old = work_tree(&root, ONE, "old");
    swap(&link, Path::new(&format!(".worktrees/{ONE}")));
    let mut daemon = Daemon::start(&options(&link.join("farm/policies")));
    await_policies(&daemon, &["old"]);
    assert_eq!(commit(&daemon.metrics()).as_deref(), Some(ONE));

    work_tree(&root, TWO, "new");
    swap(&link, Path::new(&format!(".worktrees/{TWO}")));
    fs::remove_dir_all(old).unwrap();
    await_policies(&daemon, &["new"]);
    assert_eq!(commit(&daemon.metrics()).as_deref(), Some(TWO));

    // A commit that changes no policy.
    fs::write(root.join(".git/worktrees").join(TWO).join("HEAD"), THREE).unwrap();
    daemon.wait_for("the commit", LIMIT, |metrics| (commit(metrics).as_deref() == Some(THREE)).then_some(()));
    let (_, page) = daemon.get("/").unwrap();
    assert!(page.contains(&format!("commit <code>{}</code>", &THREE[..12])), "{page}");
    assert!(!daemon.log().contains("not reloaded"), "{}", daemon.log());
    assert!(daemon.stop().success());
}

#[test]
fn a_mounted_config_map_is_read_whole_when_its_data_is_swapped() {
    let (_root, policies) = folder();
    write(policies.join("..2026_11_23/one.yaml"), &policy("one"));
    write(policies.join("..2026_11_23/two.yaml"), &policy("two"));
    swap(&policies.join("..data"), Path::new("..2026_11_23"));
    for name in ["one.yaml", "two.yaml"] {
        symlink(Path::new("..data").join(name), policies.join(name)).unwrap();
    }
    let daemon = Daemon::start(&options(&policies));
    await_policies(&daemon, &["one", "two"]);

    // A key has gone: its link is taken away after the swap.
    write(policies.join("..2026_11_24/one.yaml"), &policy("other"));
    swap(&policies.join("..data"), Path::new("..2026_11_24"));
    fs::remove_file(policies.join("two.yaml")).unwrap();
    fs::remove_dir_all(policies.join("..2026_11_23")).unwrap();
    await_policies(&daemon, &["other"]);
    assert!(!daemon.log().contains("not reloaded"), "{}", daemon.log());
}

#[test]
fn a_folder_that_is_renamed_over_is_followed() {
    let (root, policies) = folder();
    fs::write(policies.join("p.yaml"), policy("old")).unwrap();
    let daemon = Daemon::start(&options(&policies));
    let ready = root.path().join("ready");
    write(ready.join("p.yaml"), &policy("new"));
    fs::rename(&policies, root.path().join("before")).unwrap();
    fs::rename(&ready, &policies).unwrap();
    await_policies(&daemon, &["new"]);
    fs::write(policies.join("p.yaml"), policy("newer")).unwrap();
    await_policies(&daemon, &["newer"]);
}

/// Unmounts at the latest when the test ends.
struct Mounted(PathBuf);

impl Mounted {
    fn over(folder: &Path) -> Self {
        mount(Some("tmpfs"), folder, Some("tmpfs"), MsFlags::empty(), Some("size=1m,mode=755")).unwrap();
        Self(folder.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = umount2(&self.0, MntFlags::MNT_DETACH) {
            eprintln!("cannot unmount {}: {error}", self.0.display());
        }
    }
}

/// The kernel tells nothing of mounts, as it tells nothing of what other machines do on NFS: it is seen by looking.
#[test]
fn policies_outlive_the_file_system_that_they_lie_on_until_the_operator_says_otherwise() {
    if !is_root("mounting a small file system") {
        return;
    }
    let (_root, policies) = folder();
    let disk = Mounted::over(&policies);
    fs::write(policies.join("p.yaml"), policy("first")).unwrap();
    let daemon = Daemon::start(&options(&policies));
    drop(disk);
    await_result(&daemon, false);
    assert!(daemon.log().contains("is a file system not mounted?"), "{}", daemon.log());
    await_ticks(&daemon, 2.0);
    assert_eq!(in_force(&daemon.metrics()), ["first"]);
    daemon.signal(Signal::SIGHUP);
    await_policies(&daemon, &[]);
    await_result(&daemon, true);
    let _disk = Mounted::over(&policies);
    fs::write(policies.join("p.yaml"), policy("second")).unwrap();
    await_policies(&daemon, &["second"]);
}
