//! A reload on demand: by HTTP where that is allowed, and by signal.

use std::fs;

use nix::sys::signal::Signal;

use crate::scene::{await_policies, await_result, folder, in_force, options, policy};
use crate::support::daemon::{Daemon, Options};

const RELOAD: &str = "/-/reload";

#[test]
fn without_the_flag_nobody_reloads_over_http() {
    let (_root, policies) = folder();
    fs::write(policies.join("p.yaml"), policy("first")).unwrap();
    let daemon = Daemon::start(&options(&policies));
    for method in ["POST", "PUT"] {
        assert_eq!(daemon.ask(method, RELOAD), Some((403, "Lifecycle API is not enabled.\n".to_owned())), "{method}");
    }
    assert_eq!(daemon.get(RELOAD).unwrap().0, 405);
    assert!(!daemon.log().contains("policies read again"), "{}", daemon.log());
}

#[test]
fn a_reload_over_http_answers_when_the_policies_are_in_force_or_says_what_is_wrong() {
    let (_root, policies) = folder();
    let path = policies.join("p.yaml");
    fs::write(&path, policy("first")).unwrap();
    let flags = vec!["--web.enable-lifecycle".to_owned()];
    let mut daemon = Daemon::start(&Options { flags, ..options(&policies) });
    assert_eq!(daemon.get(RELOAD), Some((405, "Only POST or PUT requests allowed\n".to_owned())));
    for (method, name) in [("POST", "second"), ("PUT", "third")] {
        fs::write(&path, policy(name)).unwrap();
        assert_eq!(daemon.ask(method, RELOAD), Some((200, String::new())));
        assert!(daemon.log().contains(&format!("added=\"[\\\"{name}\\\"]\"")), "{}", daemon.log());
        await_policies(&daemon, &[name]);
    }
    fs::write(&path, policy("fourth").replace("severity:", "severety:")).unwrap();
    let (status, said) = daemon.ask("POST", RELOAD).unwrap();
    assert_eq!(status, 500, "{said}");
    assert!(said.starts_with("failed to reload policies: ") && said.contains("unknown field `severety`"), "{said}");
    await_result(&daemon, false);
    assert_eq!(in_force(&daemon.metrics()), ["third"]);
    fs::write(&path, policy("fourth")).unwrap();
    assert_eq!(daemon.ask("POST", RELOAD), Some((200, String::new())));
    await_policies(&daemon, &["fourth"]);
    await_result(&daemon, true);
    assert!(daemon.stop().success());
}

#[test]
fn the_shipped_policies_can_be_reloaded_as_well() {
    let flags = vec!["--web.enable-lifecycle".to_owned()];
    let daemon = Daemon::start(&Options { flags, max_mode: Some("dry-run"), ..Options::default() });
    assert_eq!(daemon.ask("POST", RELOAD), Some((200, String::new())));
    await_result(&daemon, true);
}

#[test]
fn a_signal_reloads_at_once() {
    let (_root, policies) = folder();
    fs::write(policies.join("p.yaml"), policy("first")).unwrap();
    let daemon = Daemon::start(&options(&policies));
    fs::write(policies.join("p.yaml"), "kind: [").unwrap();
    daemon.signal(Signal::SIGHUP);
    await_result(&daemon, false);
    assert_eq!(in_force(&daemon.metrics()), ["first"]);
    fs::write(policies.join("p.yaml"), policy("second")).unwrap();
    daemon.signal(Signal::SIGHUP);
    await_policies(&daemon, &["second"]);
}
