//! Evidence and its order of trust: threads, files, bytes, log; one plot after another; time left; standstill.

use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::super::evidence::Observation;
use super::super::progress::Tracker;
use super::super::{Evidence, Follows, LogChunk, Phase, Progress};
use super::{ID, OTHER_ID, process, read, shipped};
use crate::kernel::process::{IoCounters, OpenFile};
use crate::units::Ratio;

/// A plotter under observation.
struct Watched {
    command_line: &'static str,
    tracker: Tracker,
}

impl Watched {
    fn new(command_line: &'static str) -> Self {
        Self { command_line, tracker: Tracker::default() }
    }

    fn at(&mut self, second: u64, seen: &Observation) -> Progress {
        let profiles = shipped();
        let (profile, command_line) = read(&profiles, &process(1, 0, self.command_line)).unwrap();
        self.tracker.observe(profile, &command_line, Duration::from_secs(second), seen)
    }
}

fn threads(names: &[&str]) -> Observation {
    Observation { threads: Some(names.iter().map(|name| (*name).to_owned()).collect()), ..Observation::default() }
}

/// Open files of a plot, `*` standing for its name.
fn files(id: &str, names: &[&str]) -> Observation {
    let open = |(fd, name): (usize, &&str)| OpenFile {
        fd: i32::try_from(fd).unwrap(),
        link: PathBuf::from(name.replace('*', &format!("/tmp/x/plot-k25-2026-11-23-06-55-{id}"))),
    };
    Observation { files: Some(names.iter().enumerate().map(open).collect()), ..Observation::default() }
}

fn written(bytes: u64) -> Observation {
    let io = IoCounters { wchar: bytes, write_bytes: bytes / 2, ..IoCounters::default() };
    Observation { io: Some(io), ..Observation::default() }
}

fn log(text: &str) -> Observation {
    let chunk = LogChunk { bytes: text.as_bytes().to_vec(), follows: Follows::Seamlessly };
    Observation { log: Some(chunk), ..Observation::default() }
}

fn number(phase: u8) -> Phase {
    Phase::Number(phase)
}

#[test]
fn threads_are_trusted_before_files_bytes_and_log() {
    let everything = Observation {
        threads: threads(&["chia_plot", "phase2/mark/0", "Disk/read"]).threads,
        files: files(ID, &["*.p1.t7.sort_bucket_0.tmp"]).files,
        io: written(11_000_000_000).io,
        log: log("Phase 3 took 1 sec\n").log,
        ..Observation::default()
    };
    let line = "chia_plot -k 25 -t /tmp/x";
    let phase_from = |seen: &Observation| {
        let progress = Watched::new(line).at(1, seen);
        (progress.phase.unwrap().to_string(), progress.phase_from.unwrap())
    };
    assert_eq!(phase_from(&everything), ("2".to_owned(), Evidence::ThreadNames));
    let without = Observation { threads: None, ..everything.clone() };
    assert_eq!(phase_from(&without), ("1".to_owned(), Evidence::OpenFiles));
    let without = Observation { files: Some(Vec::new()), ..without };
    assert_eq!(phase_from(&without), ("3".to_owned(), Evidence::ByteOdometer));
    let without = Observation { io: None, ..without };
    assert_eq!(phase_from(&without), ("4".to_owned(), Evidence::Log));
    assert_eq!(Watched::new(line).at(1, &Observation::default()), Progress::default(), "nothing seen, nothing said");
}

