//! Asks systemd for the scope of a job.
//!
//! Source: `org.freedesktop.systemd1(5)`, `systemd.scope(5)`, `https://systemd.io/CONTROL_GROUP_INTERFACE`.

use std::io;
use std::path::Path;

use super::bus::{Body, Bus, Method};
use super::cgroup::BASE_SLICE;

const START: Method<'_> = Method {
    destination: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member: "StartTransientUnit",
};

/// Has systemd start the scope `unit` around one process. The process is moved a moment after this returns.
///
/// Transient, so that nothing of it outlives the boot.
pub fn start(bus: &Path, unit: &str, pid: i32) -> io::Result<()> {
    let pid = u32::try_from(pid).map_err(io::Error::other)?;
    Bus::connect(bus)?.call(START, &request(unit, pid))
}

fn request(unit: &str, pid: u32) -> Body {
    let mut body = Body::of("ssa(sv)a(sa(sv))");
    body.text(unit).text("fail");
    body.array(8, |body| {
        body.property("Description", "s", |body| body.text("A plot, as plotwarden limits it"));
        body.property("Slice", "s", |body| body.text(BASE_SLICE));
        body.property("PIDs", "au", |body| body.array(4, |body| body.number(pid)));
        // All controllers, and nobody else's hands on the groups below.
        body.property("Delegate", "b", |body| body.number(1));
        // Gone when it is over, even if it should have failed.
        body.property("CollectMode", "s", |body| body.text("inactive-or-failed"))
    });
    // Units to start along with it: none.
    body.array(8, |body| body);
    body
}
