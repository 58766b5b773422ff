//! What lies in the machine: its first process, the scenario, modules, and programs of this machine and of this project.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::archive::{Archive, read};
use crate::kernel::Kernel;
use crate::program::{example, stripped, test_program};
use crate::systemd;

/// What the machine needs to see its disks, its network, its mirror and the platform profile of the made-up hardware.
const MODULES: [&str; 10] = [
    "virtio_pci",
    "virtio_blk",
    "virtio_scsi",
    "virtio_net",
    "nvme",
    "sd_mod",
    "ahci",
    "e1000",
    "raid1",
    "platform_profile",
];
/// Programs of this machine that are better there than busybox has them, or that it has not.
const PROGRAMS: [&str; 4] = ["/usr/bin/ionice", "/usr/bin/nice", "/usr/sbin/ip", "/usr/sbin/tc"];

/// What is played in the machine.
pub struct Scenario {
    /// Of its script in `tests/vm/guest`.
    pub name: &'static str,
    /// Which are loaded besides those that the hardware needs.
    pub modules: &'static [&'static str],
    /// Test programs of this project, to be found in `/bin` under their names.
    pub tests: &'static [&'static str],
    /// Whether systemd is the first process, and plays the scenario.
    pub systemd: bool,
    /// A policy in `tests/vm/guest`, which lies there as `/policy.yaml`; and with it a plotter that is played.
    pub policy: Option<&'static str>,
}

/// The archive that the kernel unpacks and starts `/init` of.
pub fn file_system(kernel: &Kernel, scenario: &Scenario) -> Vec<u8> {
    let mut archive = Archive::default();
    for folder in ["proc", "sys", "dev", "tmp", "run", "etc"] {
        archive.folder(folder);
    }
    add_scripts(&mut archive, scenario);
    add_modules(&mut archive, kernel, scenario);
    archive.program("bin/mdadm", &kernel.program("sbin/mdadm"));
    for program in PROGRAMS.map(Path::new) {
        archive.program(&format!("bin/{}", program.file_name().unwrap().display()), program);
    }
    for (name, built) in
        [("plotwarden", env!("CARGO_BIN_EXE_plotwarden")), ("plotwarden-guard", env!("CARGO_BIN_EXE_plotwarden-guard"))]
    {
        archive.program(&format!("bin/{name}"), &stripped(Path::new(built)));
        // Where the tests look for it.
        archive.link(built.trim_start_matches('/'), &format!("/bin/{name}"));
    }
    for test in scenario.tests {
        archive.program(&format!("bin/{test}"), &stripped(&test_program(test)));
    }
    if scenario.systemd {
        systemd::add(&mut archive);
    }
    if let Some(policy) = scenario.policy {
        add_plotter(&mut archive, policy);
    }
    add_busybox(&mut archive);
    archive.finish()
}

fn add_scripts(archive: &mut Archive, scenario: &Scenario) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let guest = tests.join("vm/guest");
    archive.executable("init", &read(&guest.join("init")));
    archive.file("play", &read(&guest.join("play")));
    archive.file("hardware", &read(&guest.join("hardware")));
    archive.file("scenario", &read(&guest.join(scenario.name)));
    archive.file("bin/machine-state", &read(&tests.join("machine-state")));
}

fn add_plotter(archive: &mut Archive, policy: &str) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    archive.file("policy.yaml", &read(&tests.join("vm/guest").join(policy)));
    archive.file("plotter.yaml", &read(&tests.join("actor/scripts/madmax.yaml")));
    archive.program("bin/chia_plot", &stripped(&example("plotter-actor")));
}

fn add_modules(archive: &mut Archive, kernel: &Kernel, scenario: &Scenario) {
    let wanted: Vec<&str> = MODULES.iter().chain(scenario.modules).copied().collect();
    let mut order = String::new();
    for module in kernel.modules(&wanted) {
        let name = module.file_name().unwrap().to_str().unwrap();
        archive.file(&format!("modules/{name}"), &read(&module));
        order.extend([name, "\n"]);
    }
    archive.file("modules/order", order.as_bytes());
    archive.file("modules/farmplant.ko", &read(&kernel.farmplant));
}

/// Under every name that nothing else has.
fn add_busybox(archive: &mut Archive) {
    let busybox = PathBuf::from("/bin/busybox");
    archive.executable("bin/busybox", &read(&busybox));
    let applets = Command::new(busybox).arg("--list").output().unwrap().stdout;
    for applet in String::from_utf8(applets).unwrap().lines() {
        archive.link(&format!("bin/{applet}"), "busybox");
    }
}