#[test]
fn files_of_the_phase_before_do_not_hold_madmax_back() {
    let line = "chia_plot -k 25 -t /tmp/x";
    let table = [
        (&["*.p1.t3.sort_bucket_001.tmp", "*.p1.t4.sort_bucket_001.tmp", "*.p1.table2.tmp"][..], 1, Some(4)),
        (
            &["*.p1.table1.tmp", "*.p1.table5.tmp", "*.p2.t7.sort_bucket_000.tmp", "*.p2.t6.sort_bucket_000.tmp"],
            2,
            Some(6),
        ),
        (
            &[
                "*.p2.t2.sort_bucket_000.tmp",
                "*.p2.t7.sort_bucket_000.tmp",
                "*.p3s1.t2.sort_bucket_000.tmp",
                "*.plot.tmp",
            ],
            3,
            Some(2),
        ),
        (&["*.plot.tmp"], 4, None),
    ];
    for (names, phase, table) in table {
        let progress = Watched::new(line).at(1, &files(ID, names));
        assert_eq!((progress.phase, progress.table), (Some(number(phase)), table), "{names:?}");
        assert_eq!(progress.plot_id.as_deref(), Some(ID));
    }
}

/// What a real chiapos at k22 had open and had written when its log said that a table began.
#[test]
fn a_real_chiapos_plot() {
    const ALWAYS: [&str; 3] = ["*.plot.sort.tmp", "*.plot.table7.tmp", "*.plot.2.tmp"];
    let moments: [(u64, &[&str], u8, Option<u8>); 13] = [
        (447, &["*.plot.p1.t1.sort_bucket_000.tmp"], 1, Some(1)),
        (94_689_962, &["*.plot.p1.t2.sort_bucket_000.tmp", "*.plot.p1.t3.sort_bucket_000.tmp"], 1, Some(3)),
        (282_808_876, &["*.plot.p1.t4.sort_bucket_015.tmp", "*.plot.p1.t5.sort_bucket_000.tmp"], 1, Some(5)),
        (432_707_874, &["*.plot.p1.t6.sort_bucket_015.tmp", "*.plot.p1.t7.sort_bucket_000.tmp"], 1, Some(7)),
        (476_088_097, &["*.plot.p2.t7.sort_bucket_000.tmp"], 2, Some(7)),
        (529_556_481, &["*.plot.table5.tmp"], 2, None),
        (600_643_546, &["*.plot.p2.t2.sort_bucket_000.tmp"], 2, Some(2)),
        (624_055_357, &["*.plot.p3.t2.sort_bucket_000.tmp", "*.plot.table1.tmp"], 3, Some(2)),
        (744_253_780, &["*.plot.p3.t4.sort_bucket_000.tmp", "*.plot.p2.t4.sort_bucket_015.tmp"], 3, Some(4)),
        (865_447_273, &["*.plot.p3s.t5.sort_bucket_015.tmp", "*.plot.p3.t6.sort_bucket_000.tmp"], 3, Some(6)),
        (929_492_155, &["*.plot.p3.t7.sort_bucket_000.tmp"], 3, Some(7)),
        (1_010_000_000, &["*.plot.p3s.t7.sort_bucket_015.tmp"], 4, None),
        (1_016_120_465, &[], 4, None),
    ];
    let mut watched = Watched::new("python3 /x/ProofOfSpace create -k 22 -t /tmp/x");
    let mut before = 0.0;
    for (second, (bytes, open, phase, table)) in moments.into_iter().enumerate() {
        let names: Vec<&str> = ALWAYS.iter().chain(open).copied().collect();
        let seen = Observation { files: files(ID, &names).files, io: written(bytes).io, ..Observation::default() };
        let progress = watched.at(second as u64, &seen);
        assert_eq!((progress.phase, progress.table), (Some(number(phase)), table), "{bytes}: {names:?}");
        assert_eq!(progress.ratio_from, Some(Evidence::ByteOdometer));
        let (ratio, share) = (progress.ratio.unwrap().0, crate::units::float(bytes) / 1_016_120_465.0);
        assert!((ratio - share).abs() < 0.02, "{ratio} where {share} of the bytes were written");
        assert!(ratio >= before && ratio < 1.0);
        before = ratio;
    }
}

#[test]
fn only_the_log_says_done() {
    let mut watched = Watched::new("chia plots create -k 22");
    let all = watched.at(16, &written(1_023_000_000));
    assert!((0.99..1.0).contains(&all.ratio.unwrap().0), "{all:?}");
    let seen = Observation {
        io: written(1_023_000_000).io,
        ..log("Progress update: 0.98\nTime for phase 4 = 1\nRenamed final file from \"a\"\n")
    };
    let done = watched.at(17, &seen);
    assert_eq!((done.phase, done.ratio.unwrap().0, done.plots_done), (Some(Phase::Done), 1.0, 1));
    assert_eq!(done.eta, Some(Duration::ZERO));
}

