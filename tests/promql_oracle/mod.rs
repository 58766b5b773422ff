//! A real Prometheus on the loopback interface, filled with the samples of a test.

pub mod data;
pub mod edges;
pub mod expressions;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use plotwarden::promql::Millis;
use serde_json::Value as Json;

/// Killed, with its data, when dropped.
pub struct Prometheus {
    server: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Prometheus {
    /// `None` if Prometheus is not installed on this machine.
    pub fn start(open_metrics: &str) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let samples = folder.path().join("samples.txt");
        std::fs::write(&samples, open_metrics).ok()?;
        let data = folder.path().join("data");
        let made = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics", "--quiet"])
            .args([&samples, &data])
            .stdout(Stdio::null())
            .status()
            .ok()?;
        assert!(made.success(), "promtool refuses the samples");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).ok()?.port();
        let server = Self::spawn(folder.path(), &data, port)?;
        let prometheus = Self { server, port, _folder: folder };
        prometheus.wait_until_ready();
        Some(prometheus)
    }

    fn spawn(folder: &Path, data: &Path, port: u16) -> Option<Child> {
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, "global:\n  evaluation_interval: 1m\n").ok()?;
        let log = File::create(folder.join("log")).ok()?;
        Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--storage.tsdb.retention.time=100y")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .ok()
    }

    fn wait_until_ready(&self) {
        let begun = Instant::now();
        while self.request("GET", "/-/ready", "").is_none_or(|(status, _)| status != 200) {
            assert!(begun.elapsed() < Duration::from_mins(1), "Prometheus does not become ready");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        // HTTP/1.0: the answer comes in one piece and ends with the connection.
        let head = format!(
            "{method} {path} HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split_whitespace().nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    fn ask(&self, path: &str, query: &str, times: &[(&str, Millis)]) -> Result<Json, String> {
        let mut body = format!("query={}", encoded(query));
        for (name, time) in times {
            let _ = write!(body, "&{name}={}.{:03}", time / 1000, time % 1000);
        }
        let (_, text) = self.request("POST", path, &body).ok_or("no answer")?;
        let answer: Json = serde_json::from_str(&text).map_err(|fault| fault.to_string())?;
        if answer["status"] == "success" { Ok(answer["data"].clone()) } else { Err(answer["error"].to_string()) }
    }

    /// The `data` of the answer, or the error text.
    pub fn instant(&self, query: &str, at: Millis) -> Result<Json, String> {
        self.ask("/api/v1/query", query, &[("time", at)])
    }

    /// The query in the form that Prometheus writes, or why it is none.
    pub fn format(&self, query: &str) -> Result<String, String> {
        self.ask("/api/v1/format_query", query, &[]).map(|data| data.as_str().unwrap_or("").to_owned())
    }

    pub fn range(&self, query: &str, (start, end, step): (Millis, Millis, Millis)) -> Result<Json, String> {
        self.ask("/api/v1/query_range", query, &[("start", start), ("end", end), ("step", step)])
    }

    /// CPU time that the server has used, in user and system mode, in seconds.
    #[allow(dead_code, reason = "only the benchmark asks")]
    pub fn cpu_seconds(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.server.id())).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks: u32 = fields.get(11..13)?.iter().filter_map(|field| field.parse::<u32>().ok()).sum();
        Some(f64::from(ticks) / 100.0)
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
