//! The unit file: its lines as systemd reads them, and what systemd itself says of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::daemon::BINARY;

/// As `systemd-analyze security` counts: 10 is root without any fence. What is left is named in `docs/safety.md`.
const MOST_EXPOSURE: f64 = 4.5;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd/plotwarden.service")
}

/// All values of a directive, in order.
pub fn values(directive: &str) -> Vec<String> {
    let text = std::fs::read_to_string(path()).unwrap();
    text.lines().filter_map(|line| line.strip_prefix(directive)?.strip_prefix('=').map(str::to_owned)).collect()
}

fn value(directive: &str) -> String {
    let values = values(directive);
    assert_eq!(values.len(), 1, "{directive}: {values:?}");
    values[0].clone()
}

/// `false`, and a line that says so, where systemd's tool is not installed.
pub fn has_systemd() -> bool {
    let is_there = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !is_there {
        eprintln!("SKIPPED: needs systemd-analyze; install systemd");
    }
    is_there
}

/// The unit as it would be installed, with all that may be granted besides, and the program that was just built.
fn installed(folder: &Path) -> PathBuf {
    let text = std::fs::read_to_string(path()).unwrap().replace("/usr/local/bin/plotwarden", BINARY);
    let unit = folder.join("plotwarden.service");
    std::fs::write(&unit, text).unwrap();
    let more = folder.join("plotwarden.service.d");
    std::fs::create_dir(&more).unwrap();
    for name in ["gpu.conf", "disk.conf"] {
        std::fs::copy(path().with_file_name(name), more.join(name)).unwrap();
    }
    unit
}

#[test]
fn systemd_understands_every_line() {
    if !has_systemd() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(installed(folder.path())).output();
    let verified = verified.unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(!said.contains("plotwarden"), "{said}");
    assert!(verified.status.success(), "{said}");
}

#[test]
fn the_exposure_is_what_the_work_needs_and_no_more() {
    if !has_systemd() {
        return;
    }
    let judged = Command::new("systemd-analyze").args(["security", "--offline=yes", "--no-pager"]).arg(path()).output();
    let said = String::from_utf8_lossy(&judged.unwrap().stdout).into_owned();
    let exposure = said.rsplit_once("plotwarden.service: ").unwrap().1.split(' ').next().unwrap();
    assert!(exposure.parse::<f64>().unwrap() <= MOST_EXPOSURE, "{said}");
}

/// Otherwise a stop would end plots that were moved into our groups, or take away what is still to be put back.
#[test]
fn an_end_of_the_service_ends_no_plot_and_loses_no_record() {
    assert_eq!(value("KillMode"), "process");
    assert_eq!(value("Delegate"), "yes");
    assert_eq!(value("RuntimeDirectoryPreserve"), "yes");
    assert!(value("ExecStopPost").ends_with("plotwarden restore --after-stop"));
    assert_eq!((value("RestartKillSignal"), values("KillSignal")), ("SIGUSR2".to_owned(), vec![]), "stop by SIGTERM");
    let (watchdog, stop): (u32, u32) =
        (value("WatchdogSec").parse().unwrap(), value("TimeoutStopSec").parse().unwrap());
    // The guard's 10 s come first; a stop may wait 3 s for somebody who restores, and `restore` 10 s.
    assert!(watchdog > 10 && stop > 13);
}

/// Fences of the service's control group close around everything in the groups below it: a plot on a GPU would lose its device,
/// and one that copies over the network its connection.
#[test]
fn nothing_fences_in_the_plots_that_are_moved_into_our_groups() {
    let of_the_group = [
        "DeviceAllow",
        "DevicePolicy",
        "PrivateDevices",
        "ProtectClock",
        "IPAddressDeny",
        "IPAddressAllow",
        "SocketBindDeny",
        "RestrictNetworkInterfaces",
        "MemoryMax",
        "MemoryHigh",
        "CPUQuota",
        "IOWriteBandwidthMax",
        "AllowedCPUs",
    ];
    for directive in of_the_group {
        assert_eq!(values(directive), Vec::<String>::new(), "{directive}");
    }
    assert_eq!(value("TasksMax"), "infinity");
}

#[test]
fn every_right_that_is_kept_is_explained() {
    let text = std::fs::read_to_string(path()).unwrap();
    let kept: BTreeSet<String> =
        value("CapabilityBoundingSet").split(' ').map(|name| name.trim_start_matches("CAP_").to_owned()).collect();
    let explained: BTreeSet<String> =
        text.lines().filter_map(|line| Some(line.strip_prefix("# - ")?.split_once(':')?.0.to_owned())).collect();
    assert_eq!(kept, explained);
    assert!(!kept.contains("SYS_ADMIN") && !kept.contains("SYS_RESOURCE"));
}