#[test]
fn a_log_that_an_earlier_plotter_has_filled_says_nothing_of_this_one() {
    let mut watched = Watched::new("chia plots create -k 22");
    let old = format!("ID: {OTHER_ID}\nProgress update: 0.98\nTime for phase 4 = 1\nRenamed final file from \"a\"\n");
    let begun = watched.at(1, &Observation { io: written(100).io, ..log(&old) });
    assert_eq!((begun.phase, begun.plot_id, begun.plots_done), (Some(number(1)), None, 0));
    let own = watched.at(2, &Observation { io: written(200).io, ..log(&format!("ID: {ID}\nComputing table 1\n")) });
    assert_eq!((own.phase, own.plot_id.as_deref(), own.table, own.plots_done), (Some(number(1)), Some(ID), Some(1), 0));
}

#[test]
fn each_plot_of_a_process_begins_at_its_own_bytes() {
    let plot = 11_277_000_000_u64;
    let mut watched = Watched::new("chia_plot -k 25 -n -1 -t /tmp/x");
    let seen = |id: &str, name: &str, bytes: u64| Observation { io: written(bytes).io, ..files(id, &[name]) };
    watched.at(1, &seen(ID, "*.p1.t1.sort_bucket_0.tmp", 1000));
    let late = watched.at(160, &seen(ID, "*.p3s2.t6.sort_bucket_0.tmp", plot * 95 / 100));
    assert!(late.ratio.unwrap().0 > 0.9);
    // The first is still being copied; its bytes count, but cannot carry the next out of its phase.
    let begun = seen(OTHER_ID, "*.p1.t1.sort_bucket_0.tmp", plot);
    let next = watched.at(170, &begun);
    assert!(
        next.ratio.unwrap().0 < 0.01 && next.plot_id.as_deref() == Some(OTHER_ID) && next.plots_done == 1,
        "{next:?}"
    );
    let stale = watched.at(171, &files(ID, &["*.plot.tmp"]));
    assert_eq!(
        (stale.plot_id.as_deref(), stale.phase),
        (Some(OTHER_ID), Some(number(1))),
        "the copy of the first says nothing"
    );
    let half = watched.at(250, &seen(OTHER_ID, "*.p2.t5.sort_bucket_0.tmp", plot + plot * 55 / 100));
    assert!((0.5..0.6).contains(&half.ratio.unwrap().0), "{half:?}");
    assert!((60..70).contains(&half.eta.unwrap().as_secs()), "80 s for 55 %: {:?}", half.eta);
}

#[test]
fn a_plotter_first_seen_in_its_third_plot() {
    let third = 2 * 1_023_000_000 + 300_000_000;
    let progress = Watched::new("chia plots create -k 22 -n 5").at(50, &written(third));
    assert!((0.25..0.35).contains(&progress.ratio.unwrap().0), "{progress:?}");
    assert_eq!(progress.eta, None, "nothing is known of its speed yet");
    let one = Watched::new("chia plots create -k 22").at(50, &written(third));
    assert!(one.ratio.unwrap().0 > 0.99, "a process of one plot that wrote more is just copying");
}

#[test]
fn threads_tell_the_next_plot_where_nothing_else_does() {
    let mut watched = Watched::new("chia_plot -k 25 -n 2 -t /tmp/x");
    watched.at(10, &threads(&["phase3/merge"]));
    watched.at(20, &threads(&["phase4/read", "phase4/P7"]));
    let gap = watched.at(21, &threads(&["chia_plot", "final/copy"]));
    assert_eq!((gap.phase, gap.plots_done), (Some(number(4)), 0), "between tables the last word holds");
    let next = watched.at(22, &threads(&["chia_plot", "final/copy", "phase1/F1/0"]));
    assert_eq!((next.phase, next.plots_done, next.ratio.unwrap().0), (Some(number(1)), 1, 0.0));
}

