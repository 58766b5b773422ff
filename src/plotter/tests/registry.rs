//! Jobs over time: wrappers and children, exec, pid reuse, zombies; and where their temp files lie.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::super::{Job, JobId, JobRegistry, Machine, Observation};
use super::{ID, OTHER_ID, process, shipped, users};
use crate::clock::Moment;
use crate::kernel::process::{Identity, IoCounters, OpenFile, ProcessFacts, Program, RunState, Stat};
use crate::units::Ratio;

fn registry() -> JobRegistry {
    JobRegistry::new(shipped(), Machine { cpus_online: Some(8), users: users() })
}

/// As the loop does it: what plots is described, the others are not.
fn take(registry: &mut JobRegistry, facts: &ProcessFacts) {
    let ProcessFacts { identity, parent, comm, argv, .. } = facts.clone();
    if registry.consider(&Program { identity, parent, comm, argv }) {
        registry.describe(facts.clone());
    }
}

fn with(processes: &[ProcessFacts]) -> JobRegistry {
    let mut registry = registry();
    for facts in processes {
        take(&mut registry, facts);
    }
    registry
}

fn at(second: u64) -> Moment {
    Moment { boot: Duration::from_secs(second), wall: SystemTime::UNIX_EPOCH }
}

fn jobs(registry: &mut JobRegistry) -> Vec<Job> {
    registry.observe(at(60), &BTreeMap::new())
}

/// `profile plotter: processes`
fn described(registry: &mut JobRegistry) -> Vec<String> {
    let describe = |job: Job| {
        let pids: Vec<String> = job.processes.iter().map(|process| process.pid.to_string()).collect();
        format!("{} {}: {}", job.profile, job.plotter.pid, pids.join(" "))
    };
    jobs(registry).into_iter().map(describe).collect()
}

fn stat(facts: &ProcessFacts) -> Stat {
    Stat {
        kernel_thread: false,
        identity: facts.identity,
        comm: facts.comm.clone(),
        state: RunState::Sleeping,
        parent: facts.parent,
        minor_faults: 0,
        major_faults: 0,
        user_ticks: 0,
        system_ticks: 0,
        threads: 3,
        resident_pages: 1,
    }
}

#[test]
fn a_wrapper_and_its_plotter_are_one_job_and_the_shell_above_is_not_in_it() {
    let mut registry = with(&[
        process(1, 0, "/sbin/init"),
        process(10, 1, "bash ./plot.sh"),
        process(20, 10, "python3 /venv/bin/chia plotters madmax -k 32 -t /a"),
        process(30, 20, "chia_plot -k 32 -t /a"),
        process(31, 30, "sort"),
        process(40, 1, "tail -f chia_plot.log"),
    ]);
    assert_eq!(described(&mut registry), ["madmax 30: 20 30 31"]);
}

#[test]
fn of_two_processes_with_one_command_line_the_child_plots() {
    let line = "/opt/chia/daemon/chia plots create -k 32 -t /a";
    let mut registry = with(&[process(10, 1, "chia_daemon"), process(20, 10, line), process(30, 20, line)]);
    assert_eq!(described(&mut registry), ["chiapos 30: 20 30"]);
    registry.forget(30);
    assert_eq!(described(&mut registry), ["chiapos 20: 20"], "it plots by itself now, as another job");
}

#[test]
fn jobs_of_one_shell_are_several_the_oldest_first() {
    let mut registry = with(&[
        process(40, 10, "chia_plot -k 32 -t /a"),
        process(10, 1, "bash"),
        process(30, 10, "plotter test 28 179fb23be317c6752fc25511b293acaee9e1b52c1c4d098bc72bff35169deb8c"),
        process(20, 10, "bladebit diskplot -t1 /a /out"),
    ]);
    assert_eq!(described(&mut registry), ["bladebit-disk 20: 20", "pos2 30: 30", "madmax 40: 40"]);
}

