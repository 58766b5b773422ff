//! What an operator may rely on: sums that never fall, names that are right, and nothing made up.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::table::Table;
use super::*;
use crate::clock::Moment;
use crate::kernel::fixture::{FakeProcess, Fixture, at};
use crate::kernel::{Roots, clock};

fn second(number: u64) -> Moment {
    at(Duration::from_secs(number))
}

fn table(roots: &Roots, groups: &str) -> Table {
    // A file of a folder that is kept open outlives its removal, unlike one of procfs.
    let room = if *roots == Roots::standard() { 1000 } else { 0 };
    let groups = ProcessGroups::from_text(Path::new("g.yaml"), &format!("schema: 1\ngroups:\n{groups}\n")).unwrap();
    Table::new(roots, groups, BTreeMap::from([(1000, "chia".to_owned())]), room).unwrap()
}

fn appeared(pids: &[i32]) -> News {
    News { appeared: pids.to_vec(), jobs: Vec::new(), memory_total: Some(Bytes(1 << 20)) }
}

fn group<'a>(sample: &'a ProcessesSample, name: &str) -> &'a GroupSample {
    sample.groups.iter().find(|group| &*group.name == name).unwrap_or_else(|| panic!("no group {name}: {sample:#?}"))
}

fn process(pid: i32, start_ticks: u64, comm: &str, user_ticks: u64) -> FakeProcess<'_> {
    FakeProcess { pid, start_ticks, comm, user_ticks, ..FakeProcess::IDLE }
}

#[test]
fn what_ended_processes_counted_stays_counted() {
    let fixture = Fixture::new();
    fixture.process(&process(7, 100, "cp", 200)).process(&process(8, 300, "cp", 100)).process(&process(9, 1, "sh", 1));
    let mut table = table(&fixture.roots, "- {name: copier, comm: [cp]}");
    let cpu = |sample: &ProcessesSample| group(sample, "copier").cpu_user;
    let first = table.sweep(&appeared(&[7, 8, 9]), second(10));
    assert_eq!((cpu(&first), first.processes), (clock::ticks(300), 3));
    let copier = group(&first, "copier");
    assert_eq!((copier.processes, copier.threads, copier.states.sleeping), (2, 2, 2));
    assert_eq!((copier.read, copier.written), (Some(Bytes(8192)), Some(Bytes(16384))));
    assert_eq!(copier.oldest_start, Some(clock::ticks(100)));
    fixture.remove("proc/8").process(&process(7, 100, "cp", 250));
    let second_sweep = table.sweep(&appeared(&[]), second(15));
    assert_eq!((cpu(&second_sweep), group(&second_sweep, "copier").processes), (clock::ticks(350), 1));
    // The number is used again, by a process of another group.
    fixture.process(&process(7, 900, "sh", 5));
    let third = table.sweep(&appeared(&[7]), second(20));
    assert_eq!((cpu(&third), group(&third, "copier").processes), (clock::ticks(350), 0));
    assert_eq!(group(&third, ProcessGroups::OTHER).cpu_user, clock::ticks(6));
    assert_eq!(group(&third, "copier").oldest_start, None);
}

#[test]
fn another_program_or_name_is_another_group() {
    let fixture = Fixture::new();
    fixture.process(&process(7, 100, "sh", 10));
    let mut table = table(
        &fixture.roots,
        "- {name: farm, comm: [farmd]}\n- {name: 'in {match.d}', cmdline: ['--dir (?P<d>\\w+)']}",
    );
    table.sweep(&appeared(&[7]), second(10));
    // It gives itself a name, which no event tells.
    fixture.process(&process(7, 100, "farmd", 30));
    let named = table.sweep(&appeared(&[]), second(15));
    assert_eq!(group(&named, "farm").cpu_user, clock::ticks(20), "what it did before was another's");
    fixture.process(&FakeProcess { argv: &["x", "--dir", "plots"], ..process(7, 100, "x", 35) });
    let execed = table.sweep(&appeared(&[7]), second(20));
    assert_eq!((group(&execed, "in plots").processes, group(&execed, "farm").processes), (1, 0));
}

#[test]
fn what_cannot_be_read_is_unknown_and_not_zero() {
    let fixture = Fixture::new();
    fixture.process(&process(7, 100, "cp", 10)).remove("proc/7/io").remove("proc/7/status");
    let mut table = table(&fixture.roots, "- {name: copier, comm: [cp]}");
    let sample = table.sweep(&appeared(&[7, 4711]), second(10));
    let copier = group(&sample, "copier");
    assert_eq!((copier.read, copier.written, copier.swapped), (None, None, None));
    assert_eq!((copier.open_files, copier.worst_open_files, copier.context_switches), (None, None, None));
    assert_eq!((sample.processes, sample.problems.len()), (1, 0), "one that is gone is no problem");
    fixture.process(&process(8, 100, "cp", 10)).file("proc/8/stat", "8 (cp) S 1");
    let sample = table.sweep(&appeared(&[8]), second(15));
    assert!(sample.problems[0].reason.contains("proc/8/stat"), "{:?}", sample.problems);
    assert_eq!(sample.processes, 1);
}

#[test]
fn no_more_groups_are_made_than_are_bearable() {
    let fixture = Fixture::new();
    let pids: Vec<i32> = (1000..1300).collect();
    for pid in &pids {
        fixture.process(&process(*pid, 1, &format!("p{pid}"), 1));
    }
    let mut table = table(&fixture.roots, "- {name: '{comm}', cmdline: ['']}");
    let sample = table.sweep(&appeared(&pids), second(10));
    assert_eq!(sample.groups.len(), ProcessGroups::MOST);
    assert_eq!(group(&sample, ProcessGroups::OTHER).processes, 300 + 1 - ProcessGroups::MOST as u64);
    assert_eq!(sample.crowded_out, 300 + 1 - ProcessGroups::MOST as u64);
}

