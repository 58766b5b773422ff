//! `promtool` judges what the real program publishes, on this machine and with a GPU.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::daemon::{Daemon, Options};
use crate::support::nvml::{Driver, FakeNvml};

/// What it says to standard output and to standard error; `None`, and a line that says so, where it is not installed.
fn promtool(flags: &[&str], exposition: &str) -> Option<(bool, String, String)> {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).args(flags);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        eprintln!("SKIPPED: promtool is not installed (Debian: apt-get install prometheus)");
        return None;
    };
    child.stdin.take().unwrap().write_all(exposition.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((output.status.success(), text(&output.stdout), text(&output.stderr)))
}

#[test]
fn promtool_finds_nothing_in_what_is_really_published() {
    let fake = FakeNvml::build(Driver::Current);
    let flags = vec!["--path.nvml".to_owned(), fake.path().display().to_string()];
    let daemon = Daemon::start(&Options { max_mode: Some("off"), flags, ..Options::default() });
    let exposition = daemon.wait_for("the GPUs", Duration::from_secs(20), |metrics| {
        metrics.value("plotwarden_gpu_power_watts", &[]).map(|_| daemon.metrics().text)
    });
    let Some((fine, said, complaints)) = promtool(&[], &exposition) else { return };
    assert!(fine && said.is_empty() && complaints.is_empty(), "{said}{complaints}");
    let Some((fine, table, complaints)) = promtool(&["--extended"], &exposition) else { return };
    assert!(fine && complaints.is_empty(), "{complaints}");
    let total = table.lines().find(|line| line.starts_with("Total")).and_then(|line| line.split_whitespace().nth(1));
    let series = exposition.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(total, Some(series.to_string().as_str()), "it counts other series than we publish:\n{table}");
}
