//! Loading of profiles: what is shipped, what users add, and what is said of their mistakes.

use std::fs;
use std::path::Path;

use super::super::{ProfileError, Profiles, RuntimeKnob};
use super::process;

const SMALL: &str = "schema: 1
profiles:
- name: mine
  match:
  - {argv0: ['^mine$']}
  args:
    k: {flags: [-k], default: 32}
    tmp: {flags: [-t], type: dir}
  needs: {ram: '2*N'}
";

/// The error of a file, as `line:column`, problem and hint.
fn error_of(text: &str) -> (u64, u64, String, String) {
    match Profiles::default().add_file(Path::new("mine.yaml"), text).unwrap_err() {
        ProfileError::Invalid { file, line, column, problem, hint } => {
            assert_eq!(file, Path::new("mine.yaml"));
            (line, column, problem, hint)
        }
        other @ ProfileError::Unreadable { .. } => panic!("{other}"),
    }
}

#[track_caller]
fn refused(from: &str, to: &str, at: (u64, u64), problem: &str, hint: &str) {
    assert!(SMALL.contains(from), "{from}");
    let (line, column, found, how) = error_of(&SMALL.replacen(from, to, 1));
    assert!(found.contains(problem), "{to}: {found}");
    assert!(how.contains(hint), "{to}: {how}");
    assert_eq!((line, column), at, "{to}: {found}");
}

#[test]
fn all_eight_plotters_are_shipped() {
    let profiles = Profiles::shipped().unwrap();
    let names: Vec<&str> = profiles.iter().map(super::super::Profile::name).collect();
    assert_eq!(
        names,
        ["madmax", "gigahorse", "bladebit-disk", "bladebit-ram", "bladebit-cuda", "chiapos", "pos2", "xchplot2"]
    );
    let bladebit = profiles.get("bladebit-disk").unwrap();
    assert!(bladebit.needs_exclusive_temp() && bladebit.control().sets_own_affinity);
    assert!(profiles.iter().all(|profile| profile.allows(RuntimeKnob::Pause)), "all can be paused");
    assert!(!profiles.get("bladebit-cuda").unwrap().allows(RuntimeKnob::Affinity));
}

#[test]
fn mistakes_are_shown_where_they_are() {
    refused("match:", "matches:", (4, 3), "no field `matches`", "match");
    refused("schema: 1", "schema: 2", (1, 9), "schema 2", "`schema: 1`");
    refused("mine$", "mine(", (5, 14), "not a regular expression", "escape");
    refused("'2*N'", "'2*M'", (9, 19), "`M` is not known", "names");
    refused("'2*N'", "'2*N +'", (9, 22), "ends where a value", "write numbers");
    refused("'2*N'", "2**N", (9, 18), "expected, not `*`", "write numbers");
    refused("'2*N'", "tmp", (9, 16), "a text where a number", "compare");
    refused("name: mine", "name: My Plotter", (3, 9), "not a name", "lower-case");
    refused("argv0: ['^mine$']", "argv_any: ['x']", (5, 5), "would fit any program", "argv0");
    refused("default: 32", "default: $threads", (7, 31), "`$threads` is not an argument", "$cpus");
    refused("default: 32", "default: $k", (7, 31), "its own default", "another");
    refused("type: dir", "type: directory", (8, 30), "`directory` is not known", "dir");
    refused("    k:", "    N:", (3, 3), "meaning of its own", "another name");
    refused("  args:", "  temp: ['{tmp}/*.tmp']\n  args:", (6, 10), "files of other jobs", "{id}");
    refused("  args:", "  temp: ['/tmp/*{id}']\n  args:", (6, 10), "directory argument", "{tmp}");
    refused("  args:", "  temp: ['{k}/*{id}']\n  args:", (6, 10), "not an argument of the type", "type: dir");
    refused("  args:", "  temp: ['{tmp}/[{id}']\n  args:", (6, 10), "not a file name pattern", "close");
    refused("  args:", "  threads:\n  - {re: x, phase: fast}\n  args:", (7, 20), "`fast` is not a phase", "alloc");
    refused(
        "  args:",
        "  phases:\n  - {phase: 2, progress: .5}\n  - {phase: 1, progress: .7}\n  args:",
        (8, 13),
        "out of order",
        "order",
    );
    refused("  args:", "  log: {plot_id: '^ID'}\n  args:", (6, 18), "no group `id`", "(?P<id>");
    refused("  args:", "  log: {separators: [ab]}\n  args:", (6, 22), "one byte", "\\n");
    refused("  args:", "  log: {steps: [{re: x, progress: t}]}\n  args:", (6, 35), "`t` is not known", "names");
    refused("'2*N'}", "'2*N'}\n- name: mine\n  match: [{argv0: [x]}]", (10, 9), "two profiles", "rename");
    refused("  - {argv0: ['^mine$']}", "    []", (3, 3), "matches nothing", "add a rule");
}