#[test]
fn without_bytes_progress_comes_from_the_log_and_without_log_from_the_phase() {
    let mut watched = Watched::new("chia_plot -k 25 -t /tmp/x");
    let by_phase = watched.at(10, &threads(&["phase2/mark"]));
    assert_eq!((by_phase.ratio.unwrap().0, by_phase.ratio_from), (0.42, Some(Evidence::ThreadNames)));
    let seen = Observation { log: log("[P2] Table 5 rewrite took 1 sec\n").log, ..threads(&["phase2/mark"]) };
    let by_log = watched.at(11, &seen);
    assert_eq!((by_log.ratio.unwrap().0, by_log.ratio_from, by_log.table), (0.51, Some(Evidence::Log), Some(4)));
}

#[test]
fn pos2_writes_only_at_its_end() {
    let line = "plotter test 28 179fb23be317c6752fc25511b293acaee9e1b52c1c4d098bc72bff35169deb8c";
    let mut watched = Watched::new(line);
    let silent = watched.at(100, &written(20_000));
    assert_eq!((silent.phase, silent.ratio), (None, None), "a pipe for a log: nothing is known but that it runs");
    let writing = watched.at(210, &written(300_000_000));
    assert_eq!((writing.phase, writing.phase_from), (Some(Phase::Writing), Some(Evidence::ByteOdometer)));
    assert_eq!(writing.ratio, Some(Ratio(0.95)), "bytes do not measure the progress of a plotter that computes first");
}

#[test]
fn eta_is_silent_at_first_and_then_near() {
    let mut watched = Watched::new("chia plots create -k 22");
    let total = 1_023_000_000_u64;
    assert_eq!(watched.at(1, &written(total / 100)).eta, None);
    for second in 2..=80 {
        let progress = watched.at(second, &written(total * second / 100));
        if second >= 10 {
            let left = progress.eta.unwrap().as_secs();
            assert!(left.abs_diff(100 - second) <= 2, "{left} s at second {second}");
        }
    }
    // Our pauses are not running time: the caller's clock stands still, and so does the prediction.
    let held = watched.at(80, &written(total * 80 / 100)).eta;
    assert_eq!(held, watched.at(80, &written(total * 80 / 100)).eta);
}

#[test]
fn eta_recovers_from_a_start_that_was_too_fast() {
    let total = 1_023_000_000_u64;
    for scale in [1, 600] {
        let mut watched = Watched::new("chia plots create -k 22");
        // A tenth of the bytes in the first two of 38 parts of the time, the rest at an even speed.
        for part in 1..=38_u64 {
            let share = if part <= 2 { part * 50 } else { 100 + (part - 2) * 25 };
            let left = watched.at(part * scale, &written(total * share / 1000)).eta.unwrap().as_secs() / scale;
            assert!(part < 19 || left.abs_diff(38 - part) <= 4, "{left} parts left at part {part}");
        }
    }
}

#[test]
fn a_sleeping_plotter_without_a_log_is_stalled_after_a_minute_of_silence() {
    let mut watched = Watched::new("chia plots create -k 22");
    let idle = |bytes| Observation { cpu: Some(Duration::from_secs(9)), ..written(bytes) };
    assert!(!watched.at(10, &idle(1000)).stalled);
    assert!(!watched.at(69, &idle(1000)).stalled);
    assert!(watched.at(71, &idle(1000)).stalled);
    assert!(!watched.at(72, &idle(2000)).stalled, "it writes again");
    let blind = written(2000);
    assert!(!watched.at(500, &blind).stalled, "without its CPU time nothing can be said");
    let mut madmax = Watched::new("chia_plot -k 25 -t /a");
    madmax.at(10, &idle(1000));
    assert!(!madmax.at(500, &idle(1000)).stalled, "it aborts instead of sleeping");
}

