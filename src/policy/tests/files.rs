use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use super::{GOOD, vocabulary};
use crate::policy::{Outcome, PolicyError, Reloader, check, load};

fn named(name: &str) -> String {
    GOOD.replace("name: test", &format!("name: {name}"))
}

fn only_error(path: PathBuf) -> PolicyError {
    let mut errors = load(&[path], &vocabulary()).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

#[test]
fn a_folder_is_loaded_in_the_order_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b.yaml"), named("b")).unwrap();
    fs::write(folder.path().join("elsewhere"), named("c")).unwrap();
    symlink(folder.path().join("elsewhere"), folder.path().join("c.yml")).unwrap();
    fs::write(folder.path().join("a.yaml"), named("a")).unwrap();
    fs::write(folder.path().join("notes.txt"), "not a policy").unwrap();
    fs::write(folder.path().join(".#a.yaml"), "an editor's lock").unwrap();
    let set = load(&[folder.path().to_owned()], &vocabulary()).unwrap();
    let names: Vec<&str> = set.policies.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn one_bad_file_keeps_all_out() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), named("a")).unwrap();
    fs::write(folder.path().join("b.yaml"), "garbage: [").unwrap();
    let errors = load(&[folder.path().to_owned()], &vocabulary()).unwrap_err();
    assert!(errors[0].path.ends_with("b.yaml"), "{errors:?}");
}

#[test]
fn an_empty_folder_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let set = load(&[folder.path().to_owned()], &vocabulary()).unwrap();
    assert!(set.policies.is_empty());
    assert!(set.warnings[0].to_string().contains("holds no policy"));
}

#[test]
fn what_is_no_policy_file_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("folder.yaml")).unwrap();
    assert!(Command::new("mkfifo").arg(path("fifo.yaml")).status().unwrap().success());
    fs::File::create(path("large.yaml")).unwrap().set_len(50 << 20).unwrap();
    fs::write(path("latin1.yaml"), b"name: caf\xe9").unwrap();
    symlink("/dev/zero", path("device.yaml")).unwrap();
    symlink("loop.yaml", path("loop.yaml")).unwrap();
    for (name, part) in [
        ("fifo.yaml", "no regular file"),
        ("large.yaml", "larger than the 1024 KiB"),
        ("latin1.yaml", "is not UTF-8 text: byte 9"),
        ("device.yaml", "no regular file"),
        ("loop.yaml", "cannot be read"),
        ("missing.yaml", "cannot be read: No such file"),
    ] {
        let error = only_error(path(name));
        assert!(error.to_string().contains(part), "{name}: {error}");
        assert!(error.unreadable, "{name}");
    }
    let errors = load(&[folder.path().to_owned()], &vocabulary()).unwrap_err();
    assert!(errors.iter().any(|error| error.to_string().contains("folder.yaml: is a folder")), "{errors:?}");
}

#[test]
fn a_check_says_what_it_found_and_ends_accordingly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    fs::write(&path, GOOD).unwrap();
    let report = check(std::slice::from_ref(&path), &mut io::empty(), &vocabulary());
    let text = report.to_string();
    assert_eq!(report.exit_code(), 0);
    assert!(text.contains("io.some of the jobs from 50% for 4s: pause the least advanced plots"), "{text}");
    assert!(text.contains("until io.some of the jobs below 25% for 6s"), "{text}");

    fs::write(&path, GOOD.replace("window: 2s", "window: 2")).unwrap();
    let report = check(std::slice::from_ref(&path), &mut io::empty(), &vocabulary());
    assert_eq!(report.exit_code(), 1);
    assert!(report.to_string().contains("p.yaml:9:46"), "{report}");

    fs::remove_file(&path).unwrap();
    assert_eq!(check(&[path], &mut io::empty(), &vocabulary()).exit_code(), 2);
}

#[test]
fn the_last_good_set_stays_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    let read = || load(std::slice::from_ref(&path), &vocabulary());
    fs::write(&path, GOOD).unwrap();
    let mut reloader = Reloader::new(read().unwrap());

    fs::write(&path, "garbage: [").unwrap();
    assert!(matches!(reloader.offer(read()), Outcome::Refused(_)));
    assert_eq!(reloader.in_force().policies[0].name, "test");
    fs::remove_file(&path).unwrap();
    assert!(matches!(reloader.offer(read()), Outcome::Refused(_)));
    assert_eq!(reloader.in_force().policies[0].name, "test");

    fs::write(&path, GOOD.replace("settle: 3s", "settle: 9s") + "---\n" + &named("new")).unwrap();
    let expected = Outcome::Replaced { added: vec!["new".into()], removed: vec![], changed: vec!["test".into()] };
    assert_eq!(reloader.offer(read()), expected);
    assert_eq!(reloader.offer(read()), Outcome::Same);
}
