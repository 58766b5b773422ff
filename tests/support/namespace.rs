//! A network of one's own: interfaces can be made, joined and cut off without anybody else noticing.

use std::path::Path;
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Runs `test` on a thread in network and mount namespaces of its own, with a sysfs that shows them; programs started there
/// are in them too. Nothing of it is left when the thread and its programs have ended.
pub fn in_own_network<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    let enter = || {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::MS_RDONLY, none).unwrap();
        ip("link set lo up");
        test()
    };
    std::thread::scope(|scope| scope.spawn(enter).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

/// Shows another file in the place of this one, to whom is in the namespace.
pub fn replace_file(path: &str, by: &Path) {
    mount(Some(by), path, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
}

/// A command of ip(8), which must succeed.
pub fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {said}");
    String::from_utf8(output.stdout).unwrap()
}
