use std::fs::File;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::fixture::{FakeProcess, Fixture};
use super::*;
use crate::kernel::privilege::Privileges;
use crate::kernel::{KernelError, Roots};
use crate::units::Bytes;

/// A program that ends with the test, however that ends.
struct Running(Child);

impl Running {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        Self(child.unwrap())
    }

    fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn real() -> Roots {
    Roots::standard()
}

fn us() -> i32 {
    std::process::id().cast_signed()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn facts_come_from_their_files() {
    let fixture = Fixture::new();
    fixture
        .process(&FakeProcess { argv: &["chia_plot", "-t", "", "tmp dir/"], comm: "a) b (c", ..FakeProcess::IDLE })
        .link("proc/7/cwd", "/farm")
        .link("proc/7/exe", "/usr/bin/chia_plot (deleted)")
        .link("proc/7/root", "/")
        .link("proc/7/ns/mnt", "mnt:[1]")
        .link("proc/self/ns/mnt", "mnt:[1]");
    let facts = read_facts(&fixture.roots, 7).unwrap();
    assert_eq!(facts.identity, Identity { pid: 7, start_ticks: 100 });
    assert_eq!((facts.parent, facts.uid, facts.comm.as_str()), (1, 1000, "a) b (c"));
    assert_eq!(facts.argv, ["chia_plot", "-t", "", "tmp dir/"]);
    assert_eq!(facts.cwd.as_deref(), Some("/farm".as_ref()));
    assert_eq!(facts.exe.as_deref(), Some("/usr/bin/chia_plot".as_ref()));
    assert_eq!(facts.foreign_root, None);
    assert_eq!(facts.resolve("tmp".as_ref()), Some("/farm/tmp".into()));
}

#[test]
fn paths_of_a_process_with_a_root_of_its_own_lead_through_that_root() {
    for (root, namespace) in [("/srv/jail", "mnt:[1]"), ("/", "mnt:[2]")] {
        let fixture = Fixture::new();
        fixture
            .process(&FakeProcess::IDLE)
            .link("proc/7/root", root)
            .link("proc/7/cwd", if root == "/" { "/farm" } else { "/srv/jail/farm" })
            .link("proc/7/ns/mnt", namespace)
            .link("proc/self/ns/mnt", "mnt:[1]");
        let facts = read_facts(&fixture.roots, 7).unwrap();
        assert_eq!(facts.cwd.as_deref(), Some("/farm".as_ref()), "{root} {namespace}");
        assert_eq!(facts.resolve("tmp".as_ref()), Some(fixture.path("proc/7/root/farm/tmp")));
        assert_eq!(facts.resolve("/mnt/x".as_ref()), Some(fixture.path("proc/7/root/mnt/x")));
    }
}

#[test]
fn what_may_not_be_read_is_missing_and_the_rest_is_there() {
    let fixture = Fixture::new();
    fixture.process(&FakeProcess::IDLE);
    let facts = read_facts(&fixture.roots, 7).unwrap();
    assert_eq!((facts.cwd.clone(), facts.exe.clone(), facts.foreign_root.clone()), (None, None, None));
    assert_eq!(facts.resolve("relative".as_ref()), None);
    assert_eq!(facts.resolve("/absolute".as_ref()), Some("/absolute".into()));
}

#[test]
fn hostile_command_lines_are_cut_and_decoded() {
    let fixture = Fixture::new();
    let argv = |contents: &[u8]| {
        fixture.process(&FakeProcess::IDLE).file("proc/7/cmdline", contents);
        read_facts(&fixture.roots, 7).unwrap().argv
    };
    assert_eq!(argv(b""), Vec::<String>::new());
    assert_eq!(argv(b"\0"), Vec::<String>::new());
    assert_eq!(argv(b"no end"), ["no end"]);
    assert_eq!(argv(b"a\xff\0b\0"), ["a\u{fffd}", "b"]);
    assert_eq!(argv(&vec![b'x'; 5 << 20])[0].len(), 256 << 10);
}

#[test]
fn missing_and_malformed_are_told_apart() {
    let fixture = Fixture::new();
    assert!(read_stat(&fixture.roots, 7).unwrap_err().is_gone());
    fixture.process(&FakeProcess::IDLE).file("proc/7/stat", "7 (idle) S").file("proc/7/io", "rchar: 1\nwchar: x\n");
    for error in [read_stat(&fixture.roots, 7).unwrap_err(), read_io(&fixture.roots, 7).unwrap_err()] {
        assert!(matches!(error, KernelError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains("proc/7/"), "{error}");
    }
}

#[test]
fn io_counters_must_all_be_there() {
    let fixture = Fixture::new();
    fixture.process(&FakeProcess { wchar: 77, ..FakeProcess::IDLE });
    let io = read_io(&fixture.roots, 7).unwrap();
    let expected = IoCounters { rchar: 10, wchar: 77, read_bytes: 4096, write_bytes: 8192, cancelled_write_bytes: 512 };
    assert_eq!(io, expected);
    for cut in ["", "rchar: 10\n", "rchar: 10\nwchar: 7\nread_bytes: 1\nwrite_bytes: 1\ncancelled_write_bytes: 51"] {
        fixture.file("proc/7/io", cut);
        assert!(matches!(read_io(&fixture.roots, 7), Err(KernelError::Malformed { .. })), "{cut:?}");
    }
}

#[test]
fn sees_itself_as_others_do() {
    let stat = read_stat(&real(), us()).unwrap();
    assert_eq!(stat.parent, std::os::unix::process::parent_id().cast_signed());
    assert_eq!(Some(&stat.parent), parents(&real()).unwrap().get(&us()));
    let facts = read_facts(&real(), us()).unwrap();
    assert_eq!(facts.argv, std::env::args().collect::<Vec<_>>());
    assert_eq!(facts.cwd, std::env::current_dir().ok());
    assert_eq!(facts.exe, std::env::current_exe().ok());
    assert_eq!((facts.foreign_root, facts.uid), (None, nix::unistd::getuid().as_raw()));
    assert!(pids(&real()).unwrap().contains(&us()));
}

#[test]
fn sees_open_files_with_their_paths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plot.p1.t3.sort_bucket_001.tmp");
    let before = count_open_files(&real(), us()).unwrap();
    let file = File::create(&path).unwrap();
    let files = open_files(&real(), us()).unwrap();
    assert!(files.iter().any(|open| open.link == path), "{files:?}");
    // Other tests open files at the same time, so that the count can only be about right.
    assert!(count_open_files(&real(), us()).unwrap().abs_diff(files.len() as u64) < 100 && before > 0);
    drop(file);
}

#[test]
fn counts_written_bytes_and_named_threads() {
    let before = read_io(&real(), us()).unwrap().wchar;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![0; 100_000]).unwrap();
    assert!(read_io(&real(), us()).unwrap().wchar >= before + 100_000);

    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::Builder::new().name("phase1/slice".to_owned()).spawn(move || stopped.recv()).unwrap();
    eventually("a named thread is seen", || {
        thread_names(&real(), us()).unwrap().iter().any(|name| name == "phase1/slice")
    });
    let seen = threads(&real(), us()).unwrap();
    assert!(seen.iter().any(|thread| thread.tid == us()));
    drop(stop);
    let _ = thread.join().unwrap();
}

