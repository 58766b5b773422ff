//! Needs against what was measured on real plotters.

use super::super::needs::needs;
use super::super::{Needs, Phase, Progress};
use super::{process, read, shipped};
use crate::units::{Bytes, Ratio, float};

fn needs_of(line: &str, phase: Option<u8>) -> Needs {
    needs_at(line, &Progress { phase: phase.map(Phase::Number), ..Progress::default() })
}

fn needs_at(line: &str, progress: &Progress) -> Needs {
    let profiles = shipped();
    let (profile, command_line) = read(&profiles, &process(1, 0, line)).unwrap();
    needs(profile, &command_line, progress)
}

#[track_caller]
fn near(found: Option<Bytes>, expected: f64, share: f64) {
    let found = float(found.unwrap().0);
    assert!((found - expected).abs() <= expected * share, "{found:e} is not within {share} of {expected:e}");
}

#[test]
fn plot_sizes_are_within_two_percent_of_real_files() {
    // Bytes of files made with chiapos 2.0.12 and MadMax; the mean where several were made.
    for (k, measured) in [
        (20, 16.94e6),
        (21, 35.89e6),
        (22, 74.4e6),
        (23, 153.8e6),
        (25, 671.5e6),
        (32, 108.82e9),
        (33, 224.5e9),
        (34, 462e9),
    ] {
        near(needs_of(&format!("chia plots create -k {k}"), None).plot, measured, 0.02);
        near(needs_of(&format!("chia_plot -k {k} -t /a"), None).plot, measured, 0.02);
    }
    let pos2 = |k: u32| needs_of(&format!("plotter test {k} {}", super::ID), None).plot;
    for (k, measured) in [(22, 12.3e6), (26, 230.5e6), (28, 988.8e6)] {
        near(pos2(k), measured, 0.005);
    }
    near(needs_of("bladebit -z 7 ramplot /out", None).plot, 83.8e9, 0.001);
}

#[test]
fn below_k20_the_plot_size_is_right_on_average() {
    // Five plots with chiapos at k18: the number of matches depends on the plot id.
    let measured = [3_643_644.0, 3_995_186.0, 4_062_565.0, 4_004_253.0, 4_308_147.0];
    near(needs_of("chia plots create -k 18", None).plot, measured.iter().sum::<f64>() / 5.0, 0.02);
}

#[test]
fn madmax_memory_follows_the_measurements() {
    // MiB of RSS measured with two threads; the fit is 16 % off at most here.
    for (line, mebibytes) in [
        ("chia_plot -k 18 -u 16 -r 2 -t /a", 32.0),
        ("chia_plot -k 20 -u 16 -r 2 -t /a", 63.0),
        ("chia_plot -k 22 -u 16 -r 2 -t /a", 98.0),
        ("chia_plot -k 25 -u 64 -r 2 -t /a", 126.0),
    ] {
        let found = float(needs_of(line, None).peak.ram.unwrap().0) / f64::from(1 << 20);
        assert!((0.8..1.7).contains(&(found / mebibytes)), "{line}: {found} MiB, measured {mebibytes}");
    }
    near(needs_of("chia_plot -r 4 -t /a", None).peak.ram, 6e9, 0.1);
    near(needs_of("chia_plot -r 16 -t /a", None).peak.ram, 11e9, 0.1);
}

#[test]
fn madmax_temp_peaks_at_the_end_of_phase_2_and_then_falls() {
    let line = "chia_plot -k 25 -t /a";
    near(needs_of(line, Some(1)).peak.temp, 2.04e9, 0.02);
    near(needs_of("chia_plot -t /a -2 /b", Some(2)).peak.temp, 330.0 * 1_073_741_824.0, 0.05);
    let at = |phase, table| {
        let progress = Progress { phase: Some(Phase::Number(phase)), table, ..Progress::default() };
        needs_at(line, &progress).peak.temp.unwrap()
    };
    let fall = [at(2, None), at(3, Some(3)), at(3, Some(5)), at(3, Some(7)), at(4, None)];
    assert!(fall.is_sorted_by(|before, after| before >= after) && fall[0] > fall[4], "{fall:?}");
    assert_eq!(at(3, None), at(2, None), "a table that is not known is taken for the worst");
}

#[test]
fn another_plot_to_come_needs_everything_again() {
    let progress = Progress { phase: Some(Phase::Number(4)), ..Progress::default() };
    let one = needs_at("chia_plot -k 25 -n 1 -t /a", &progress);
    let forever = needs_at("chia_plot -k 25 -n -1 -t /a", &progress);
    assert!(one.peak.temp < forever.peak.temp);
    assert_eq!(one.now.temp, forever.now.temp);
    let last = needs_at("chia_plot -k 25 -n 3 -t /a", &Progress { plots_done: 2, ..progress.clone() });
    assert_eq!(last.peak.temp, one.peak.temp);
}

