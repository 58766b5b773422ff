//! The last resort on a machine in memory: step by step, over restarts, and never further than is permitted.

use std::path::PathBuf;

use super::*;
use crate::actuate::{Ending, EndingEvent, EndingReport, Step};
use crate::claim::KillPermit;
use crate::plotter::{StopSignal, TempPattern};

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const ALL: KillPermit = KillPermit {
    ask: Some(Duration::from_secs(100)),
    terminate: Some(Duration::from_secs(20)),
    kill: true,
    remove_temp: true,
};

fn ending(rig: &Rig, permit: KillPermit) -> Ending {
    let temp = |glob: &str| TempPattern::of_plot("/temp".into(), &glob.replace("ID", ID), ID).unwrap();
    Ending {
        job: rig.id(),
        permit,
        ask: Some(StopSignal::Interrupt),
        temp: vec![temp("plot-*ID*.tmp"), TempPattern::new("/temp".into(), "t1_*.tmp").unwrap()],
        claimant: Claimant { class: Class::Safety, priority: 900, policy: "space".to_owned() },
        reason: "temp-full",
        dry_run: false,
    }
}

/// One tick of endings after `seconds`, with the knobs wanted as they are.
fn after(rig: &mut Rig, seconds: u64, wanted: &[Ending]) -> Vec<EndingReport> {
    rig.seconds += seconds;
    let jobs: Vec<_> =
        [rig.job()].into_iter().filter(|_| rig.state.borrow().processes.contains_key(&PLOTTER)).collect();
    rig.actuator.as_mut().unwrap().end(moment(rig.seconds), wanted, &jobs, &mut Vec::new())
}

fn events(reports: &[EndingReport]) -> Vec<&'static str> {
    reports.iter().map(|report| report.event.name()).collect()
}

/// Signals to the plotter but for SIGCONT.
fn signals(rig: &Rig) -> Vec<i32> {
    let state = rig.state.borrow();
    state
        .signals
        .iter()
        .filter(|(pid, signal)| *pid == PLOTTER && *signal != libc::SIGCONT)
        .map(|&(_, it)| it)
        .collect()
}

fn deaf(rig: &Rig, signals: &[i32]) {
    rig.state.borrow_mut().deaf = signals.iter().copied().collect();
}

fn files(rig: &Rig, names: &[String]) -> Vec<PathBuf> {
    let paths: Vec<PathBuf> = names.iter().map(|name| PathBuf::from("/temp").join(name)).collect();
    rig.state.borrow_mut().files.extend(paths.iter().cloned());
    paths
}

#[test]
fn it_is_asked_then_terminated_then_killed_and_cleared_up_after() {
    let mut rig = Rig::new();
    deaf(&rig, &[libc::SIGINT, libc::SIGTERM]);
    let ours = files(&rig, &[format!("plot-{ID}.a.tmp"), format!("plot-{ID}.b.tmp")]);
    let others = files(&rig, &["plot-other.tmp".to_owned(), format!("plot-{ID}.plot"), "t1_0.tmp".to_owned()]);
    let wanted = [ending(&rig, ALL)];
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["ask"]);
    assert_eq!(events(&after(&mut rig, 99, &wanted)), [""; 0]);
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["terminate"]);
    assert_eq!(events(&after(&mut rig, 19, &wanted)), [""; 0]);
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["kill"]);
    assert_eq!(signals(&rig), [libc::SIGINT, libc::SIGTERM, libc::SIGKILL]);
    let first = after(&mut rig, 1, &wanted);
    assert_eq!(events(&first), ["ended", "removed"]);
    let removed = |at: usize| EndingEvent::Removed { file: ours[at].clone() };
    assert_eq!(
        (first[1].event.clone(), first[1].policy.as_str(), first[1].reason.as_str()),
        (removed(0), "space", "temp-full")
    );
    assert_eq!(after(&mut rig, 1, &[])[0].event, removed(1), "cleared up whether or not anybody still wants it");
    assert_eq!(rig.state.borrow().files, others.into_iter().collect());
    assert_eq!(std::fs::read_dir(rig.roots().run.join("endings")).unwrap().count(), 0);
}

#[test]
fn who_goes_when_asked_is_not_signalled_again() {
    let mut rig = Rig::new();
    let wanted = [ending(&rig, ALL)];
    after(&mut rig, 1, &wanted);
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["ended"]);
    assert_eq!(signals(&rig), [libc::SIGINT]);
    assert!(rig.state.borrow().processes.contains_key(&WRAPPER), "wrappers end by themselves");
}