#[test]
fn a_job_knows_its_owner_its_age_and_its_name() {
    let mut registry = with(&[process(42, 1, "chia_plot -k 25 -t /a -d /out")]);
    let job = jobs(&mut registry).pop().unwrap();
    assert_eq!(job.id.as_str(), "madmax-42-1042");
    assert_eq!((job.owner.uid, job.owner.name.as_deref()), (1000, Some("farmer")));
    assert_eq!(job.started, Duration::from_millis(10_420));
    assert_eq!((job.arguments.k, job.arguments.threads), (Some(25), Some(4)));
    assert!(job.needs.plot.is_some() && job.needs.peak.temp.is_some());
}

#[test]
fn a_process_becomes_a_plotter_by_exec_and_ceases_to_be_one() {
    let mut registry = with(&[process(42, 1, "bash -c run")]);
    assert!(jobs(&mut registry).is_empty());
    let plotter = process(42, 1, "chia_plot -k 32 -t /a");
    assert!(registry.needs_facts(&stat(&plotter)), "another name");
    take(&mut registry, &plotter);
    assert!(!registry.needs_facts(&stat(&plotter)), "known now");
    assert_eq!(described(&mut registry), ["madmax 42: 42"]);
    take(&mut registry, &process(42, 1, "sleep 5"));
    assert!(jobs(&mut registry).is_empty());
}

#[test]
fn a_pid_that_is_used_again_is_another_job() {
    let first = process(42, 1, "chia plots create -k 22");
    let mut registry = with(std::slice::from_ref(&first));
    let io = |wchar| Observation { io: Some(IoCounters { wchar, ..IoCounters::default() }), ..Observation::default() };
    let before = registry
        .observe(at(60), &BTreeMap::from([(JobId::new("chiapos", first.identity), io(900_000_000))]))
        .pop()
        .unwrap();
    let mut second = first.clone();
    second.identity = Identity { pid: 42, start_ticks: 5000 };
    assert!(registry.needs_facts(&stat(&second)));
    take(&mut registry, &second);
    let after =
        registry.observe(at(61), &BTreeMap::from([(JobId::new("chiapos", second.identity), io(1000))])).pop().unwrap();
    assert_ne!(before.id, after.id);
    assert!(before.progress.ratio.unwrap().0 > 0.8 && after.progress.ratio.unwrap().0 < 0.01);
}

#[test]
fn zombies_and_vanished_processes_are_no_jobs() {
    let facts =
        [process(42, 1, "chia_plot -k 32 -t /a"), process(43, 1, "chia_plot -k 32 -t /b"), process(44, 1, "cat")];
    let mut registry = with(&facts);
    let mut zombie = stat(&facts[0]);
    zombie.state = RunState::Zombie;
    assert!(!registry.needs_facts(&zombie));
    assert_eq!(described(&mut registry).len(), 2, "a main thread may end before its process");
    zombie.threads = 1;
    assert!(!registry.needs_facts(&zombie));
    assert_eq!(described(&mut registry), ["madmax 43: 43"]);
    registry.retain(|identity| identity.pid == 44);
    assert!(jobs(&mut registry).is_empty());
    registry.forget(4711);
}

#[test]
fn a_wrapper_that_dies_leaves_its_plotter_with_all_that_was_known() {
    let wrapper = process(20, 1, "chia plotters madmax -k 25 -t /a");
    let plotter = process(30, 20, "chia_plot -k 25 -t /a");
    let mut registry = with(&[process(1, 0, "init"), wrapper, plotter.clone()]);
    let id = JobId::new("madmax", plotter.identity);
    let seen = Observation { threads: Some(vec!["phase2/mark".to_owned()]), ..Observation::default() };
    registry.observe(at(60), &BTreeMap::from([(id.clone(), seen)]));
    registry.forget(20);
    let mut orphan = stat(&plotter);
    orphan.parent = 1;
    assert!(!registry.needs_facts(&orphan), "a new parent is no new program");
    let job = jobs(&mut registry).pop().unwrap();
    assert_eq!((job.id, job.processes), (id, vec![plotter.identity]));
    assert_eq!(job.progress.ratio, Some(Ratio(0.42)));
}

