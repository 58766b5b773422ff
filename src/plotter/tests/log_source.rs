//! Logs behind `/proc/PID/fd/1`: regular files only, truncated, rotated and large ones.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use super::super::{Follows, LogSource};
use crate::kernel::Roots;

fn roots(procfs: &Path) -> Roots {
    Roots { procfs: procfs.to_owned(), ..Roots::standard() }
}

/// A procfs with process 42, whose standard output leads to `target`.
fn tree(target: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("42/fd")).unwrap();
    symlink(target, folder.path().join("42/fd/1")).unwrap();
    folder
}

#[test]
fn follows_a_file_as_it_grows_is_truncated_and_grows_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("plot.log");
    fs::write(&log, "first\n").unwrap();
    let procfs = tree(&log);
    let mut source = LogSource::open(&roots(procfs.path()), 42).unwrap().unwrap();
    let mut next = || {
        let chunk = source.read().unwrap();
        (String::from_utf8(chunk.bytes).unwrap(), chunk.follows)
    };
    assert_eq!(next(), ("first\n".to_owned(), Follows::Seamlessly));
    assert_eq!(next(), (String::new(), Follows::Seamlessly));
    OpenOptions::new().append(true).open(&log).unwrap().write_all(b"second\n").unwrap();
    assert_eq!(next(), ("second\n".to_owned(), Follows::Seamlessly));
    fs::write(&log, "anew\n").unwrap();
    assert_eq!(next(), ("anew\n".to_owned(), Follows::Anew));
    fs::rename(&log, folder.path().join("plot.log.1")).unwrap();
    OpenOptions::new().append(true).open(folder.path().join("plot.log.1")).unwrap().write_all(b"rotated\n").unwrap();
    assert_eq!(next(), ("rotated\n".to_owned(), Follows::Seamlessly));
}

#[test]
fn of_a_large_log_only_the_end_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("plot.log");
    fs::write(&log, vec![b'x'; 1 << 20]).unwrap();
    let procfs = tree(&log);
    let chunk = LogSource::open(&roots(procfs.path()), 42).unwrap().unwrap().read().unwrap();
    assert_eq!((chunk.bytes.len(), chunk.follows), (256 << 10, Follows::AfterGap));
}

#[test]
fn what_is_not_a_regular_file_is_no_log() {
    for target in ["/dev/null", "pipe:[4711]", "/"] {
        let procfs = tree(Path::new(target));
        assert!(LogSource::open(&roots(procfs.path()), 42).unwrap().is_none(), "{target}");
    }
    let procfs = tree(Path::new("/dev/null"));
    let error = LogSource::open(&roots(procfs.path()), 43).unwrap_err();
    assert!(error.is_gone(), "{error}");
}

#[test]
fn a_real_process_that_writes_to_a_deleted_file_or_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("out");
    let spawn =
        |stdout: Stdio| Command::new("sh").args(["-c", "echo hello; exec sleep 60"]).stdout(stdout).spawn().unwrap();
    let mut to_file = spawn(fs::File::create(&log).unwrap().into());
    let mut to_pipe = spawn(Stdio::piped());
    fs::remove_file(&log).unwrap();
    let roots = roots(Path::new("/proc"));
    let open = |child: &std::process::Child| LogSource::open(&roots, i32::try_from(child.id()).unwrap()).unwrap();
    let mut source = open(&to_file).unwrap();
    let mut text = Vec::new();
    for _ in 0..200 {
        text.extend(source.read().unwrap().bytes);
        if !text.is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(text, b"hello\n");
    assert!(open(&to_pipe).is_none(), "a wrapper reads it");
    for child in [&mut to_file, &mut to_pipe] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