#[test]
fn no_step_is_taken_that_is_not_permitted() {
    let none = KillPermit::default();
    let cases = [
        (none, vec![]),
        (KillPermit { kill: true, ..none }, vec![]),
        (KillPermit { ask: ALL.ask, kill: true, ..none }, vec![libc::SIGINT]),
        (KillPermit { terminate: ALL.terminate, ..none }, vec![libc::SIGTERM]),
        (KillPermit { kill: false, ..ALL }, vec![libc::SIGINT, libc::SIGTERM]),
    ];
    for (permit, expected) in cases {
        let mut rig = Rig::new();
        deaf(&rig, &[libc::SIGINT, libc::SIGTERM]);
        files(&rig, &[format!("plot-{ID}.a.tmp")]);
        let wanted = [ending(&rig, permit)];
        let mut said = Vec::new();
        for _ in 0..300 {
            said.extend(after(&mut rig, 1, &wanted));
        }
        assert_eq!(signals(&rig), expected, "{permit:?}");
        assert_eq!(events(&said).iter().filter(|&&event| event == "held").count(), 1, "said once: {said:#?}");
        assert_eq!(rig.state.borrow().files.len(), 1);
    }
}

#[test]
fn a_paused_job_is_resumed_first_and_not_paused_again() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Group, 0);
    rig.want(KnobKind::Pause, 0);
    rig.tick();
    assert!(rig.state.borrow().groups.values().any(|group| group.frozen));
    deaf(&rig, &[libc::SIGINT]);
    let wanted = [ending(&rig, ALL)];
    after(&mut rig, 1, &wanted);
    assert!(!rig.state.borrow().groups.values().any(|group| group.frozen), "thawed before the signal");
    assert_eq!(rig.state.borrow().signals, [(PLOTTER, libc::SIGCONT), (PLOTTER, libc::SIGINT)]);
    let reports = rig.tick();
    assert_eq!(outcomes(&reports), [(KnobKind::Pause, Action::Apply, "protected")]);
    assert!(!rig.state.borrow().groups.values().any(|group| group.frozen));
    // Somebody else's stop is lifted too, or SIGTERM would wait for ever.
    rig.state.borrow_mut().processes.get_mut(&PLOTTER).unwrap().stopped = true;
    assert_eq!(events(&after(&mut rig, 100, &wanted)), ["terminate"]);
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["ended"]);
}

#[test]
fn a_restart_forgets_neither_the_step_nor_its_time() {
    let mut rig = Rig::new();
    deaf(&rig, &[libc::SIGINT, libc::SIGTERM]);
    let wanted = [ending(&rig, ALL)];
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["ask"]);
    for (seconds, event) in [(100, "terminate"), (20, "kill")] {
        rig.open();
        assert_eq!(events(&after(&mut rig, seconds - 1, &wanted)), [""; 0]);
        rig.open();
        assert_eq!(events(&after(&mut rig, 1, &wanted)), [event]);
    }
    let left = files(&rig, &[format!("plot-{ID}.a.tmp")]);
    rig.open();
    let reports = after(&mut rig, 1, &[]);
    assert_eq!(reports[1].event, EndingEvent::Removed { file: left[0].clone() });
}

/// Dead before any operation: nobody is killed who has not had his time since a SIGTERM that was really sent.
#[test]
fn dead_in_the_middle_no_step_is_skipped() {
    for step in 1..30 {
        let mut rig = Rig::new();
        deaf(&rig, &[libc::SIGINT, libc::SIGTERM]);
        let wanted = [ending(&rig, ALL)];
        let at = rig.state.borrow().steps + step;
        rig.state.borrow_mut().crash_at = Some(at);
        for _ in 0..40 {
            if catch_unwind(AssertUnwindSafe(|| after(&mut rig, 10, &wanted))).is_err() {
                rig.state.borrow_mut().crash_at = None;
                rig.open();
            }
        }
        let signals = signals(&rig);
        let kill = signals.iter().position(|&signal| signal == libc::SIGKILL).unwrap();
        assert!(signals[..kill].contains(&libc::SIGTERM), "at step {step}: {signals:?}");
        assert!(signals.iter().filter(|&&signal| signal == libc::SIGINT).count() <= 1, "at step {step}: {signals:?}");
        assert!(!rig.state.borrow().processes.contains_key(&PLOTTER));
    }
}

#[test]
fn nobody_else_is_ended() {
    let mut rig = Rig::new();
    let wanted = [ending(&rig, ALL)];
    rig.state.borrow_mut().processes.get_mut(&PLOTTER).unwrap().comm = "chia_harvester".to_owned();
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["protected"]);
    assert_eq!(events(&after(&mut rig, 1, &wanted)), [""; 0], "said once");
    // It was a plotter when it was asked, and is another program when its time is up.
    let mut rig = Rig::new();
    deaf(&rig, &[libc::SIGINT]);
    let wanted = [ending(&rig, ALL)];
    after(&mut rig, 1, &wanted);
    rig.state.borrow_mut().processes.get_mut(&PLOTTER).unwrap().exe_inode += 1;
    assert_eq!(events(&after(&mut rig, 100, &wanted)), ["protected"]);
    assert_eq!(signals(&rig), [libc::SIGINT]);
    // The number belongs to a stranger by now.
    let mut rig = Rig::new();
    deaf(&rig, &[libc::SIGINT]);
    after(&mut rig, 1, &wanted);
    rig.state.borrow_mut().spawn(PLOTTER, 1);
    assert_eq!(events(&after(&mut rig, 100, &wanted)), ["ended"]);
    assert_eq!(signals(&rig), [libc::SIGINT]);
    assert!(rig.state.borrow().processes.contains_key(&PLOTTER));
}

