//! The rights that the unit file leaves to root are enough for a job of another user, and each of them is needed.

use std::collections::BTreeSet;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use plotwarden::actuate::{JobHandle, Report, restore};
use plotwarden::claim::KnobKind;
use plotwarden::plotter::JobId;

use crate::subject::identity;
use crate::{Bench, OF_PROCESSES, cgroup2, is_root, now, open, skip, subject_job, wanted, within};

/// `nobody` on every machine.
const USER: u32 = 65534;

/// Holds every knob of the job and puts it back, with groups and without, and says what came of it.
pub fn play() {
    let job = subject_job();
    for cgroupfs in [cgroup2(), None] {
        let bench = Bench::new(cgroupfs);
        let kinds: Vec<KnobKind> = OF_PROCESSES
            .into_iter()
            .filter(|&kind| kind != KnobKind::Group || bench.roots.cgroupfs.is_some())
            .collect();
        let mut actuator = open(&bench.roots);
        say(&actuator.tick(now(), &wanted(&job, &kinds), std::slice::from_ref(&job)));
        say(&actuator.tick(now(), &wanted(&job, &[]), std::slice::from_ref(&job)));
        println!("\nOPEN: {}", actuator.held().count());
        drop(actuator);
        // What we had no right to put back is left to the test, which has.
        std::fs::rename(&bench.roots.run, kept(&bench.roots.run)).unwrap();
    }
    std::process::exit(0);
}

/// Where the run directory goes: one of its own for each part of the play.
fn kept(run: &Path) -> PathBuf {
    let name = run.parent().unwrap().file_name().unwrap().to_owned();
    Path::new(&crate::variable("RUN")).join(name)
}

fn say(reports: &[Report]) {
    for report in reports {
        println!("\nRESULT: {} {:?} {:?}", report.knob.name(), report.action, report.outcome);
    }
}

/// A process of another user, in a group that belongs to that user, as systemd gives one to each session.
struct Foreigner {
    child: Child,
    session: Option<PathBuf>,
}

impl Foreigner {
    fn start() -> Self {
        let child = Command::new("sleep").arg("600").uid(USER).gid(USER).stdin(Stdio::null()).spawn().unwrap();
        let session = cgroup2().map(|mount| mount.join(format!("test-session-{}", child.id())));
        if let Some(session) = &session {
            std::fs::create_dir(session).unwrap();
            std::fs::write(session.join("cgroup.procs"), child.id().to_string()).unwrap();
            for path in [session.clone(), session.join("cgroup.procs")] {
                chown(path, Some(USER), Some(USER)).unwrap();
            }
        }
        Self { child, session }
    }

    fn job(&self) -> JobHandle {
        let plotter = identity(i32::try_from(self.child.id()).unwrap()).unwrap();
        JobHandle { id: JobId::new("test", plotter), plotter, processes: vec![plotter], may_pause: true }
    }

    fn group(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/cgroup", self.child.id())).unwrap()
    }
}

impl Drop for Foreigner {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if let Some(session) = &self.session {
            within(Duration::from_secs(5), || std::fs::remove_dir(session).is_ok());
        }
    }
}

/// The capabilities of the unit file, as setpriv(1) writes them.
fn kept_by_the_unit() -> Vec<String> {
    let unit = include_str!("../../packaging/systemd/plotwarden.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet=")).unwrap();
    line.split(' ').map(|name| name.trim_start_matches("CAP_").to_lowercase()).collect()
}

/// That of busybox cannot.
fn can_give_rights_away() -> bool {
    let help = Command::new("setpriv").arg("--help").output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--bounding-set"))
}

fn with_rights(rights: &[String]) -> Command {
    let mut command = Command::new("setpriv");
    let set: Vec<String> = rights.iter().map(|right| format!("+{right}")).collect();
    command.args([format!("--bounding-set=-all,{}", set.join(",")), "--no-new-privs".to_owned()]);
    command
}

/// Everything that can be done with these rights: what became of each knob, and the usable surfaces.
fn abilities(rights: &[String], foreigner: &Foreigner) -> BTreeSet<String> {
    let runs = tempfile::tempdir().unwrap();
    let job = foreigner.job();
    let output = with_rights(rights)
        .args(crate::in_part("rights"))
        .env("RUN", runs.path())
        .env("SUBJECT_PID", job.plotter.pid.to_string())
        .env("SUBJECT_START", job.plotter.start_ticks.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{rights:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    for run in std::fs::read_dir(runs.path()).unwrap() {
        let roots = plotwarden::kernel::Roots {
            run: run.unwrap().path(),
            cgroupfs: cgroup2(),
            ..crate::roots("/nowhere".as_ref(), None)
        };
        let report = restore(&roots, now(), Duration::ZERO).unwrap();
        assert!(report.is_complete(), "{report}");
    }
    let mut able: BTreeSet<String> = said
        .lines()
        .filter(|line| line.starts_with("RESULT: ") || line.starts_with("OPEN: "))
        .map(str::to_owned)
        .collect();
    let discovered =
        with_rights(rights).args([env!("CARGO_BIN_EXE_plotwarden"), "discover", "--output", "json"]).output().unwrap();
    let inventory: serde_json::Value = serde_json::from_slice(&discovered.stdout).unwrap();
    for surface in inventory["capabilities"].as_array().unwrap() {
        able.insert(format!("{} is {}", surface["surface"], surface["state"]));
    }
    able
}

#[test]
fn the_rights_of_the_unit_are_enough_for_jobs_of_other_users_and_none_is_too_many() {
    if !is_root() {
        skip!("needs root to give rights away");
    }
    if !can_give_rights_away() {
        skip!("needs setpriv of util-linux");
    }
    let foreigner = Foreigner::start();
    let before = foreigner.group();
    let rights = kept_by_the_unit();
    let able = abilities(&rights, &foreigner);
    println!("{able:#?}");
    assert!(able.contains("OPEN: 0"), "{able:#?}");
    assert!(able.iter().filter(|line| line.starts_with("RESULT: ")).all(|line| line.ends_with(" Done")), "{able:#?}");
    assert_eq!(foreigner.group(), before);
    for (at, right) in rights.iter().enumerate() {
        let rest: Vec<String> =
            rights.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, right)| right.clone()).collect();
        let less = abilities(&rest, &foreigner);
        println!("without {right}: {:#?}", less.difference(&able).collect::<Vec<_>>());
        let is_group_less = right == "dac_override" && cgroup2().is_none();
        assert!(less != able || is_group_less, "{right} is kept for nothing");
        assert_eq!(foreigner.group(), before);
    }
}