#[test]
fn pos2_reserves_what_it_takes_at_the_end() {
    let line = format!("plotter test 28 {}", super::ID);
    let early = needs_of(&line, Some(1));
    near(early.now.ram, 8.73e9, 0.001);
    near(early.peak.ram, 13.03e9, 0.001);
    near(needs_of(&format!("plotter test 26 {}", super::ID), None).peak.ram, 3.30e9, 0.03);
    assert_eq!(early.peak.temp, Some(Bytes(0)), "known to be none");
    assert_eq!(early.now.cores, Some(8.0));
}

#[test]
fn chiapos_needs() {
    let early = needs_of("chia plots create -k 32 -r 4", Some(1));
    near(early.peak.temp, 239.0 * 1_073_741_824.0, 0.001);
    assert_eq!((early.now.cores, early.peak.cores), (Some(4.0), Some(4.0)));
    assert_eq!(needs_of("chia plots create -k 32 -r 4", Some(2)).peak.cores, Some(1.0), "one thread after phase 1");
    // Measured at k22: 165 MB at most, 114.5 MB in phase 4; all but the file itself gone after the copy.
    near(needs_of("chia plots create -k 22", Some(2)).peak.temp, 165e6, 0.05);
    near(needs_of("chia plots create -k 22", Some(4)).peak.temp, 114.5e6, 0.03);
    let half = Progress { ratio: Some(Ratio(0.5)), ..Progress::default() };
    near(needs_at("chia plots create -k 22", &half).now.write, 1.023e9 / 2.0, 0.01);
}

#[test]
fn bladebit_memory_is_by_mode_and_buckets() {
    let gibibytes = |line: &str| float(needs_of(line, None).peak.ram.unwrap().0) / 1_073_741_824.0;
    assert!((gibibytes("bladebit diskplot -t1 /a /o") - 3.37).abs() < 0.01);
    assert!((gibibytes("bladebit diskplot -b 64 --cache 32G -t1 /a /o") - 43.56).abs() < 0.01);
    assert!((gibibytes("bladebit -z 5 ramplot /o") - 416.0).abs() < 0.01);
    assert!((gibibytes("bladebit_cuda cudaplot /o") - 241.2).abs() < 0.1);
    assert_eq!(needs_of("bladebit diskplot -b 100 -t1 /a /o", None).peak.ram, None, "nothing is known of 100 buckets");
}

#[test]
fn gigahorse_needs_are_known_by_mode_or_not_at_all() {
    near(needs_of("cuda_plot_k32 -C 5 -t /a", None).peak.ram, 256e9, 0.001);
    near(needs_of("cuda_plot_k31 -2 /n -t /a", None).peak.ram, 64e9, 0.001);
    near(needs_of("cuda_plot_k32 -r 2 -S 2 -t /a", None).peak.vram, 8e9, 0.001);
    let cpu = needs_of("chia_plot -C 7 -r 8 -t /a", None);
    assert_eq!((cpu.peak.ram, cpu.peak.temp, cpu.peak.cores), (None, None, Some(8.0)));
}

#[test]
fn what_is_needed_now_is_never_more_than_the_peak() {
    let lines = [
        "chia_plot -t /a",
        "chia_plot -t /a -2 /b -n 2",
        "chia plots create",
        "bladebit diskplot -t1 /a /o",
        "cuda_plot_k32 -t /a",
    ];
    let phases = [
        Phase::Allocating,
        Phase::Number(1),
        Phase::Number(2),
        Phase::Number(3),
        Phase::Number(4),
        Phase::Writing,
        Phase::Copying,
        Phase::Done,
    ];
    for line in lines {
        for phase in phases {
            for table in [None, Some(2), Some(5), Some(7)] {
                let found = needs_at(line, &Progress { phase: Some(phase), table, ..Progress::default() });
                let (now, peak) = (found.now, found.peak);
                assert!(now.ram <= peak.ram && now.temp <= peak.temp && now.cores <= peak.cores, "{line} {phase}");
            }
        }
    }
}

#[test]
fn an_unknown_k_makes_needs_unknown_not_zero() {
    let found = needs_of("chia_plot -k x -t /a", None);
    assert_eq!((found.plot, found.peak.ram, found.peak.temp, found.peak.write), (None, None, None, None));
}
