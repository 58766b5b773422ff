//! Logs in the form that the plotters write, replayed: phases in order, progress that only rises, plots counted once.

use std::fmt::Write;
use std::time::Duration;

use super::super::evidence::Observation;
use super::super::progress::Tracker;
use super::super::{Evidence, Follows, LogChunk, Phase, Progress};
use super::{ID, OTHER_ID, process, read, shipped};

/// What was seen after each line, where it changed something.
fn replay(command_line: &str, log: &str) -> Vec<Progress> {
    let profiles = shipped();
    let (profile, command_line) = read(&profiles, &process(1, 0, command_line)).unwrap();
    let mut tracker = Tracker::default();
    let mut seen: Vec<Progress> = Vec::new();
    for (second, line) in log.split_inclusive(['\n', '\r']).enumerate() {
        let chunk = LogChunk { bytes: line.as_bytes().to_vec(), follows: Follows::Seamlessly };
        let observation = Observation { log: Some(chunk), ..Observation::default() };
        seen.push(tracker.observe(profile, &command_line, Duration::from_secs(second as u64), &observation));
    }
    seen
}

/// Phases and tables in the order in which they appeared, such as `1.2 1.3 2 2.7 done`.
fn path(seen: &[Progress]) -> String {
    let mut path = String::new();
    let mut last = String::new();
    for progress in seen {
        let Some(phase) = progress.phase else { continue };
        let mut step = phase.to_string();
        if let Some(table) = progress.table {
            write!(step, ".{table}").unwrap();
        }
        if step != last {
            write!(path, "{}{step}", if path.is_empty() { "" } else { " " }).unwrap();
            last = step;
        }
    }
    path
}

#[track_caller]
fn only_rises(seen: &[Progress]) {
    let ratios: Vec<f64> = seen.iter().filter_map(|progress| progress.ratio).map(|ratio| ratio.0).collect();
    assert!(ratios.is_sorted(), "{ratios:?}");
    for progress in seen {
        let done = progress.phase == Some(Phase::Done);
        assert!(progress.ratio.is_none_or(|ratio| (ratio.0 - 1.0).abs() < 1e-12) == done || progress.ratio.is_none());
        assert!(progress.phase.is_none() || progress.phase_from == Some(Evidence::Log));
    }
}

fn madmax_plot(n: u32, of: u32, id: &str) -> String {
    let mut log = format!("Crafting plot {n} out of {of}\nProcess ID: 17\nPlot Name: plot-k25-2026-11-23-06-55-{id}\n");
    for table in 1..=7 {
        writeln!(log, "[P1] Table {table} took 1.5{table}e+01 sec, found 33554432 matches").unwrap();
    }
    log += "Phase 1 took 96.1 sec\n[P2] max_table_size = 33554432\n";
    for table in (2..=7).rev() {
        writeln!(
            log,
            "[P2] Table {table} scan took 0.5 sec\n[P2] Table {table} rewrite took 1.1 sec, dropped 0 entries"
        )
        .unwrap();
    }
    log += "Phase 2 took 21.9 sec\n";
    for table in 2..=7 {
        writeln!(
            log,
            "[P3-1] Table {table} took 3.1 sec\n[P3-2] Table {table} took 2.8 sec, wrote 29354654 right entries"
        )
        .unwrap();
    }
    log + "Phase 3 took 45.1 sec\nPhase 4 took 3.3 sec, final plot size is 671940000 bytes\nTotal plot creation time was 167 sec\n"
}

#[test]
fn madmax() {
    let log = madmax_plot(1, 1, ID)
        + "Started copy to /out/plot.plot\nCopy to /out/plot.plot finished, took 7 sec, 96 MB/s avg.\n";
    let seen = replay("chia_plot -k 25 -t /a -d /out", &log);
    assert_eq!(
        path(&seen),
        "1.2 1.3 1.4 1.5 1.6 1.7 1 2 2.6 2.5 2.4 2.3 2.2 2.1 3 3.3 3.4 3.5 3.6 3.7 3 4 copying done"
    );
    only_rises(&seen);
    let last = seen.last().unwrap();
    assert_eq!((last.plot_id.as_deref(), last.plots_done), (Some(ID), 1));
}