#[test]
fn parents_in_a_circle_do_no_harm() {
    let line = "chia plots create -k 22";
    let mut registry = with(&[process(20, 30, line), process(30, 20, line), process(40, 40, line)]);
    assert!(jobs(&mut registry).len() <= 3);
}

#[test]
fn pauses_are_not_running_time() {
    let facts = process(42, 1, "chia plots create -k 22");
    let mut registry = with(std::slice::from_ref(&facts));
    let id = JobId::new("chiapos", facts.identity);
    let io = Some(IoCounters { wchar: 511_000_000, ..IoCounters::default() });
    let seen = Observation { io, paused: Duration::from_secs(100), ..Observation::default() };
    // Started 10.42 s after boot, 120 s old, 20 s of them running, half done.
    let job = registry
        .observe(Moment { boot: Duration::from_millis(130_420), ..at(0) }, &BTreeMap::from([(id, seen)]))
        .pop()
        .unwrap();
    assert!((19..=21).contains(&job.progress.eta.unwrap().as_secs()), "{:?}", job.progress);
}

#[test]
fn temp_files_are_matched_by_plot_id() {
    let facts = process(42, 1, "chia_plot -k 25 -t /a -2 /b/");
    let mut registry = with(std::slice::from_ref(&facts));
    let id = JobId::new("madmax", facts.identity);
    jobs(&mut registry);
    assert!(registry.temp_patterns(&id).is_empty(), "no plot id, no pattern");
    let link = format!("/a/plot-k25-2026-11-23-06-55-{ID}.p1.t1.sort_bucket_000.tmp");
    let seen = Observation { files: Some(vec![OpenFile { fd: 5, link: link.into() }]), ..Observation::default() };
    registry.observe(at(60), &BTreeMap::from([(id.clone(), seen)]));
    let patterns = registry.temp_patterns(&id);
    let directories: Vec<&Path> = patterns.iter().map(|pattern| pattern.directory.as_path()).collect();
    assert_eq!(directories, [Path::new("/a"), Path::new("/b")]);
    for (name, own) in [
        (format!("plot-k25-2026-11-23-06-55-{ID}.p1.t1.sort_bucket_000.tmp"), true),
        (format!("plot-k25-2026-11-23-06-55-{ID}.plot.tmp"), true),
        (format!("plot-k25-2026-11-23-06-55-{OTHER_ID}.p1.t1.sort_bucket_000.tmp"), false),
        (format!("plot-k25-2026-11-23-06-55-{ID}.plot"), false),
        (format!("x{ID}.tmp"), false),
    ] {
        assert_eq!(patterns[0].matches(&name), own, "{name}");
    }
}

#[test]
fn temp_files_without_id_belong_to_the_only_plotter_of_their_directory() {
    let facts = process(42, 1, "bladebit diskplot -t1 /a -t2 /b /out");
    let mut registry = with(std::slice::from_ref(&facts));
    jobs(&mut registry);
    let patterns = registry.temp_patterns(&JobId::new("bladebit-disk", facts.identity));
    let matches = |directory: &str, name: &str| {
        patterns.iter().any(|pattern| pattern.directory == Path::new(directory) && pattern.matches(name))
    };
    assert!(
        matches("/a", "t1_0.tmp")
            && matches("/a", "map3_12.tmp")
            && matches("/b", "y0_12.tmp")
            && matches("/b", "meta0_7.tmp")
    );
    assert!(!matches("/a", "plot-k32-x.plot") && !matches("/a", "t9_0.tmp") && !matches("/out", "t1_0.tmp"));
}

#[test]
fn ten_thousand_strangers_cost_little() {
    let mut registry = registry();
    let crowd: Vec<ProcessFacts> = (1000..11_000).map(|pid| process(pid, pid - 1, "sleep 1000")).collect();
    for facts in &crowd {
        take(&mut registry, facts);
    }
    take(&mut registry, &process(42, 1, "chia plots create"));
    assert_eq!(described(&mut registry), ["chiapos 42: 42"]);
    assert!(crowd.iter().all(|facts| !registry.needs_facts(&stat(facts))), "nobody is read twice");
}