#[test]
fn a_stall_in_the_log_ends_when_bytes_flow_again() {
    let mut watched = Watched::new("chia plots create -k 22");
    let full = "Only wrote 1 of 2 bytes at 3 to \"x\". Error 28. Retrying in five minutes.\n";
    let stuck = Observation { io: written(5_000_000).io, ..log(full) };
    assert!(watched.at(10, &stuck).stalled);
    assert!(watched.at(200, &written(5_000_100)).stalled);
    assert!(!watched.at(310, &written(9_000_000)).stalled);
}

fn any_observation() -> impl Strategy<Value = Observation> {
    let names = prop::sample::select(vec![
        "phase1/F1",
        "phase2/mark",
        "phase3/merge",
        "phase4/read",
        "final/copy",
        "chia_plot",
    ]);
    let links = prop::sample::select(vec![
        "*.p1.t3.sort_bucket_0.tmp",
        "*.p2.t5.sort_bucket_0.tmp",
        "*.p3s1.t3.x",
        "*.p3s2.t7.x",
        "*.plot.tmp",
        "pipe:[1]",
        "*.plot.p1.t9.sort_bucket_0.tmp",
        "*.plot.p3s.t7.sort_bucket_1.tmp",
    ]);
    let log_lines = prop::sample::select(vec![
        "Phase 1 took 1 sec\n",
        "Phase 3 took 1 sec\n",
        "[P1] Table 9 took 1 sec\n",
        "Started copy to x\n",
        "Progress update: 9e9\n",
        "Renamed final plot to x\n",
        "Starting phase 3/4: x\n",
        "Renamed final file from x\n",
        "half a li",
        "ID: 179fb23be317c6752fc25511b293acaee9e1b52c1c4d098bc72bff35169deb8c\n",
        "Progress update: .5\n",
        "\u{0}\u{0}\n",
    ]);
    let id = prop::sample::select(vec![ID, OTHER_ID]);
    (
        prop::option::of(prop::collection::vec(names, 0..4)),
        prop::option::of((id, prop::collection::vec(links, 0..4))),
        prop::option::of(any::<u64>()),
        prop::option::of(prop::collection::vec(log_lines, 0..4)),
        prop::option::of(0_u64..1000),
    )
        .prop_map(|(names, links, bytes, lines, cpu)| Observation {
            threads: names.and_then(|names| threads(&names).threads),
            files: links.and_then(|(id, links)| files(id, &links).files),
            io: bytes.and_then(|bytes| written(bytes).io),
            log: lines.and_then(|lines| log(&lines.concat()).log),
            cpu: cpu.map(Duration::from_secs),
            paused: Duration::ZERO,
        })
}

fn same_plot(before: &Progress, now: &Progress) -> bool {
    before.phase != Some(Phase::Done) && before.plots_done == now.plots_done && before.plot_id == now.plot_id
}

proptest! {
    #[test]
    fn progress_is_a_share_and_never_falls_within_a_plot(
        line in prop::sample::select(vec!["chia_plot -k 25 -n -1 -t /tmp/x", "chia plots create -k 22 -n 100", "chia_plot -k x -t /a"]),
        observations in prop::collection::vec((any_observation(), 0_u64..1_000_000), 1..30),
    ) {
        let mut watched = Watched::new(line);
        let mut before: Option<Progress> = None;
        for (seen, second) in observations {
            let now = watched.at(second, &seen);
            if let Some(ratio) = now.ratio {
                prop_assert!((0.0..=1.0).contains(&ratio.0), "{ratio:?}");
                prop_assert!(ratio.0 < 1.0 || now.phase == Some(Phase::Done), "1 only when done");
            }
            prop_assert_eq!(now.phase.is_some(), now.phase_from.is_some());
            prop_assert_eq!(now.ratio.is_some(), now.ratio_from.is_some());
            prop_assert!(now.table.is_none_or(|table| table <= 9));
            if let Some(before) = before.filter(|before| same_plot(before, &now)) {
                prop_assert!(now.ratio >= before.ratio, "{before:?} then {now:?}");
            }
            before = Some(now);
        }
    }
}