#[test]
fn a_copy_that_ends_during_the_next_plot_does_not_finish_that_one() {
    let next = madmax_plot(2, 2, OTHER_ID);
    let (begin, rest) = next.split_at(next.find("[P1] Table 3").unwrap());
    let log = madmax_plot(1, 2, ID)
        + begin
        + "Started copy to /out/a.plot\nCopy to /out/a.plot finished, took 7 sec\n"
        + rest;
    let seen = replay("chia_plot -k 25 -n 2 -t /a -d /out", &log);
    let has_id = |progress: &Progress| progress.plot_id.as_deref() == Some(ID);
    let first_of_next = seen.iter().rposition(has_id).unwrap() + 1;
    let (first, second) = seen.split_at(first_of_next);
    only_rises(first);
    only_rises(second);
    assert!(second[0].ratio.unwrap().0 < 0.01, "the next plot begins at nothing");
    assert!(second.iter().all(|progress| progress.phase != Some(Phase::Done)));
    assert_eq!(second.last().unwrap().plots_done, 1);
}

#[test]
fn gigahorse_with_dates_and_a_stall() {
    let mut log = format!(
        "[2026-11-23] Crafting plot 1 out of -1\n[2026-11-23] Plot Name: plot-mmx-k32-c7-2026-11-23-06-55-{ID}\n"
    );
    log += "[2026-11-23] [P1] Setup took 0.5 sec\n";
    for table in 1..=7 {
        writeln!(log, "[2026-11-23] [P1] Table {table} took 9.1 sec, 4294967296 entries").unwrap();
    }
    log += "[2026-11-23] [P2] Setup took 0.2 sec\n[2026-11-23] Waiting for disk flush to complete ...\n";
    for table in 3..=7 {
        writeln!(log, "[2026-11-23] [P3] Table {table} PDSK took 4.2 sec").unwrap();
    }
    log += "[2026-11-23] [P4] Setup took 0.1 sec\nTotal plot creation time was 170 sec\nStarted copy to /out\n";
    let seen = replay("cuda_plot_k32 -C 7 -n -1 -t /a -d /out", &log);
    assert_eq!(path(&seen), "1 1.2 1.3 1.4 1.5 1.6 1.7 1 2 3.4 3.5 3.6 3.7 3 4 copying");
    only_rises(&seen);
    let stalled: Vec<bool> = seen.iter().map(|progress| progress.stalled).collect();
    assert_eq!(stalled.iter().filter(|stalled| **stalled).count(), 1, "until the next step");
}

#[test]
fn bladebit_disk() {
    let mut log = format!("Generating plot 1 / 2: {ID}\nRunning Phase 1\nFinished f1 generation in 48.1 seconds.\n");
    for table in 2..=7 {
        writeln!(log, "Completed table {table} in 301.2 seconds with 4294967296 entries").unwrap();
    }
    log += "Running Phase 2\n";
    for table in (2..=6).rev() {
        writeln!(log, "Finished marking table {table} in 31.0 seconds").unwrap();
    }
    log += "Running Phase 3\n";
    for table in 1..=6 {
        writeln!(log, "Finished compressing tables {table} and {} in 90.2 seconds", table + 1).unwrap();
    }
    let first = log
        + "Finished writing plot plot-k32.plot in 1.0 seconds\nFinished plotting in 3601.2 seconds (60.02 minutes)\n";
    let seen = replay("bladebit -n 2 diskplot -t1 /a /out", &first);
    assert_eq!(path(&seen), "1 1.2 1.3 1.4 1.5 1.6 1.7 1 2 2.5 2.4 2.3 2.2 2.1 3 3.2 3.3 3.4 3.5 3.6 3.7 writing done");
    only_rises(&seen);
    let both = first
        + &format!("Generating plot 2 / 2: {OTHER_ID}\nNo space left in plot output directory. Waiting 10.0 seconds\n");
    let last = replay("bladebit -n 2 diskplot -t1 /a /out", &both).pop().unwrap();
    assert_eq!((last.plots_done, last.plot_id.as_deref(), last.stalled), (1, Some(OTHER_ID), true));
    assert!(last.error.unwrap().starts_with("No space left"));
}

#[test]
fn bladebit_ram() {
    let mut log = format!("Generating plot 1: {ID}\nFinished F1 sort in 3.0 seconds\n");
    for table in 2..=7 {
        writeln!(log, "Finished forward propagating table {table} in 20.1 seconds").unwrap();
    }
    for table in (2..=6).rev() {
        writeln!(log, "  Finished prunning table {table} in 2.1 seconds").unwrap();
    }
    for table in 1..=6 {
        writeln!(log, "  Finished compressing tables {table} and {} in 9.1 seconds", table + 1).unwrap();
    }
    log += "  Writing P7\n  Writing C1\nFinished plotting in 301 seconds\n";
    let seen = replay("bladebit ramplot /out", &log);
    assert_eq!(path(&seen), "1.2 1.3 1.4 1.5 1.6 1.7 1 2.5 2.4 2.3 2.2 2.1 3.2 3.3 3.4 3.5 3.6 3.7 4 done");
    only_rises(&seen);
}

