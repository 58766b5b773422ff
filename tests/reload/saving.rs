//! Every way in which editors, people and copies write a file.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::scene::{await_policies, await_result, await_ticks, folder, in_force, options, policy};
use crate::support::daemon::Daemon;

/// Longer than a file has to lie still, shorter than one may be away.
const PAUSE: Duration = Duration::from_millis(1500);

type Save = fn(&Path, &str);

const WAYS: [(&str, Save); 8] = [
    ("in-place", |path, text| fs::write(path, text).unwrap()),
    ("renamed-over", |path, text| {
        fs::write(path.with_extension("tmp"), text).unwrap();
        fs::rename(path.with_extension("tmp"), path).unwrap();
    }),
    ("vim", vim),
    ("emacs", emacs),
    ("truncated-first", |path, text| {
        let mut file = File::create(path).unwrap();
        sleep(PAUSE);
        file.write_all(text.as_bytes()).unwrap();
    }),
    ("in-halves", |path, text| {
        let (head, tail) = text.split_at(text.len() / 2);
        fs::write(path, head).unwrap();
        sleep(Duration::from_millis(300));
        OpenOptions::new().append(true).open(path).unwrap().write_all(tail.as_bytes()).unwrap();
    }),
    ("deleted-and-created", |path, text| {
        fs::remove_file(path).unwrap();
        sleep(PAUSE);
        fs::write(path, text).unwrap();
    }),
    ("made-ready-elsewhere", |path, text| {
        // As `install` and `cp --preserve` do: the time of the file is not that of the change.
        let ready = path.parent().unwrap().with_file_name("ready");
        fs::write(&ready, text).unwrap();
        File::open(&ready).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        fs::set_permissions(&ready, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(&ready, path).unwrap();
    }),
];

/// Tries whether the folder can be written, moves the file aside, writes a new one, and gives it the mode of the old one.
fn vim(path: &Path, text: &str) {
    let beside = |name: &str| path.with_file_name(name);
    fs::write(beside(".p.yaml.swp"), "b0VIM").unwrap();
    fs::write(beside("4913"), "").unwrap();
    fs::remove_file(beside("4913")).unwrap();
    fs::rename(path, beside("p.yaml~")).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(beside("p.yaml~")).unwrap();
    fs::remove_file(beside(".p.yaml.swp")).unwrap();
}

/// Holds a lock that is a link to nowhere, and saves by itself beside the file.
fn emacs(path: &Path, text: &str) {
    let beside = |name: &str| path.with_file_name(name);
    symlink("root@farm.4711:1700000000", beside(".#p.yaml")).unwrap();
    fs::write(beside("#p.yaml#"), &text[..text.len() / 3]).unwrap();
    fs::copy(path, beside("p.yaml~")).unwrap();
    fs::write(path, text).unwrap();
    fs::remove_file(beside("#p.yaml#")).unwrap();
    fs::remove_file(beside(".#p.yaml")).unwrap();
    fs::remove_file(beside("p.yaml~")).unwrap();
}

#[test]
fn a_file_is_read_once_and_whole_however_it_is_saved() {
    let (_root, policies) = folder();
    let path = policies.join("p.yaml");
    fs::write(&path, policy("first")).unwrap();
    let mut daemon = Daemon::start(&options(&policies));
    await_policies(&daemon, &["first"]);
    for (name, save) in WAYS {
        save(&path, &policy(name));
        await_policies(&daemon, &[name]);
    }
    let log = daemon.log();
    assert!(!log.contains("not reloaded"), "something else was read:\n{log}");
    // One by another each time: it was never without a policy.
    assert_eq!(log.matches("policies reloaded").count(), WAYS.len(), "{log}");
    assert!(daemon.stop().success());
}

#[test]
fn half_of_a_file_is_not_read_before_the_other_half_is_there() {
    let (_root, policies) = folder();
    let path = policies.join("p.yaml");
    fs::write(&path, policy("first")).unwrap();
    let daemon = Daemon::start(&options(&policies));
    let text = policy("second");
    // The name stands in the first half, which would be read as a policy of its own or refused.
    let (head, tail) = text.split_at(text.len() / 2);
    let mut file = File::create(&path).unwrap();
    file.write_all(head.as_bytes()).unwrap();
    await_ticks(&daemon, 5.0);
    daemon.signal(Signal::SIGHUP);
    await_result(&daemon, false);
    assert_eq!(in_force(&daemon.metrics()), ["first"]);
    assert!(daemon.log().contains("p.yaml: is being written"), "{}", daemon.log());
    file.write_all(tail.as_bytes()).unwrap();
    drop(file);
    await_policies(&daemon, &["second"]);
    await_result(&daemon, true);
}

#[test]
fn what_is_taken_out_of_the_folder_is_no_longer_in_force_to_the_last_file() {
    let (_root, policies) = folder();
    for name in ["one", "two"] {
        fs::write(policies.join(name).with_extension("yaml"), policy(name)).unwrap();
    }
    let daemon = Daemon::start(&options(&policies));
    await_policies(&daemon, &["one", "two"]);
    fs::rename(policies.join("one.yaml"), policies.join("one.yaml.disabled")).unwrap();
    await_policies(&daemon, &["two"]);
    fs::remove_file(policies.join("two.yaml")).unwrap();
    await_policies(&daemon, &[]);
    await_result(&daemon, true);
    fs::write(policies.join("three.yaml"), policy("three")).unwrap();
    await_policies(&daemon, &["three"]);
}

#[test]
fn a_file_that_everybody_can_write_is_said_in_the_log_and_by_the_check() {
    let (_root, policies) = folder();
    let path = policies.join("p.yaml");
    fs::write(&path, policy("first")).unwrap();
    let daemon = Daemon::start(&options(&policies));
    assert!(!daemon.log().contains(&format!("{}: anybody", path.display())), "{}", daemon.log());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    daemon.wait_for("the warning", crate::scene::LIMIT, |_| {
        daemon.log().contains(&format!("{}: anybody may write here", path.display())).then_some(())
    });
    let checked = std::process::Command::new(crate::support::daemon::BINARY)
        .args(["policy", "check"])
        .arg(&policies)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success() && said.contains(&format!("hint: chmod o-w {}", path.display())), "{said}");
}
