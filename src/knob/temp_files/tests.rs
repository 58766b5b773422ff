//! Files that look like a plotter's and are not, on a real file system.

use std::fs::File;
use std::os::unix::fs::symlink;

use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

struct Scene {
    folder: tempfile::TempDir,
    place: Place,
    pattern: TempPattern,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("temp")).unwrap();
        fs::write(folder.path().join("precious"), "precious").unwrap();
        let place = pin(&Timely::default(), &folder.path().join("temp")).unwrap();
        let pattern = TempPattern::of_plot(place.path.clone(), &format!("plot-*{ID}*"), ID).unwrap();
        Self { folder, place, pattern }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path.join(name)
    }

    fn file(&self, suffix: &str) -> PathBuf {
        let path = self.path(&format!("plot-k32-2026-{ID}{suffix}"));
        fs::write(&path, "temp").unwrap();
        path
    }

    /// Sweeps until so many files are gone. A program that another test is just starting has our files open for a moment.
    #[track_caller]
    fn sweep_until(&self, count: usize) -> Vec<PathBuf> {
        let mut removed = Vec::new();
        for _ in 0..1000 {
            removed.extend(self.sweep().removed);
            if removed.len() >= count {
                removed.sort_unstable();
                return removed;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("only {removed:?} were removed");
    }

    fn sweep(&self) -> Swept {
        sweep(&Timely::default(), Path::new("/proc"), &self.place, &self.pattern).unwrap()
    }

    /// Swept, the file stays and it is said why.
    #[track_caller]
    fn assert_kept(&self, path: &Path, why: &str) {
        let swept = self.sweep();
        assert_eq!(swept.removed, Vec::<PathBuf>::new());
        assert!(path.symlink_metadata().is_ok(), "{} is gone", path.display());
        assert_eq!(fs::read_to_string(self.folder.path().join("precious")).unwrap(), "precious");
        let said = swept.kept.iter().find(|(kept, _)| kept == path);
        assert!(said.is_some_and(|(_, said)| said.contains(why)), "{swept:?}");
    }
}

#[test]
fn the_files_of_the_plot_go_and_all_others_stay() {
    let scene = Scene::new();
    let mine = [scene.file(".p2.t3.tmp"), scene.file(".plot.p1.t1.sort_bucket_000.tmp")];
    let others = [scene.path(&format!("plot-k32-2026-{OTHER}.p1.tmp")), scene.path("plot-k32.tmp"), scene.path(ID)];
    for other in &others {
        fs::write(other, "not ours").unwrap();
    }
    assert_eq!(scene.sweep_until(2), mine);
    assert!(others.iter().all(|other| other.exists()) && mine.iter().all(|mine| !mine.exists()));
    assert_eq!(scene.sweep(), Swept::default(), "a second time there is nothing to do");
}

#[test]
fn a_finished_plot_is_never_removed() {
    let scene = Scene::new();
    for suffix in [".plot", ".PLOT", ".plot2", ".bin"] {
        let path = scene.file(suffix);
        scene.assert_kept(&path, "finished");
    }
}

#[test]
fn links_are_neither_followed_nor_removed() {
    let scene = Scene::new();
    let precious = scene.folder.path().join("precious");
    let link = scene.path(&format!("plot-{ID}.link.tmp"));
    symlink(&precious, &link).unwrap();
    scene.assert_kept(&link, "no plain file");
    let hard = scene.path(&format!("plot-{ID}.hard.tmp"));
    fs::hard_link(&precious, &hard).unwrap();
    scene.assert_kept(&hard, "another name");
    let dir = scene.path(&format!("plot-{ID}.dir.tmp"));
    fs::create_dir(&dir).unwrap();
    scene.assert_kept(&dir, "no plain file");
}

#[test]
fn what_somebody_has_open_or_mapped_stays() {
    let scene = Scene::new();
    let path = scene.file(".open.tmp");
    let open = File::open(&path).unwrap();
    scene.assert_kept(&path, &format!("process {}", std::process::id()));
    // SAFETY: a private mapping of a file that nobody changes; it is unmapped below and never read.
    let mapped = unsafe {
        nix::sys::mman::mmap(
            None,
            std::num::NonZeroUsize::new(4096).unwrap(),
            nix::sys::mman::ProtFlags::PROT_READ,
            nix::sys::mman::MapFlags::MAP_PRIVATE,
            &open,
            0,
        )
    }
    .unwrap();
    drop(open);
    scene.assert_kept(&path, "has it open");
    // SAFETY: the mapping above, which nothing refers to.
    unsafe { nix::sys::mman::munmap(mapped, 4096) }.unwrap();
    assert_eq!(scene.sweep_until(1), [path]);
}

#[test]
fn a_directory_that_was_swapped_is_not_entered() {
    let scene = Scene::new();
    let path = scene.file(".tmp");
    let aside = scene.folder.path().join("aside");
    fs::rename(&scene.place.path, &aside).unwrap();
    let run = || sweep(&Timely::default(), Path::new("/proc"), &scene.place, &scene.pattern);
    for swapped in ["link", "directory"] {
        if swapped == "link" {
            symlink(&aside, &scene.place.path).unwrap();
        } else {
            fs::remove_file(&scene.place.path).unwrap();
            fs::create_dir(&scene.place.path).unwrap();
            fs::write(&path, "somebody else's").unwrap();
        }
        assert!(run().is_err(), "{swapped}");
        assert!(path.exists(), "{swapped}");
    }
}

#[test]
fn a_pattern_without_a_whole_plot_id_removes_nothing() {
    let mut scene = Scene::new();
    let path = scene.file(".tmp");
    for pattern in [
        TempPattern::new(scene.place.path.clone(), "*"),
        TempPattern::of_plot(scene.place.path.clone(), "plot-*0123*", "0123"),
    ] {
        scene.pattern = pattern.unwrap();
        scene.assert_kept(&path, "whose plot");
    }
    assert!(TempPattern::of_plot(scene.place.path.clone(), "plot-*.tmp", ID).is_none());
}

#[test]
fn many_files_go_in_several_sweeps() {
    let scene = Scene::new();
    let all: Vec<PathBuf> = (0..AT_ONCE + 3).map(|number| scene.file(&format!(".{number:03}.tmp"))).collect();
    let first = scene.sweep();
    assert_eq!((first.removed.len(), first.unfinished), (AT_ONCE, true));
    assert_eq!(scene.sweep_until(3).len(), 3);
    assert!(all.iter().all(|path| !path.exists()));
}

#[test]
fn a_file_that_took_the_name_meanwhile_stays() {
    let scene = Scene::new();
    let path = scene.file(".tmp");
    let (name, number) = (path.file_name().unwrap().to_str().unwrap(), (scene.place.device, 1));
    assert!(remove(&scene.place, name, number).is_err());
    assert!(path.exists());
}
