//! Processes that may not be touched, whatever a policy says: checked here, where the writes are made.

use std::path::Path;

use crate::kernel::process::Identity;
use crate::knob::Portrait;

/// Programs of a farm that answer within seconds or lose money, by the names under which they appear.
const FARM: [&str; 12] = [
    "harvester",
    "farmer",
    "full_node",
    "wallet",
    "timelord",
    "daemon",
    "introducer",
    "seeder",
    "crawler",
    "data_layer",
    "data_layer_http",
    "timelord_launcher",
];

/// Prefixes under which they are started: process titles, packaged programs, commands of `chia`.
const FARM_PREFIXES: [&str; 3] = ["chia_", "start_", "run_"];

const SYSTEM: [&str; 5] = ["sshd", "init", "plotwarden", "plotwarden-guard", "chia_recompute_server"];

/// The kernel cuts names of tasks to 15 bytes.
const COMM_LENGTH: usize = 15;

/// Why a process may not be touched; `None` if it may.
pub fn protected(process: Identity, portrait: &Portrait, lineage: &[Identity]) -> Option<String> {
    let name = || format!("process {} ({})", process.pid, portrait.comm);
    if process.pid <= 1 {
        return Some(format!("{} is init", name()));
    }
    if portrait.kernel_thread {
        return Some(format!("{} is a kernel thread", name()));
    }
    if lineage.contains(&process) {
        return Some(format!("{} is plotwarden itself or what started it", name()));
    }
    let exe = portrait.exe.as_deref().map(program_of);
    let called = called(&portrait.argv);
    let names = exe.iter().chain(called.iter());
    if let Some(found) = names.map(String::as_str).find(|name| is_protected_name(name)) {
        return Some(format!("{} is {found}", name()));
    }
    is_protected_comm(&portrait.comm).then(|| format!("{} is a protected program", name()))
}

fn is_protected_name(name: &str) -> bool {
    let in_farm = |rest: &str| FARM.contains(&rest);
    SYSTEM.contains(&name)
        || name.starts_with("systemd")
        || FARM_PREFIXES.iter().any(|prefix| name.strip_prefix(prefix).is_some_and(in_farm))
}

fn is_protected_comm(comm: &str) -> bool {
    if is_protected_name(comm) {
        return true;
    }
    let cut = |name: &str| comm.len() == COMM_LENGTH && name.len() > COMM_LENGTH && name.starts_with(comm);
    SYSTEM.iter().any(|name| cut(name))
        || FARM_PREFIXES.iter().any(|prefix| FARM.iter().any(|rest| cut(&format!("{prefix}{rest}"))))
}

/// What the command line says is run: the program, and behind an interpreter its script, module or subcommand.
fn called(argv: &[String]) -> Vec<String> {
    let Some(first) = argv.first() else { return Vec::new() };
    // A title set by the program itself, such as "sshd: farmer [priv]", has words.
    let program = first.split([' ', ':']).next().map(|word| program_of(Path::new(word))).unwrap_or_default();
    let mut called = vec![program.clone()];
    let mut rest = argv.iter().skip(1).filter(|argument| !argument.starts_with('-'));
    if is_interpreter(&program)
        && let Some(script) = rest.next()
    {
        // `sh -c` brings a whole command line.
        let script = program_of(Path::new(script.split_ascii_whitespace().next().unwrap_or_default()));
        // `chia.server.start_harvester`, `chia run_daemon`
        called.extend(script.rsplit('.').next().map(str::to_owned));
        called.push(script);
    }
    if called.iter().any(|name| name == "chia") {
        called.extend(rest.next().cloned());
    }
    called
}

fn is_interpreter(program: &str) -> bool {
    ["python", "pypy", "bash", "sh", "dash", "zsh", "env", "node", "perl"].iter().any(|name| program.starts_with(name))
}

fn program_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(" (deleted)").unwrap_or(&name);
    name.strip_suffix(".py").unwrap_or(name).trim_start_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOMEBODY: Identity = Identity { pid: 500, start_ticks: 1 };

    fn portrait(comm: &str, exe: &str, argv: &[&str]) -> Portrait {
        Portrait {
            comm: comm.to_owned(),
            exe: Some(exe.into()),
            argv: argv.iter().map(|&argument| argument.to_owned()).collect(),
            ..Portrait::default()
        }
    }

    #[test]
    fn the_farm_and_the_system_are_protected_under_all_their_names() {
        let cases = [
            portrait("chia_harvester", "/usr/bin/python3.11", &["chia_harvester"]),
            portrait("python3", "/usr/bin/python3", &["/venv/bin/python3", "/venv/bin/chia_full_node"]),
            portrait("python3", "/usr/bin/python3", &["python3", "-m", "chia.server.start_farmer"]),
            portrait("python3", "/usr/bin/python3", &["python3", "/venv/bin/chia", "run_daemon", "/root/.chia"]),
            portrait("start_harvester", "/opt/chia/start_harvester", &["/opt/chia/start_harvester"]),
            portrait("chia_timelord_l", "/usr/bin/python3", &["chia_timelord_launcher"]),
            portrait("sshd", "/usr/sbin/sshd", &["sshd: farmer [priv]"]),
            portrait("systemd-journal", "/lib/systemd/systemd-journald", &["/lib/systemd/systemd-journald"]),
            portrait("(sd-pam)", "/lib/systemd/systemd", &["(sd-pam)"]),
            portrait("plotwarden-guar", "/usr/bin/plotwarden-guard", &["/usr/bin/plotwarden-guard"]),
            portrait("plotwarden", "/usr/bin/plotwarden (deleted)", &["plotwarden", "run"]),
        ];
        for case in cases {
            assert!(protected(SOMEBODY, &case, &[]).is_some(), "{case:?}");
        }
        assert!(protected(Identity { pid: 1, start_ticks: 0 }, &portrait("x", "/x", &[]), &[]).is_some());
        assert!(protected(SOMEBODY, &portrait("x", "/x", &["x"]), &[SOMEBODY]).is_some());
        assert!(protected(SOMEBODY, &Portrait { kernel_thread: true, ..Portrait::default() }, &[]).is_some());
    }

    #[test]
    fn plotters_are_not_mistaken_for_the_farm() {
        let cases = [
            portrait("chia_plot", "/usr/bin/chia_plot", &["chia_plot", "-k", "32", "-d", "/mnt/chia_farmer"]),
            portrait(
                "chia",
                "/usr/bin/python3",
                &["python3", "/venv/bin/chia", "plots", "create", "-d", "/mnt/chia_wallet"],
            ),
            portrait("chia", "/usr/bin/python3", &["/usr/bin/python3", "/venv/bin/chia", "plotters", "madmax"]),
            portrait("bladebit", "/opt/bladebit", &["/opt/bladebit", "-f", "farmer", "ramplot"]),
            portrait("cuda_plot_k32", "/opt/cuda_plot_k32", &["/opt/cuda_plot_k32", "-t", "/mnt/harvester/"]),
            portrait("sh", "/bin/dash", &["sh", "-c", "chia_plot -d /mnt/chia_wallet"]),
        ];
        for case in cases {
            assert_eq!(protected(SOMEBODY, &case, &[]), None, "{case:?}");
        }
    }
}
