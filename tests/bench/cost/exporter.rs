//! The exporters to be measured against, as Debian ships them.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::scrape::Scraper;
use crate::support::daemon::free_address;

pub const NODE: &str = "prometheus-node-exporter";
pub const PROCESS: &str = "prometheus-process-exporter";

/// What a plotting machine needs of `node_exporter`.
pub const COLLECTORS: [&str; 11] = [
    "cpu",
    "meminfo",
    "diskstats",
    "filesystem",
    "netdev",
    "pressure",
    "loadavg",
    "vmstat",
    "hwmon",
    "cpufreq",
    "thermal_zone",
];
/// Each command is a group, as in its own documentation.
const BY_COMMAND: &str = "process_names:\n- name: '{{.Comm}}'\n  cmdline: ['.+']\n";

/// An exporter that runs, ended with the value.
pub struct Exporter {
    child: Child,
    pub scraper: Scraper,
    _config: NamedTempFile,
}

impl Exporter {
    fn start(program: &str, arguments: &[String], config: NamedTempFile) -> Self {
        let address = free_address();
        let child = Command::new(program)
            .args(arguments)
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "{program} does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child, scraper: Scraper::new(address), _config: config }
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

pub fn node_exporter() -> Exporter {
    let mut arguments = vec!["--collector.disable-defaults".to_owned()];
    arguments.extend(COLLECTORS.map(|name| format!("--collector.{name}")));
    Exporter::start(NODE, &arguments, NamedTempFile::new().unwrap())
}

/// All its other settings are its defaults.
pub fn process_exporter() -> Exporter {
    let mut config = NamedTempFile::new().unwrap();
    config.write_all(BY_COMMAND.as_bytes()).unwrap();
    let arguments = [format!("--config.path={}", config.path().display())];
    Exporter::start(PROCESS, &arguments, config)
}
