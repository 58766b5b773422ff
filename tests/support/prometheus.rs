//! A real Prometheus on loopback that scrapes the program under test each second, and can be stopped, killed and started again.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::daemon::{free_address, get};

/// Killed, with its data, when dropped.
pub struct Prometheus {
    address: SocketAddr,
    folder: TempDir,
    server: Option<Child>,
}

impl Prometheus {
    /// Chooses an address; nothing runs yet. `None`, and a line that says so, where Prometheus is not installed.
    pub fn prepare() -> Option<Self> {
        if Command::new("prometheus").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            eprintln!("SKIPPED: prometheus is not installed");
            return None;
        }
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Some(Self { address: free_address(), folder, server: None })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts it, with what it knew before if it ran before.
    pub fn start(&mut self, target: SocketAddr) {
        let config = self.folder.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: plotwarden\n  static_configs: [{{targets: ['{target}']}}]\n"
        );
        fs::write(&config, text).unwrap();
        let log = File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let server = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", self.folder.path().join("data").display()))
            .arg(format!("--web.listen-address={}", self.address))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(server);
        let begun = Instant::now();
        while !matches!(get(self.address, "/-/ready"), Some((200, _))) {
            assert!(begun.elapsed() < Duration::from_secs(30), "Prometheus is not ready:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn signal(&self, signal: Signal) {
        let server = self.server.as_ref().unwrap();
        kill(Pid::from_raw(i32::try_from(server.id()).unwrap()), signal).unwrap();
    }

    /// As by a crash.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            drop(server.kill());
            drop(server.wait());
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.kill();
    }
}
