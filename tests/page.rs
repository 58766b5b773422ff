//! The status page in a real browser: what an operator sees while a plot runs, and that it asks nobody else for anything.

mod support;

use std::process::{Command, Stdio};
use std::time::Duration;

use support::actor::Actor;
use support::alone::{alone, is_root};
use support::daemon::{Daemon, Options};
use tempfile::TempDir;

/// A headless browser without a profile, without background traffic of its own; `None` where none is installed.
fn browse(arguments: &[&str], url: &str) -> Option<(String, String)> {
    let profile = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--v=0"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((text(&output.stdout), text(&output.stderr)))
}

#[test]
fn an_operator_sees_the_plot_the_machine_and_who_is_in_control() {
    if !is_root("looking at other users' plots") {
        return;
    }
    let _alone = alone();
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let actor = Actor::start("madmax", &["./chia_plot", "-k", "25", "-t", "./", "-d", "./"], folder.path()).unwrap();
    let daemon = Daemon::start(&Options { max_mode: Some("dry-run"), ..Options::default() });
    let pid = actor.pid().to_string();
    daemon.wait_for("the job", Duration::from_secs(5), |metrics| {
        metrics.text.contains(&format!("job_id=\"madmax-{pid}-")).then_some(())
    });
    let url = format!("http://{}/", daemon.address());
    let Some((page, said)) = browse(&["--dump-dom"], &url) else {
        eprintln!("SKIPPED: chromium is not installed");
        return;
    };
    for expected in ["madmax k25", &format!("pid {pid}"), "dry run", "stagger-by-pressure", "I/O pressure"] {
        assert!(page.contains(expected), "the page does not show `{expected}`:\n{page}");
    }
    let violated = said.lines().any(|line| line.contains("CONSOLE") && line.contains("Refused"));
    assert!(!violated, "the page breaks its own content security policy:\n{said}");
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "the page loads nothing from elsewhere");

    let picture = folder.path().join("page.png");
    let screenshot = format!("--screenshot={}", picture.display());
    for width in [390, 1280] {
        browse(&[&screenshot, &format!("--window-size={width},1200")], &url);
        assert!(picture.metadata().unwrap().len() > 10_000, "a picture {width} wide");
    }
}
