//! Which command lines are plotters, and what they ask for.

use std::path::{Path, PathBuf};

use super::super::Arguments;
use super::{process, read, shipped};

/// What a command line should be read as.
struct Expected {
    profile: &'static str,
    k: u8,
    threads: Option<u32>,
    buckets: Option<u32>,
    level: Option<u32>,
    count: Option<i64>,
    temp: &'static [&'static str],
    to: &'static [&'static str],
    mode: Option<&'static str>,
}

/// `profile k threads buckets level count mode`, with `-` for what is not known.
fn expected(line: &'static str, temp: &'static [&'static str], to: &'static [&'static str]) -> Expected {
    let words: Vec<&str> = line.split(' ').collect();
    let [profile, k, threads, buckets, level, count, mode] = words[..] else { panic!("{line}") };
    Expected {
        profile,
        k: k.parse().unwrap(),
        threads: threads.parse().ok(),
        buckets: buckets.parse().ok(),
        level: level.parse().ok(),
        count: count.parse().ok(),
        temp,
        to,
        mode: Some(mode).filter(|mode| *mode != "-"),
    }
}

fn positives() -> Vec<(&'static str, Expected)> {
    let mut table = madmax_and_gigahorse();
    table.extend(bladebit());
    table.extend(chiapos_and_pos2());
    table
}

fn madmax_and_gigahorse() -> Vec<(&'static str, Expected)> {
    vec![
        ("chia_plot -t /a/ -d /out/ -f k -p k", expected("madmax 32 4 256 - 1 -", &["/a"], &["/out"])),
        (
            "/opt/mm/chia_plot -k32 -r16 -u128 -n-1 -t /a -2 /ram -d /out",
            expected("madmax 32 16 128 - -1 -", &["/a", "/ram"], &["/out"]),
        ),
        (
            "chia_plot --size=25 --threads=2 --buckets=7 --tmpdir=/a --count=3",
            expected("madmax 25 2 128 - 3 -", &["/a"], &["/a"]),
        ),
        (
            "chia_plot --size 25 --threads 2 --tmpdir /a --tmpdir2 /b --finaldir /c",
            expected("madmax 25 2 256 - 1 -", &["/a", "/b"], &["/c"]),
        ),
        ("./chia_plot_k34 -k 34 -t tmp -d out", expected("madmax 34 4 256 - 1 -", &["/work/tmp"], &["/work/out"])),
        (
            "chia_plot -G -w -n 2 -t ./a/. -2 a -s /s",
            expected("madmax 32 4 256 - 2 -", &["/work/a", "/s"], &["/work/a"]),
        ),
        ("chia_plot -k 22 -k 25 -t /a", expected("madmax 25 4 256 - 1 -", &["/a"], &["/a"])),
        ("chia_plot -k x -t /a", Expected { k: 0, ..expected("madmax 0 4 256 - 1 -", &["/a"], &["/a"]) }),
        ("chia_plot -C 7 -r 8 -t /a -d /out", expected("gigahorse 32 8 256 7 1 cpu", &["/a"], &["/out"])),
        (
            "chia_plot --level=5 -n -1 -t /a -d @farm1 -d /out",
            expected("gigahorse 32 4 256 5 -1 cpu", &["/a"], &["/out"]),
        ),
        ("chia_plot -C7 -t /a", expected("gigahorse 32 4 256 7 1 cpu", &["/a"], &[])),
        (
            "cuda_plot_k32 -C 5 -n -1 -t /a -d /x -d /y",
            expected("gigahorse 32 - - 5 -1 full_ram", &["/a"], &["/x", "/y"]),
        ),
        (
            "/gh/cuda_plot_k33 -2 /nvme -t /a -r 2 -d @host",
            expected("gigahorse 33 - - 1 1 partial", &["/a", "/nvme"], &[]),
        ),
        (
            "cuda_plot_k32_v3 -C 29 -2 @RAM -3 /nvme -t /a",
            expected("gigahorse 32 - - 29 1 disk", &["/a", "/nvme"], &[]),
        ),
        (
            "cuda_plot_k26 -2 /n2 -3 /n3 -t /a -t /b",
            expected("gigahorse 26 - - 1 1 disk", &["/a", "/b", "/n2", "/n3"], &[]),
        ),
    ]
}

fn bladebit() -> Vec<(&'static str, Expected)> {
    vec![
        (
            "bladebit -t 32 -f aabb -c xch1abc diskplot -t1 /a /out",
            expected("bladebit-disk 32 32 256 0 1 -", &["/a"], &["/out"]),
        ),
        (
            "bladebit -n 10 -f k -p k -z 3 diskplot -b 64 --cache 32G -t1 /a -t2 /b /o1 /o2",
            expected("bladebit-disk 32 8 64 3 10 -", &["/a", "/b"], &["/o1", "/o2"]),
        ),
        (
            "bladebit --compress diskplot --f1-threads 3 --temp1 /a -a out",
            expected("bladebit-disk 32 8 256 1 1 -", &["/a"], &["/work/out"]),
        ),
        (
            "bladebit_cuda -z 5 diskplot -t1 /a --no-t1-direct /out",
            expected("bladebit-disk 32 8 256 5 1 -", &["/a"], &["/out"]),
        ),
        (
            "/usr/bin/bladebit -t 64 -i 11ff --memo 00 ramplot /out",
            expected("bladebit-ram 32 64 256 0 1 -", &[], &["/out"]),
        ),
        ("bladebit_cuda -f k -c k -z 7 -n 4 cudaplot /out", expected("bladebit-cuda 32 8 256 7 4 ram", &[], &["/out"])),
        (
            "bladebit_cuda -z 7 cudaplot --disk-128 -d 1 -t1 /a /out",
            expected("bladebit-cuda 32 8 256 7 1 disk128", &["/a"], &["/out"]),
        ),
        (
            "bladebit_cuda cudaplot --disk-16 -t1 /a --check 100 -- /out",
            expected("bladebit-cuda 32 8 256 0 1 disk16", &["/a"], &["/out"]),
        ),
    ]
}

fn chiapos_and_pos2() -> Vec<(&'static str, Expected)> {
    const POS2: &str = "179fb23be317c6752fc25511b293acaee9e1b52c1c4d098bc72bff35169deb8c";
    assert_eq!(POS2, super::ID);
    vec![
        (
            "chia plots create -k 25 -n 2 -b 1000 -r 4 -u 64 -t /a -2 /b -d /out",
            expected("chiapos 25 4 64 - 2 -", &["/a", "/b"], &["/out"]),
        ),
        (
            "/opt/chia/resources/app.asar.unpacked/daemon/chia plots create -k32 -t/a -d/out",
            expected("chiapos 32 2 128 - 1 -", &["/a"], &["/out"]),
        ),
        (
            "/venv/bin/python3 /venv/bin/chia plots create --size 32 --tmp_dir=/a --final_dir=/out",
            expected("chiapos 32 2 128 - 1 -", &["/a"], &["/out"]),
        ),
        (
            "python3.11 -u -m chia plots create --num_threads 3",
            expected("chiapos 32 3 128 - 1 -", &["/work"], &["/work"]),
        ),
        (
            "chia.bin plotters chiapos -k 22 --tempdir /a --count 5",
            expected("chiapos 22 2 128 - 5 -", &["/a"], &["/work"]),
        ),
        (
            "/usr/bin/ProofOfSpace create -k 20 -u 16 -t t -d d",
            expected("chiapos 20 2 16 - 1 -", &["/work/t"], &["/work/d"]),
        ),
        (
            "python3 /rig/ProofOfSpace create -k 22 -e -t /a -d /out",
            expected("chiapos 22 2 128 - 1 -", &["/a"], &["/out"]),
        ),
        (
            "plotter test 28 179fb23be317c6752fc25511b293acaee9e1b52c1c4d098bc72bff35169deb8c 2 0 0 1",
            expected("pos2 28 8 - - - -", &[], &["/work"]),
        ),
        (
            "./build/plotter test 22 179FB23BE317C6752FC25511B293ACAEE9E1B52C1C4D098BC72BFF35169DEB8C",
            expected("pos2 22 8 - - - -", &[], &["/work"]),
        ),
        ("xchplot2 plot -k 28 -n 10 -o /out --tier plain", expected("xchplot2 28 - - - 10 -", &[], &["/out"])),
        ("/x/xchplot2 batch jobs.tsv --devices 0,1,cpu --out=/out", expected("xchplot2 28 - - - - -", &[], &["/out"])),
    ]
}

#[test]
fn plotters_are_recognised_with_all_that_they_were_asked_to_do() {
    let profiles = shipped();
    for (line, expected) in positives() {
        let facts = process(42, 1, line);
        let (profile, read) = read(&profiles, &facts).unwrap_or_else(|| panic!("not recognised: {line}"));
        assert_eq!(profile.name(), expected.profile, "{line}");
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        let arguments = Arguments {
            k: Some(expected.k).filter(|k| *k > 0),
            threads: expected.threads,
            buckets: expected.buckets,
            level: expected.level,
            count: expected.count,
            temp_dirs: paths(expected.temp),
            final_dirs: paths(expected.to),
            mode: expected.mode.map(str::to_owned),
        };
        assert_eq!(read.arguments, arguments, "{line}");
    }
}

#[test]
fn what_only_names_a_plotter_is_not_one() {
    let profiles = shipped();
    let table = [
        "vim chia_plot",
        "grep -r chia_plot .",
        "tail -f /var/log/chia_plot.log",
        "less /var/log/chia_plot",
        "/bin/bash /home/me/run_chia_plot.sh /opt/chia_plot -k 32",
        "sh -c exec chia plots create -k 32",
        "bash -c chia plots create",
        "sudo chia_plot -k 32",
        "sudo chia plots create -k 32",
        "vim chia plots create",
        "python3 backup.py chia plots create",
        "python3 /usr/bin/chia plots check -n 10",
        "chia plots add -d /plots",
        "chia_harvester",
        "chia_farmer",
        "python3 /venv/bin/chia_full_node",
        "/opt/chia/daemon/chia_daemon --wait-for-unlock",
        "bladebit --help",
        "bladebit simulate --power 10 x.plot",
        "bladebit_harvester",
        "plotter --output drawing.svg",
        "plotter test 28 not-an-id",
        "plotter plot 28 179fb23be317c6752fc25511b293acaee9e1b52c1c4d098bc72bff35169deb8c",
        "chia_plot_manager run",
        "my_chia_plot -k 32",
        "cuda_plot",
        "rsync -a plot-k32.plot chia_plot:/out",
        "xchplot2 --version",
        "ProofOfSpace check -f x.plot",
        "",
    ];
    for line in table {
        let role = profiles.recognise(&process(42, 1, line).argv);
        assert!(role.is_none(), "{line} was taken for {role:?}");
    }
}

#[test]
fn the_wrapper_of_a_plotter_is_not_the_plotter() {
    let profiles = shipped();
    for (line, wrapped) in [
        ("python3 /venv/bin/chia plotters madmax -k 32 -t /a", "madmax"),
        ("chia plotters bladebit diskplot -t1 /a /out", "bladebit-disk"),
    ] {
        let role = profiles.recognise(&process(42, 1, line).argv);
        assert!(role.plotter.is_none(), "{line}");
        let names: Vec<&str> = role.wraps.iter().map(|index| profiles.at(*index).unwrap().name()).collect();
        assert!(names.contains(&wrapped), "{line}: {names:?}");
    }
}

#[test]
fn directories_are_where_we_can_reach_them() {
    let profiles = shipped();
    let mut facts = process(42, 1, "chia_plot -t tmp -d /out");
    facts.foreign_root = Some(PathBuf::from("/proc/42/root"));
    let (_, inside) = read(&profiles, &facts).unwrap();
    assert_eq!(inside.arguments.temp_dirs, [Path::new("/proc/42/root/work/tmp")]);
    assert_eq!(inside.arguments.final_dirs, [Path::new("/proc/42/root/out")]);

    facts.foreign_root = None;
    facts.cwd = None;
    let (_, unreadable) = read(&profiles, &facts).unwrap();
    assert_eq!(unreadable.arguments.temp_dirs, Vec::<PathBuf>::new(), "a relative path without a working directory");
    assert_eq!(unreadable.arguments.final_dirs, [Path::new("/out")]);
}

#[test]
fn a_file_name_with_blanks_is_one_argument() {
    let profiles = shipped();
    let mut facts = process(42, 1, "chia_plot -t x");
    facts.argv[2] = "/mnt/my plots/tmp/".to_owned();
    let (_, read) = read(&profiles, &facts).unwrap();
    assert_eq!(read.arguments.temp_dirs, [Path::new("/mnt/my plots/tmp")]);
}
