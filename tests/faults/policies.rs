//! Whatever becomes of the policy files, the last good ones stay in force: a pause is never dropped because an editor slipped.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::alone::is_root;
use crate::support::daemon::Daemon;
use crate::support::dialled::Dialled;
use crate::support::state::State;

const FILE: &str = "dial.yaml";
const LOADED: &str = "plotwarden_policies_last_reload_successful";
const LIMIT: Duration = Duration::from_secs(20);

/// Three plotters of which one is paused by a policy in a file.
struct Scene {
    dialled: Dialled,
    paused: i32,
    good: String,
}

impl Scene {
    fn new() -> (Self, Daemon) {
        let dialled = Dialled::with_plotters();
        let daemon = Daemon::start(&dialled.options());
        dialled.press(&daemon);
        let good = fs::read_to_string(dialled.policies().join(FILE)).unwrap();
        let paused = *dialled.pids().last().unwrap();
        (Self { dialled, paused, good }, daemon)
    }

    fn file(&self) -> std::path::PathBuf {
        self.dialled.policies().join(FILE)
    }

    /// Waits for the result of a reload; all the while, and for two ticks more, the job stays paused.
    fn assert_stays_paused_until(&self, daemon: &Daemon, loaded: f64) {
        let writes =
            |metrics: &crate::support::daemon::Metrics| metrics.all("plotwarden_writes_total", &[("knob", "pause")]);
        let before = writes(&daemon.metrics());
        let deadline = Instant::now() + LIMIT;
        let mut seen_at = None;
        while seen_at.is_none_or(|ticks| daemon.ticks() < ticks + 2.0) {
            std::thread::sleep(Duration::from_millis(50));
            assert!(State::of(&[self.paused]).halts(self.paused), "the pause was dropped:\n{}", daemon.log());
            assert!(Instant::now() < deadline, "{LOADED} never became {loaded}:\n{}", daemon.log());
            if seen_at.is_none() && daemon.metrics().value(LOADED, &[]) == Some(loaded) {
                seen_at = Some(daemon.ticks());
            }
        }
        assert_eq!(writes(&daemon.metrics()), before, "the pause was written anew");
    }

    /// Puts `spoil` in the place of the policy file, and then the good file back.
    fn survives(&self, daemon: &Daemon, name: &str, complaint: &str, spoil: impl FnOnce(&Path)) {
        let path = self.file();
        let before = daemon.log().len();
        // Made ready elsewhere: a policy file that is away for long has been removed.
        let ready = self.dialled.folder.path().join("ready");
        spoil(&ready);
        fs::remove_file(&path).unwrap();
        fs::rename(&ready, &path).unwrap();
        self.assert_stays_paused_until(daemon, 0.0);
        let log = daemon.log()[before..].to_owned();
        let complaints: Vec<&str> = log.lines().filter(|line| line.contains("level=error")).collect();
        let place = format!("{}{complaint}", path.display());
        assert!(complaints.iter().any(|line| line.contains(&place)), "{name}: no word of {place}:\n{log}");
        assert!(log.contains("the last good ones stay in force"), "{name}:\n{log}");

        fs::rename(&path, self.dialled.folder.path().join(name)).unwrap();
        fs::write(&path, &self.good).unwrap();
        // Sooner than by itself.
        daemon.signal(Signal::SIGHUP);
        self.assert_stays_paused_until(daemon, 1.0);
    }
}

/// Ten levels of ten references to the level below: ten thousand million words.
fn bomb() -> String {
    let mut text = "apiVersion: plotwarden/v1\nkind: Contention\nl0: &l0 [boom]\n".to_owned();
    for level in 1..=10 {
        let below = vec![format!("*l{}", level - 1); 10].join(", ");
        writeln!(text, "l{level}: &l{level} [{below}]").unwrap();
    }
    text
}

#[test]
fn a_spoiled_policy_file_leaves_the_last_good_one_in_force() {
    if !is_root("pausing plotters") {
        return;
    }
    let (scene, mut daemon) = Scene::new();
    let resident = |daemon: &Daemon| daemon.metrics().value("process_resident_memory_bytes", &[]).unwrap();
    let before = resident(&daemon);
    scene.survives(&daemon, "garbage", ":1:", |path| fs::write(path, "\u{1}{{{ no: [policy").unwrap());
    scene.survives(&daemon, "a misspelt field", ":9:", |path| {
        fs::write(path, scene.good.replace("severity:", "severety:")).unwrap();
    });
    scene.survives(&daemon, "binary", "", |path| fs::write(path, [0xff; 4096]).unwrap());
    scene.survives(&daemon, "a folder", "", |path| fs::create_dir(path).unwrap());
    scene.survives(&daemon, "50 MB", "", |path| {
        let text = "# much of the same\n".repeat((50 << 20) / 19);
        fs::write(path, text).unwrap();
    });
    scene.survives(&daemon, "a hole of 50 GB", "", |path| File::create(path).unwrap().set_len(50 << 30).unwrap());
    scene.survives(&daemon, "a pipe", "", |path| {
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    });
    scene.survives(&daemon, "a YAML bomb", ":", |path| fs::write(path, bomb()).unwrap());
    let grown = resident(&daemon) - before;
    assert!(grown < 32e6, "{grown} bytes more are in use than before");
    assert!(daemon.stop().success(), "{}", daemon.log());
}

#[test]
fn a_reload_by_signal_is_as_careful() {
    if !is_root("pausing plotters") {
        return;
    }
    let (scene, mut daemon) = Scene::new();
    fs::write(scene.file(), "kind: [").unwrap();
    daemon.signal(Signal::SIGHUP);
    scene.assert_stays_paused_until(&daemon, 0.0);
    assert!(daemon.log().contains(&format!("{}:1:", scene.file().display())), "{}", daemon.log());
    fs::write(scene.file(), &scene.good).unwrap();
    daemon.signal(Signal::SIGHUP);
    scene.assert_stays_paused_until(&daemon, 1.0);
    assert!(daemon.stop().success(), "{}", daemon.log());
}
