//! A job that sends as fast as it may, in a control group of its own or in none.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use plotwarden::shaping::Traffic;

const PART: &str = "PLOTWARDEN_TEST_SEND_TO";

/// What this test program does when it is the job.
pub fn play() {
    let Ok(address) = std::env::var(PART) else { return };
    let mut connection = TcpStream::connect(address).unwrap();
    let block = vec![0; 1 << 16];
    while connection.write_all(&block).is_ok() {}
}

/// A group of the unified tree, two below its root, on a mount of the namespace's own.
pub struct Group {
    mount: tempfile::TempDir,
    path: PathBuf,
}

impl Group {
    /// To be called in a mount namespace of one's own.
    pub fn make() -> Self {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let folder = tempfile::tempdir().unwrap();
        mount(Some("cgroup2"), folder.path(), Some("cgroup2"), MsFlags::empty(), None::<&str>).unwrap();
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = folder.path().join(format!("plotwarden-test-{}-{number}/job", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self { mount: folder, path }
    }

    pub fn traffic(&self) -> Traffic {
        Traffic::Group { inode: std::fs::metadata(&self.path).unwrap().ino(), level: 2 }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its processes were waited for, but are in it until the kernel has put them away.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.path).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = std::fs::remove_dir(self.path.parent().unwrap());
        let _ = nix::mount::umount2(self.mount.path(), nix::mount::MntFlags::MNT_DETACH);
    }
}

/// A process that sends until this is dropped.
pub struct Job(Child);

impl Job {
    pub fn sending(address: &str, port: u16, group: Option<&Group>) -> Self {
        let ours = std::env::current_exe().unwrap();
        let enter = group.map_or(String::new(), |group| format!("echo $$ > {}/cgroup.procs && ", group.path.display()));
        let script = format!("{enter}exec {} --exact play_a_part --nocapture --test-threads=1", ours.display());
        let job = Command::new("sh")
            .args(["-c", &script])
            .env(PART, if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") })
            .stdout(Stdio::null())
            .spawn();
        Self(job.unwrap())
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