#[test]
fn a_bomb_is_defused() {
    let bomb = "schema: 1\nprofiles: [&a [&b [x, x], *b, *b], *a, *a]\n";
    let aliases = format!("schema: 1\nprofiles:\n- &a {{name: m}}\n{}", "- *a\n".repeat(10_000));
    let deep = format!("schema: 1\nprofiles: {}{}", "[".repeat(500), "]".repeat(500));
    for text in [bomb, &aliases, &deep, "", "\0", "- - - -", "profiles: ~", "schema: 1"] {
        let error = Profiles::default().add_file(Path::new("mine.yaml"), text).unwrap_err();
        assert!(error.to_string().starts_with("mine.yaml:"), "{error}");
        assert!(error.to_string().lines().count() == 1, "one line for the log: {error}");
    }
}

#[test]
fn a_users_profile_replaces_the_shipped_one_of_its_name_and_others_come_first() {
    let mut profiles = Profiles::shipped().unwrap();
    profiles.add_file(Path::new("a.yaml"), &SMALL.replace("name: mine", "name: chiapos")).unwrap();
    profiles.add_file(Path::new("b.yaml"), &SMALL.replace("^mine$", "^chia_plot$")).unwrap();
    let recognised = |line: &str| {
        let role = profiles.recognise(&process(1, 0, line).argv);
        role.plotter.map(|plotter| profiles.at(plotter.profile).unwrap().name().to_owned())
    };
    assert_eq!(recognised("mine -k 25").as_deref(), Some("chiapos"));
    assert_eq!(recognised("chia plots create"), None, "the shipped rules of chiapos are gone");
    assert_eq!(recognised("chia_plot -t /a").as_deref(), Some("mine"), "before madmax");
    assert_eq!(profiles.iter().count(), 9);
}

#[test]
fn a_folder_is_read_file_by_file_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("b.yaml"), SMALL).unwrap();
    fs::write(folder.path().join("a.yaml"), SMALL.replace("2*N", "2*")).unwrap();
    fs::write(folder.path().join("notes.txt"), "not a profile").unwrap();
    fs::write(folder.path().join("c.yaml"), vec![b'#'; 3 << 20]).unwrap();
    fs::write(folder.path().join("e.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    fs::create_dir(folder.path().join("d.yaml")).unwrap();
    let (profiles, errors) = Profiles::shipped().unwrap().with_folder(folder.path());
    assert_eq!(profiles.iter().count(), 9);
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(errors[0].contains("a.yaml:9:") && errors[0].contains("write numbers"), "{}", errors[0]);
    assert!(errors[1].contains("c.yaml") && errors[1].contains("1 MiB"), "{}", errors[1]);
    assert!(errors[2].contains("d.yaml") && errors[2].contains("not a regular file"), "{}", errors[2]);
    assert!(errors[3].contains("e.yaml"), "{}", errors[3]);
}

#[test]
fn a_missing_folder_holds_no_profiles() {
    let (profiles, errors) = Profiles::shipped().unwrap().with_folder(Path::new("/nonexistent/profiles.d"));
    assert!(errors.is_empty());
    assert_eq!(profiles.iter().count(), 8);
}