#[test]
fn bladebit_cuda_calls_every_plot_the_first() {
    let plot = |n: u32, id: &str| {
        let mut log = format!("Generating plot {n}: {id}\nFinished F1 in 0.2 seconds.\n");
        for table in 2..=7 {
            writeln!(log, "Table {table} completed in 1.1 seconds with 4294967296 entries.").unwrap();
        }
        log + "Completed Phase 1 in 12.1 seconds\nCompleted Phase 2 in 1.1 seconds\nCompleted Phase 3 in 9.9 seconds\nCompleted Plot 1 in 25.0 seconds ( 0.42 minutes )\n"
    };
    let written = "Completed writing plot in 200.1 seconds\n";
    let next = plot(2, OTHER_ID).replace("Completed Phase 1", &format!("{written}Completed Phase 1"));
    let log = plot(1, ID) + &next;
    let seen = replay("bladebit_cuda -n 2 cudaplot /out", &log);
    let (first, second) =
        seen.split_at(seen.iter().rposition(|progress| progress.plot_id.as_deref() == Some(ID)).unwrap() + 1);
    assert_eq!(path(first), "1.2 1.3 1.4 1.5 1.6 1.7 1 2 3 4 writing");
    only_rises(first);
    only_rises(second);
    assert_eq!(path(second), path(first), "the first plot was written while the second was made");
    assert_eq!(seen.last().unwrap().plots_done, 1);
    assert_eq!(replay("bladebit_cuda -n 2 cudaplot /out", &(log + written)).last().unwrap().plots_done, 2);
}

/// As chiapos 2.0.12 writes it, without the lines about buckets.
fn chiapos_plot(id: &str) -> String {
    let mut log = format!(
        "\nStarting plotting progress into temporary dirs: /a and /a\nID: {id}\nPlot size is: 22\n\nStarting phase 1/4: Forward Propagation into tmp files... Mon Nov 23\n"
    );
    let mut progress = [
        ".01", ".06", ".12", ".2", ".28", ".36", ".42", ".43", ".48", ".51", ".55", ".58", ".61", ".66", ".73", ".79",
        ".85", ".92", ".98",
    ]
    .into_iter();
    let mut update = || format!("Progress update: 0{}\n", progress.next().unwrap());
    for table in 1..=7 {
        write!(log, "Computing table {table}\n{}", update()).unwrap();
    }
    log += "Time for phase 1 = 21.254 seconds. CPU (50.860%)\n\nStarting phase 2/4: Backpropagation into tmp files... Mon Nov 23\n";
    for table in (2..=7).rev() {
        write!(log, "Backpropagating on table {table}\n{}", update()).unwrap();
    }
    log += "Starting phase 3/4: Compression from tmp files into \"/a/x.plot.2.tmp\" ... Mon Nov 23\n";
    for table in 1..=6 {
        write!(log, "Compressing tables {table} and {}\n{}", table + 1, update()).unwrap();
    }
    log + "Time for phase 3 = 6.0 seconds.\nStarting phase 4/4: Write Checkpoint tables into \"/a/x.plot.2.tmp\" ... Mon\nTime for phase 4 = 0.196 seconds. CPU (100.490%)\nCopied final file from \"/a/x.plot.2.tmp\" to \"/out/x.plot.2.tmp\"\nRenamed final file from \"/out/x.plot.2.tmp\" to \"/out/x.plot\"\n"
}

#[test]
fn chiapos() {
    let log = chiapos_plot(ID) + &chiapos_plot(OTHER_ID);
    let seen = replay("chia plots create -k 22 -n 2", &log);
    let (first, second) = seen.split_at(seen.len() / 2);
    for plot in [first, second] {
        assert_eq!(
            path(plot).trim_start_matches("done "),
            "1 1.1 1.2 1.3 1.4 1.5 1.6 1.7 2 2.7 2.6 2.5 2.4 2.3 2.2 3 3.2 3.3 3.4 3.5 3.6 3.7 4 copying done"
        );
    }
    only_rises(first);
    assert_eq!(seen.last().unwrap().plots_done, 2);
    assert_eq!(seen.last().unwrap().plot_id.as_deref(), Some(OTHER_ID));
}

