//! Both programs beside each other, scraped around the same moment.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::exposition::Exposition;
use crate::row::Scrapes;
use crate::support::daemon::{Daemon, Options, free_address, get};

/// Debian's name, and that of everybody else.
const NAMES: [&str; 2] = ["prometheus-node-exporter", "node_exporter"];
/// What it leaves out by itself and we have as well.
const MORE: [&str; 4] = ["buddyinfo", "meminfo_numa", "processes", "tcpstat"];
/// Nothing is read more seldom by us, but for the inventory.
const LONGEST_PACE: Duration = Duration::from_secs(16);
const TICK: Duration = Duration::from_secs(1);

/// A `node_exporter` on loopback; ends when dropped.
pub struct NodeExporter {
    child: Child,
    address: SocketAddr,
}

impl NodeExporter {
    /// `None`, and a line that says so, where it is not installed. Looks at the machine below `root`.
    pub fn start(root: &Path) -> Option<Self> {
        let Some((name, help)) = NAMES.iter().find_map(|name| Some((*name, help(name)?))) else {
            eprintln!("SKIPPED: node_exporter is not installed (Debian: apt-get install prometheus-node-exporter)");
            return None;
        };
        let address = free_address();
        let known = MORE.iter().filter(|collector| help.contains(&format!("--collector.{collector} ")));
        let child = Command::new(name)
            .arg(format!("--web.listen-address={address}"))
            .args([
                "--web.disable-exporter-metrics",
                "--collector.cpu.info",
                "--collector.stat.softirq",
                "--log.level=error",
            ])
            .arg(format!("--path.procfs={}", root.join("proc").display()))
            .arg(format!("--path.sysfs={}", root.join("sys").display()))
            .args(known.map(|collector| format!("--collector.{collector}")))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Self { child, address };
        let begun = Instant::now();
        while get(address, "/").is_none() {
            assert!(begun.elapsed() < Duration::from_secs(20), "node_exporter does not answer");
            sleep(Duration::from_millis(50));
        }
        Some(started)
    }

    /// All collectors, or only these.
    pub fn scrape(&self, only: &[&str]) -> Exposition {
        let query: Vec<String> = only.iter().map(|collector| format!("collect[]={collector}")).collect();
        let text = get_whole(self.address, &format!("/metrics?{}", query.join("&"))).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{text}");
        Exposition::parse(body)
    }
}

/// As an old client, to whom the answer comes in one piece.
fn get_whole(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn help(name: &str) -> Option<String> {
    let output = Command::new(name).arg("--help").output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The real program as an exporter only, for the machine below `root`.
pub fn plotwarden(root: &Path) -> Daemon {
    let flags = vec![format!("--path.sysfs={}", root.join("sys").display())];
    Daemon::start(&Options { max_mode: Some("off"), procfs: Some(root.join("proc")), flags, ..Options::default() })
}

/// Scrapes of theirs around one of ours.
pub fn both(theirs: &NodeExporter, ours: &Daemon) -> Scrapes {
    let begun = Instant::now();
    let mut before = Vec::new();
    while begun.elapsed() < LONGEST_PACE {
        before.push(theirs.scrape(&[]));
        // A tick begins after theirs, and is published before ours.
        sleep(TICK + TICK / 2);
    }
    let text = ours.metrics().text;
    Scrapes { before, ours: Exposition::parse(&text), after: theirs.scrape(&[]) }
}
