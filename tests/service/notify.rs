//! Messages to the service manager, as the real program sends them.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::daemon::{Daemon, Options};
use crate::support::dialled::wait_until;

/// The service manager's end.
struct Manager {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        Self { folder, socket }
    }

    fn options(&self) -> Options {
        Options { max_mode: Some("off"), notify: Some(self.folder.path().join("notify")), ..Options::default() }
    }

    /// The next message; `None` if none comes within the time.
    fn hear(&self, limit: Duration) -> Option<String> {
        let mut buffer = [0; 256];
        self.socket.set_read_timeout(Some(limit)).unwrap();
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) => return Some(String::from_utf8_lossy(&buffer[..length]).into_owned()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[track_caller]
    fn expect(&self, message: &str) {
        assert_eq!(self.hear(Duration::from_secs(20)).as_deref(), Some(message));
    }
}

#[test]
fn the_manager_hears_that_we_are_ready_then_that_we_live_and_that_we_end() {
    let manager = Manager::new();
    let mut daemon = Daemon::start(&manager.options());
    manager.expect("READY=1\nWATCHDOG=1");
    for _ in 0..2 {
        manager.expect("WATCHDOG=1");
    }
    assert!(daemon.stop().success());
    let mut last = String::new();
    while let Some(message) = manager.hear(Duration::from_millis(100)) {
        last = message;
    }
    assert_eq!(last, "STOPPING=1");
}

/// What the watchdog relies on.
#[test]
fn a_program_that_does_not_turn_its_loop_is_silent() {
    let manager = Manager::new();
    let daemon = Daemon::start(&manager.options());
    manager.expect("READY=1\nWATCHDOG=1");
    daemon.signal(Signal::SIGSTOP);
    let threads =
        || std::fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap().map(|thread| thread.unwrap().path());
    let has_stopped = |thread: PathBuf| std::fs::read_to_string(thread.join("stat")).unwrap().contains(") T ");
    wait_until("all of it has stopped", || threads().all(has_stopped));
    while manager.hear(Duration::from_millis(1)).is_some() {}
    assert_eq!(manager.hear(Duration::from_secs(3)), None);
    daemon.signal(Signal::SIGCONT);
    manager.expect("WATCHDOG=1");
}

#[test]
fn a_manager_that_is_not_there_is_said_and_no_reason_not_to_start() {
    let manager = Manager::new();
    std::fs::remove_file(manager.folder.path().join("notify")).unwrap();
    let mut daemon = Daemon::start(&manager.options());
    assert!(daemon.log().contains("the service manager hears nothing of us"), "{}", daemon.log());
    assert!(daemon.stop().success());
}
