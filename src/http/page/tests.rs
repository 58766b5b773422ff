//! What an operator must find on the page, and what must not find its way into it.

use std::time::Duration;

use crate::clock::Moment;
use crate::metrics::fixture;
use crate::mode::Mode;

use super::render;

fn page(snapshot: &crate::metrics::Snapshot) -> String {
    render(Some(snapshot), fixture::now(), "/metrics", true)
}

#[test]
fn an_operator_sees_what_is_going_on() {
    let html = page(&fixture::snapshot(3));
    for expected in [
        "plot-01",
        "madmax k32",
        "phase 1 · table 4",
        ">paused<",
        "for 95 s: io pressure",
        "waits by itself",
        "Only wrote 4096 of 65536 bytes &lt;Retrying",
        "1 h 30 min",
        "io optimization",
        "against io bottleneck",
        "no further plots",
        "95 s ago",
        "lookup_p95: missing, no such series",
        "night-shift",
        "add psi=1 to the kernel command line",
        "`clear` is equal to the trigger",
        "href=\"metrics\"",
        "<b>ffmpeg</b> <span class=\"under\">pid 812</span>",
        "3.25",
        "200.3 MiB/s",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
}

#[test]
fn a_hostile_log_line_stays_text() {
    let mut snapshot = fixture::snapshot(1);
    snapshot.world.jobs[0].job.progress.error = Some("</td><script>alert(1)</script>".to_owned());
    let sweep = std::sync::Arc::make_mut(snapshot.world.processes.as_mut().unwrap());
    sweep.top_cpu[0].comm = "<script>".to_owned();
    let inventory = std::sync::Arc::make_mut(&mut snapshot.inventory);
    inventory.system.facts.hostname = Some("<img src=x onerror=alert(1)>".to_owned());
    let html = page(&snapshot);
    assert!(!html.contains("<script") && !html.contains("<img src=x"), "{html}");
}

#[test]
fn what_is_not_known_is_not_shown_as_nothing() {
    let html = page(&fixture::blind());
    assert!(html.contains("not known yet") && html.contains("boot with <code>psi=1</code>"));
    assert!(!html.contains("0 %"), "an unread pressure or progress is not 0 %");
}

#[test]
fn what_needs_attention_stands_at_the_top() {
    let mut snapshot = fixture::snapshot(1);
    snapshot.own.guard_alive = Some(false);
    snapshot.own.mode = Mode::DryRun;
    let tick = fixture::now();
    let late = Moment { boot: tick.boot + Duration::from_secs(75), ..tick };
    let html = render(Some(&snapshot), late, "/metrics", true);
    for expected in ["the last tick was 75 s ago", "plotwarden restore", "dry run: nothing is written"] {
        assert!(html.contains(expected), "{expected}");
    }
}

#[test]
fn a_page_for_every_moment() {
    assert!(render(None, fixture::now(), "/metrics", true).contains("first sample"));
    assert!(page(&fixture::snapshot(0)).contains("No plotter is running"));
    assert!(page(&fixture::snapshot(5000)).contains("and 4800 more"));
    assert!(!render(None, fixture::now(), "/metrics", false).contains("http-equiv"));
}