#[test]
fn a_burner_uses_cpu_and_shares_memory() {
    let burner = Running::start("sh", &["-c", "while :; do :; done"]);
    let used = || {
        let stat = read_stat(&real(), burner.pid()).unwrap();
        stat.user_ticks + stat.system_ticks
    };
    let before = used();
    eventually("the CPU time of a burner grows", || used() > before + 5);
    let resident = crate::kernel::clock::pages(read_stat(&real(), burner.pid()).unwrap().resident_pages);
    let proportional = read_proportional(&real(), burner.pid()).unwrap();
    // The resident pages of the stat file are counted per CPU and lag behind by some.
    assert!(proportional > Bytes(0) && proportional.0 <= resident.0 + (1 << 20), "{proportional} {resident}");
}

#[test]
fn a_zombie_has_a_state_and_a_name_but_no_memory() {
    let zombie = Running::start("true", &[]);
    eventually("the child has ended", || read_stat(&real(), zombie.pid()).unwrap().state.has_ended());
    let facts = read_facts(&real(), zombie.pid()).unwrap();
    assert_eq!((facts.argv, facts.cwd, facts.comm.as_str()), (Vec::new(), None, "true"));
    assert!(read_proportional(&real(), zombie.pid()).unwrap_err().is_gone());
}

#[test]
fn an_opened_directory_never_shows_a_later_process() {
    let mut child = Running::start("sleep", &["60"]);
    let directory = ProcessDir::open(&real(), child.pid()).unwrap();
    directory.stat().unwrap();
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    let error = directory.stat().unwrap_err();
    assert!(error.is_gone(), "{error}");
}

#[test]
fn a_process_in_a_container_is_read_through_its_root() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().to_str().unwrap();
    let script = format!("mount -t tmpfs none {inside} && echo in > {inside}/mark && cd {inside} && exec sleep 60");
    let container = Running::start("unshare", &["--mount", "--pid", "--kill-child", "sh", "-c", &script]);
    let mut sleeper = None;
    eventually("the container runs", || {
        let child = parents(&real()).unwrap().into_iter().find(|(_, parent)| *parent == container.pid());
        sleeper =
            child.and_then(|(pid, _)| read_facts(&real(), pid).ok()).filter(|facts| facts.argv[..] == ["sleep", "60"]);
        sleeper.is_some()
    });
    let sleeper = sleeper.unwrap();
    assert_eq!(sleeper.cwd.as_deref(), Some(folder.path()));
    assert!(!folder.path().join("mark").exists());
    assert_eq!(std::fs::read(sleeper.resolve("mark".as_ref()).unwrap()).unwrap(), b"in\n");
    let pid = nix::unistd::Pid::from_raw(sleeper.identity.pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[test]
fn without_rights_the_processes_of_others_are_forbidden_not_empty() {
    // Elsewhere there need not be another user to become.
    if !nix::unistd::geteuid().is_root() || !Privileges::read(&real()).unwrap().in_first_user_namespace {
        return;
    }
    let other = Running::start("sleep", &["60"]);
    let pid = other.pid();
    let seen = std::thread::spawn(move || {
        give_up_rights_of_this_thread();
        (read_io(&real(), pid), open_files(&real(), pid), read_facts(&real(), pid), read_proportional(&real(), pid))
    });
    let (io, files, facts, proportional) = seen.join().unwrap();
    assert!(io.unwrap_err().is_forbidden());
    assert!(files.unwrap_err().is_forbidden());
    assert!(proportional.unwrap_err().is_forbidden());
    let facts = facts.unwrap();
    assert_eq!((facts.argv[0].as_str(), facts.cwd, facts.exe), ("sleep", None, None));
}

/// Only of this thread, which glibc's wrapper would not do.
fn give_up_rights_of_this_thread() {
    const NOBODY: libc::uid_t = 65534;
    // SAFETY: changes the credentials of this thread only, which ends right after; takes three numbers.
    let answer = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
    assert_eq!(answer, 0);
}
