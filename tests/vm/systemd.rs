//! systemd as this machine has it, with as few units as it starts with, and our unit file.

use std::path::Path;

use crate::archive::{Archive, read};

const PROGRAMS: [&str; 5] = [
    "/lib/systemd/systemd",
    "/lib/systemd/systemd-cgroups-agent",
    "/usr/bin/systemctl",
    "/usr/bin/busctl",
    "/usr/bin/dbus-daemon",
];
const UNITS: [&str; 12] = [
    "basic.target",
    "dbus.service",
    "dbus.socket",
    "multi-user.target",
    "network.target",
    "paths.target",
    "shutdown.target",
    "slices.target",
    "sockets.target",
    "sysinit.target",
    "timers.target",
    "local-fs.target",
];
/// The accounts that the bus looks up.
const ACCOUNTS: &str = "root:x:0:0:root:/:/bin/sh\nmessagebus:x:100:100::/:/bin/false\n";
const GROUPS: &str = "root:x:0:\nmessagebus:x:100:\n";

pub fn add(archive: &mut Archive) {
    for program in PROGRAMS {
        archive.program(program.trim_start_matches('/'), Path::new(program));
        let name = program.rsplit_once('/').map_or(program, |(_, name)| name);
        archive.link(&format!("bin/{name}"), program);
    }
    for unit in UNITS {
        archive.file(&format!("lib/systemd/system/{unit}"), &read(&Path::new("/lib/systemd/system").join(unit)));
    }
    archive.file("usr/share/dbus-1/system.conf", &read(Path::new("/usr/share/dbus-1/system.conf")));
    // By which systemd may be called over the bus.
    let policy = "usr/share/dbus-1/system.d/org.freedesktop.systemd1.conf";
    archive.file(policy, &read(&Path::new("/").join(policy)));
    archive.file("etc/passwd", ACCOUNTS.as_bytes());
    archive.file("etc/group", GROUPS.as_bytes());
    archive.file("etc/machine-id", b"0123456789abcdef0123456789abcdef\n");
    for name in ["plotwarden", "plotwarden-guard"] {
        archive.link(&format!("usr/local/bin/{name}"), &format!("/bin/{name}"));
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let units = "etc/systemd/system";
    archive.file(&format!("{units}/plotwarden.service"), &read(&project.join("packaging/systemd/plotwarden.service")));
    let guest = project.join("tests/vm/guest/systemd");
    for unit in ["default.target", "scenario.service", "plotwarden.service.d/test.conf"] {
        archive.file(&format!("{units}/{unit}"), &read(&guest.join(unit)));
    }
    archive.link("etc/plotwarden/policies/policy.yaml", "/policy.yaml");
}