#[test]
fn children_go_with_the_plotter_and_a_protected_one_saves_it() {
    let mut rig = Rig::new();
    let child = rig.state.borrow_mut().spawn(200, PLOTTER);
    let wanted = [ending(&rig, KillPermit { ask: None, ..ALL })];
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["terminate"]);
    assert!(rig.state.borrow().live(child).is_none());
    let mut rig = Rig::new();
    rig.state.borrow_mut().spawn(200, PLOTTER);
    rig.state.borrow_mut().processes.get_mut(&200).unwrap().comm = "chia_wallet".to_owned();
    // Born after the job was last looked at.
    let mut job = rig.job();
    job.processes.retain(|process| process.pid != 200);
    let wanted = [ending(&rig, KillPermit { ask: None, ..ALL })];
    let reports = rig.actuator.as_mut().unwrap().end(moment(20), &wanted, &[job], &mut Vec::new());
    assert_eq!(events(&reports), ["protected"]);
    assert_eq!(signals(&rig), [0; 0]);
}

#[test]
fn a_wish_that_is_withdrawn_stops_before_sigterm_only() {
    let mut rig = Rig::new();
    deaf(&rig, &[libc::SIGINT, libc::SIGTERM]);
    let wanted = [ending(&rig, ALL)];
    after(&mut rig, 1, &wanted);
    assert_eq!(events(&after(&mut rig, 1, &[])), ["withdrawn"]);
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["ask"], "from the beginning");
    after(&mut rig, 100, &wanted);
    assert_eq!(events(&after(&mut rig, 500, &[])), [""; 0], "no kill that nobody wants");
    let left = files(&rig, &[format!("plot-{ID}.a.tmp")]);
    rig.state.borrow_mut().processes.remove(&PLOTTER);
    assert_eq!(after(&mut rig, 1, &[])[1].event, EndingEvent::Removed { file: left[0].clone() });
}

#[test]
fn temp_files_stay_where_it_is_not_permitted_or_somebody_uses_them() {
    let mut rig = Rig::new();
    let left = files(&rig, &[format!("plot-{ID}.a.tmp")]);
    let wanted = [ending(&rig, KillPermit { remove_temp: false, ..ALL })];
    after(&mut rig, 1, &wanted);
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["ended"]);
    assert_eq!(rig.state.borrow().files, left.into_iter().collect());
    let mut rig = Rig::new();
    files(&rig, &[format!("plot-{ID}.open.tmp")]);
    let wanted = [ending(&rig, ALL)];
    after(&mut rig, 1, &wanted);
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["ended", "kept"]);
}

#[test]
fn rehearsed_nobody_is_signalled() {
    for mode in [Mode::DryRun, Mode::Enforce, Mode::Off] {
        let mut rig = Rig::new();
        rig.open_in(mode);
        let mut wanted = ending(&rig, ALL);
        wanted.dry_run = mode == Mode::Enforce;
        let wanted = [wanted];
        let expected: &[&str] = if mode == Mode::Off { &[] } else { &["skipped"] };
        assert_eq!(events(&after(&mut rig, 1, &wanted)), expected);
        assert_eq!(events(&after(&mut rig, 500, &wanted)), [""; 0], "counted once");
        assert_eq!((signals(&rig), rig.state.borrow().writes), (vec![], 0));
    }
}

#[test]
fn what_cannot_be_written_down_is_not_done() {
    let mut rig = Rig::new();
    std::fs::write(rig.roots().run.join("endings"), "in the way").unwrap();
    let wanted = [ending(&rig, ALL)];
    assert_eq!(events(&after(&mut rig, 1, &wanted)), ["failed"]);
    assert_eq!(signals(&rig), [0; 0]);
}

#[test]
fn the_audit_file_names_each_file() {
    let event = EndingEvent::Removed { file: "/temp/plot-x.tmp".into() };
    let report = EndingReport { job: "j".into(), event, policy: "space".to_owned(), reason: "temp-full".to_owned() };
    let line = serde_json::to_value(crate::audit::Entry::of_ending(moment(1), &report)).unwrap();
    assert_eq!((&line["policy"], &line["writes"][0]["outcome"]), (&"space".into(), &"removed".into()));
    assert_eq!(line["writes"][0]["detail"], "/temp/plot-x.tmp");
    assert_eq!(Step::Kill.name(), "kill");
}
