use std::os::unix::fs::PermissionsExt;

use super::super::mounts::DataMounts;
use super::*;

/// A program that answers each question with a fixed line, but hangs at a path with `hang` in it while the file `dead` is there.
fn fake(folder: &Path, line: &str) -> PathBuf {
    let (program, dead) = (folder.join("plotwarden"), folder.join("dead"));
    let script = format!(
        "#!/bin/bash\nwhile IFS= read -r -d '' path; do\n\
         case $path in *hang*) while [ -e {} ]; do sleep 0.02; done;; esac\nprintf '{line}\\n'\ndone\n",
        dead.display()
    );
    std::fs::write(dead, "").unwrap();
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

const LINE: &str = "ok 4096000 2048000 1024000 100 40 0 8 1";
const LONG: Duration = Duration::from_secs(20);

#[test]
fn the_child_answers_as_statvfs_does() {
    let mut answers = Vec::new();
    serve(&b"/proc\0/\0/no/such/place\0cut"[..], &mut answers).unwrap();
    let answers: Vec<Answer> = answers.split(|byte| *byte == b'\n').filter_map(parse).collect();
    let [Ok(proc), Ok(root), Err(none)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((proc.size, proc.available, proc.files), (None, None, None), "procfs has no size");
    assert!(root.size > root.free && root.free >= root.available && root.files > root.files_free, "{root:?}");
    assert_eq!(none.raw_os_error(), Some(libc::ENOENT));
    let table = std::fs::read("/proc/self/mountinfo").unwrap();
    let mounts = DataMounts::parse(&table).mounts;
    let mount = mounts.iter().find(|mount| mount.point == Path::new("/")).unwrap();
    assert!(mount.kind == "btrfs" || (root.is_of(mount) && !proc.is_of(mount)));
}

#[test]
fn an_overlong_path_ends_the_child() {
    let endless = vec![b'/'; 1 << 20];
    let mut answers = Vec::new();
    serve(&endless[..], &mut answers).unwrap();
    assert!(answers.is_empty());
}

#[test]
fn nonsense_is_no_answer() {
    for line in [
        "",
        "ok",
        "ok 1 2 3 4 5",
        "ok 1 2 3 4 5 6 7 8 9",
        "ok 1 2 3 4 5 6 7 99999999999",
        "ok 1 2 x 4 5 6 7 8",
        "error",
        "error -1",
        "error 99999999999",
        "no",
    ] {
        assert!(parse(line.as_bytes()).is_none(), "{line}");
    }
    assert!(parse(b"\xff\xfe").is_none());
    let without_size = parse(b"ok 0 0 0 0 0 1 0 4").unwrap().unwrap();
    assert_eq!((without_size.size, without_size.files_free, without_size.is_read_only), (None, None, true));
}

#[test]
fn answers_come_in_order_and_one_that_hangs_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut asker = Asker::start(&fake(folder.path(), LINE)).unwrap();
    for path in ["/a", "/b", "/hang", "/c"] {
        assert!(asker.ask(path.as_ref()).unwrap());
    }
    for _ in 0..2 {
        assert_eq!(asker.answer(LONG).unwrap().unwrap().unwrap().size, Some(Bytes(4_096_000)));
    }
    assert!(asker.answer(Duration::from_millis(50)).unwrap().is_none());
    let left = asker.leave_behind();
    thread::sleep(Duration::from_millis(50));
    assert!(!left.has_ended());
    std::fs::remove_file(folder.path().join("dead")).unwrap();
    for _ in 0..1000 {
        if left.has_ended() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("still there");
}

#[test]
fn a_question_never_waits_for_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut asker = Asker::start(&fake(folder.path(), LINE)).unwrap();
    assert!(asker.ask("/hang".as_ref()).unwrap());
    let long = PathBuf::from("/x".repeat(LONGEST_PATH / 2 - 1));
    let taken = (0..1000).take_while(|_| asker.ask(&long).unwrap()).count();
    assert!((8..MOST_OPEN).contains(&taken), "{taken}");
    assert!(asker.ask(&long.join("too-long")).is_err());
}

#[test]
fn all_are_asked_and_the_silent_ones_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = fake(folder.path(), LINE);
    let paths: Vec<PathBuf> = ["/a", "/hang/1", "/b", "/hang/2"].map(PathBuf::from).into();
    let answers = ask_each(&program, &paths, Duration::from_secs(1));
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, false]);
    assert_eq!(answers[1].as_ref().unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[test]
fn after_a_few_silent_ones_no_more_are_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let program = fake(folder.path(), LINE);
    let paths: Vec<PathBuf> = (0..10).map(|number| format!("/hang/{number}").into()).collect();
    let answers = ask_each(&program, &paths, Duration::from_millis(100));
    assert!(answers.iter().all(Result::is_err));
    assert!(answers[9].as_ref().unwrap_err().to_string().contains("not asked"));
}

#[test]
fn a_child_that_cannot_be_started_or_ends_is_an_error() {
    let paths = [PathBuf::from("/a"), PathBuf::from("/b")];
    for program in ["/no/such/program", "/bin/true"] {
        let answers = ask_each(program.as_ref(), &paths, LONG);
        assert!(answers.len() == 2 && answers.iter().all(Result::is_err), "{program}: {answers:?}");
    }
}