#[test]
fn a_full_disk_is_a_stall_and_an_error_until_the_plotter_goes_on() {
    let log = format!(
        "ID: {ID}\nComputing table 2\nOnly wrote 4096 of 131072 bytes at offset 0 to \"x.tmp\" with length 131072. Error 28. Retrying in five minutes.\n"
    );
    let stuck = replay("chia plots create -k 22", &log).pop().unwrap();
    assert!(stuck.stalled && stuck.error.unwrap().starts_with("Only wrote 4096"));
    let on = replay("chia plots create -k 22", &(log + "Computing table 3\n")).pop().unwrap();
    assert!(!on.stalled && on.error.is_some(), "the error stays to be read");
}

#[test]
fn pos2_draws_its_progress_with_carriage_returns() {
    let log = format!(
        "Allocating memory for plotter\nConstructing Table 1 from 0\r[=         ] 12% Matching T1\r[===       ] 30% Sorting T1\r\
         Constructing Table 2 from 1\n[=====     ] 50% Matching T2\rConstructing Table 3 from 2\n   T3 post-sort started\n\
         Plotting ended.\nWrote plot file: /w/plot_28_{}.bin (988800000 bytes)\n",
        &ID[..8]
    );
    let seen = replay(&format!("plotter test 28 {ID} 2"), &log);
    assert_eq!(path(&seen), "allocating 1.1 2.2 3.3 writing done");
    only_rises(&seen);
    assert_eq!(seen[0].plot_id.as_deref(), Some(ID), "from the command line");
    let failed =
        replay(&format!("plotter test 28 {ID} 2"), "Allocating memory\nFailed with exception: std::bad_alloc\n");
    assert!(failed.last().unwrap().error.as_deref().unwrap().contains("bad_alloc"));
    assert_ne!(failed.last().unwrap().phase, Some(Phase::Done));
}

#[test]
fn xchplot2_counts_its_batch() {
    let log = "progress: plot 1/3 done (33.3%, 2.1 s/plot)\nprogress: plot 2/3 done (66.7%, 2.1 s/plot)\nprogress: plot 3/3 done (100.0%, 2.1 s/plot)\n";
    let seen = replay("xchplot2 batch x.tsv", log);
    let done: Vec<u32> = seen.iter().map(|progress| progress.plots_done).collect();
    assert_eq!(done, [1, 2, 3]);
    let phases: Vec<_> = seen.iter().map(|progress| progress.phase).collect();
    assert_eq!(phases, [None, None, Some(Phase::Done)], "the batch goes on with the next plot");
}

#[test]
fn lines_may_come_in_any_pieces_and_any_bytes() {
    let log = chiapos_plot(ID);
    let mut bytes = log.clone().into_bytes();
    bytes.splice(0..0, [0, 0, 0, 0xff, 0xfe, b'\n']);
    bytes.splice(6..6, std::iter::repeat_n(b'x', 100_000).chain([b'\n']));
    let profiles = shipped();
    let (profile, command_line) = read(&profiles, &process(1, 0, "chia plots create -k 22")).unwrap();
    let mut tracker = Tracker::default();
    let mut last = Progress::default();
    for piece in bytes.chunks(7) {
        let chunk = LogChunk { bytes: piece.to_vec(), follows: Follows::Seamlessly };
        let observation = Observation { log: Some(chunk), ..Observation::default() };
        last = tracker.observe(profile, &command_line, Duration::from_secs(1), &observation);
    }
    assert_eq!((last.phase, last.plot_id.as_deref()), (Some(Phase::Done), Some(ID)));
}

#[test]
fn after_a_gap_the_torn_line_is_not_believed() {
    let profiles = shipped();
    let (profile, command_line) = read(&profiles, &process(1, 0, "chia plots create -k 22")).unwrap();
    let phase_after = |follows| {
        let bytes = b"Computing table 7\nComputing table 3\n".to_vec();
        let chunk = LogChunk { bytes: bytes[..18].to_vec(), follows };
        let observation = Observation { log: Some(chunk), ..Observation::default() };
        Tracker::default().observe(profile, &command_line, Duration::from_secs(1), &observation).table
    };
    assert_eq!(phase_after(Follows::AfterGap), None);
    assert_eq!(phase_after(Follows::Anew), Some(7));
}
