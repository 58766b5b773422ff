use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::policy::{Fingerprint, Settling, Step};

/// A folder of policies and the time since it was last touched.
struct Scene {
    folder: tempfile::TempDir,
    settling: Settling,
    now: Duration,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), "a").unwrap();
        let settling = Settling::after(Fingerprint::take(&[folder.path().to_owned()]));
        Self { folder, settling, now: Duration::from_secs(100) }
    }

    fn paths(&self) -> [PathBuf; 1] {
        [self.folder.path().to_owned()]
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn look_after(&mut self, millis: u64, stirred: bool) -> Step {
        self.now += Duration::from_millis(millis);
        self.settling.look(Fingerprint::take(&self.paths()), stirred, self.now)
    }
}

#[test]
fn files_are_read_when_they_lie_still_and_not_before() {
    let mut scene = Scene::new();
    assert_eq!(scene.look_after(10_000, false), Step::Rest);
    for length in 2..6 {
        fs::write(scene.path().join("a.yaml"), "a".repeat(length)).unwrap();
        assert_eq!(scene.look_after(900, false), Step::Wait(Duration::from_secs(1)), "it grows");
    }
    assert_eq!(scene.look_after(600, false), Step::Wait(Duration::from_millis(400)));
    assert_eq!(scene.look_after(400, false), Step::Read);
    scene.settling = Settling::after(Fingerprint::take(&scene.paths()));
    assert_eq!(scene.look_after(1, false), Step::Rest);
}

#[test]
fn a_change_that_cannot_be_seen_from_outside_is_read_if_the_kernel_told_of_it() {
    let mut scene = Scene::new();
    assert_eq!(scene.look_after(10, true), Step::Wait(Duration::from_secs(1)));
    assert_eq!(scene.look_after(500, true), Step::Wait(Duration::from_secs(1)), "it stirred again");
    assert_eq!(scene.look_after(1000, false), Step::Read);
}

#[test]
fn a_file_that_is_away_gets_time_to_come_back() {
    let mut scene = Scene::new();
    fs::remove_file(scene.path().join("a.yaml")).unwrap();
    assert_eq!(scene.look_after(10, true), Step::Wait(Duration::from_secs(5)));
    assert_eq!(scene.look_after(4000, false), Step::Wait(Duration::from_secs(1)));
    fs::write(scene.path().join("a.yaml"), "new").unwrap();
    assert_eq!(scene.look_after(10, true), Step::Wait(Duration::from_secs(1)), "it is back");
    assert_eq!(scene.look_after(1000, false), Step::Read);

    let mut scene = Scene::new();
    fs::remove_file(scene.path().join("a.yaml")).unwrap();
    scene.look_after(10, true);
    assert_eq!(scene.look_after(5000, false), Step::Read, "it was removed");
}

#[test]
fn who_never_ends_writing_is_told_once() {
    let mut scene = Scene::new();
    fs::write(scene.path().join("a.yaml"), "half").unwrap();
    scene.look_after(10, true);
    for _ in 0..59 {
        assert_eq!(scene.look_after(1000, false), Step::Read);
        assert_eq!(scene.settling.begin_anew(scene.now), Duration::from_secs(1));
        assert!(!scene.settling.is_overdue(scene.now));
    }
    scene.look_after(1000, false);
    assert!(scene.settling.is_overdue(scene.now));
    assert!(!scene.settling.is_overdue(scene.now));
}

#[test]
fn an_empty_folder_in_the_place_of_a_full_one_is_no_removal() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("policies");
    let paths = [folder.clone()];
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.yaml"), "a").unwrap();
    let full = Fingerprint::take(&paths);
    fs::remove_file(folder.join("a.yaml")).unwrap();
    assert!(!Fingerprint::take(&paths).is_emptied_by_exchange(full.folders()), "the operator took it out");
    fs::rename(&folder, root.path().join("old")).unwrap();
    assert!(!Fingerprint::take(&paths).is_emptied_by_exchange(full.folders()), "missing is another matter");
    fs::create_dir(&folder).unwrap();
    assert!(Fingerprint::take(&paths).is_emptied_by_exchange(full.folders()));
    fs::write(folder.join("none.yaml"), "# none").unwrap();
    assert!(!Fingerprint::take(&paths).is_emptied_by_exchange(full.folders()), "a file that says so");
}