#[test]
fn who_uses_most_has_a_name_unless_it_is_a_job() {
    let fixture = Fixture::new();
    let at_work = |ticks: u64, written: u64| {
        for (pid, comm) in [(7, "ffmpeg"), (8, "chia_plot"), (9, "idle")] {
            let ticks = if pid == 9 { 1 } else { ticks };
            fixture.process(&process(pid, 100, comm, ticks));
            let io = format!(
                "rchar: 1\nwchar: 1\nsyscr: 1\nsyscw: 1\nread_bytes: 0\nwrite_bytes: {written}\ncancelled_write_bytes: 0\n"
            );
            fixture.file(&format!("proc/{pid}/io"), io);
        }
    };
    let mut table = table(&fixture.roots, "- {name: x, comm: [x]}");
    at_work(0, 0);
    let jobs = vec![8];
    let first = table.sweep(&News { jobs: jobs.clone(), ..appeared(&[7, 8, 9]) }, second(10));
    assert_eq!((first.top_cpu.len(), first.top_io.len()), (0, 0), "a rate needs two sweeps");
    // 25 pages are a tenth of 1 MiB.
    assert_eq!(first.top_memory.iter().map(|top| top.pid).collect::<Vec<_>>(), [7, 9]);
    at_work(1000, 50_000_000);
    let second = table.sweep(&News { jobs, ..appeared(&[]) }, second(15));
    let cpus = clock::ticks(1000).as_secs_f64() / 5.0;
    let top = TopProcess { pid: 7, comm: "ffmpeg".to_owned(), user: Some("chia".to_owned()), value: cpus };
    assert_eq!(second.top_cpu, [top]);
    let io: Vec<_> = second.top_io.iter().map(|top| (top.pid, top.value)).collect();
    assert_eq!(io, [(7, 1e7), (9, 1e7)]);
}

/// Real processes, ended with the value.
struct Sleepers(Vec<Child>);

impl Sleepers {
    fn new(count: usize) -> Self {
        let sleeper = || Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
        Self((0..count).map(|_| sleeper()).collect())
    }

    fn pids(&self) -> Vec<i32> {
        self.0.iter().map(|child| child.id().cast_signed()).collect()
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn real_processes_that_do_nothing_are_not_read_again() {
    let sleepers = Sleepers::new(20);
    let mut table = table(&Roots::standard(), "- {name: 'sleeps as {exe}', comm: [sleep]}");
    std::thread::sleep(Duration::from_millis(100));
    table.sweep(&appeared(&sleepers.pids()), second(10));
    let later = table.sweep(&appeared(&[]), second(15));
    let name = format!(
        "sleeps as {}",
        crate::kernel::process::read_facts(&Roots::standard(), sleepers.pids()[0])
            .unwrap()
            .exe
            .unwrap()
            .file_name()
            .unwrap()
            .display()
    );
    let sleeping = group(&later, &name);
    assert_eq!((sleeping.processes, sleeping.states.sleeping), (20, 20));
    assert!(sleeping.resident > Bytes(20 << 16) && sleeping.virtual_size > sleeping.resident);
    assert!(sleeping.worst_open_files.unwrap() < 0.1 && sleeping.open_files.unwrap() >= 60);
    if sleeping.context_switches.is_some() {
        assert_eq!(later.unchanged, 20);
    }
    drop(sleepers);
    let empty = table.sweep(&appeared(&[]), second(20));
    assert_eq!((group(&empty, &name).processes, empty.processes), (0, 0));
    assert_eq!(group(&empty, &name).minor_faults, sleeping.minor_faults);
}

#[test]
fn a_zombie_is_counted_as_one() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id().cast_signed();
    let mut table = table(&Roots::standard(), "- {name: x, comm: ['true']}");
    let start = Instant::now();
    while crate::kernel::process::read_stat(&Roots::standard(), pid).unwrap().state != RunState::Zombie {
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    let sample = table.sweep(&appeared(&[pid]), second(10));
    assert_eq!((group(&sample, "x").states.zombie, group(&sample, "x").open_files), (1, Some(0)));
    child.wait().unwrap();
    assert_eq!(table.sweep(&appeared(&[]), second(15)).processes, 0);
}

#[test]
fn sweeps_are_begun_when_it_is_time_and_waited_for_by_nobody() {
    let groups = ProcessGroups::shipped().unwrap();
    let schedule = (Duration::from_secs(5), 100);
    let mut sweeper = Sweeper::start(&Roots::standard(), groups, BTreeMap::new(), schedule, clock::now).unwrap();
    let begin = clock::now();
    let ours = std::process::id().cast_signed();
    assert_eq!(sweeper.poll(begin, || appeared(&[ours])), None);
    let start = Instant::now();
    let sample = loop {
        if let Some(sample) = sweeper.poll(begin, || panic!("begun too early")) {
            break sample;
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    };
    assert_eq!((sample.processes, sample.begun), (1, begin.boot));
    assert!(sample.took > Duration::ZERO && sweeper.problems(begin).is_empty());
    let mut asked = false;
    let later = Moment { boot: begin.boot + Duration::from_secs(5), ..begin };
    sweeper.poll(later, || {
        asked = true;
        News::default()
    });
    assert!(asked);
    let hours_later = Moment { boot: begin.boot + Duration::from_hours(1), ..begin };
    assert_eq!(sweeper.problems(hours_later).len(), 1, "a sweep that hangs is said to be late");
}
