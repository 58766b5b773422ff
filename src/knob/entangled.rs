//! What stands against a pause: others wait for what a process holds, or for what it sends.
//!
//! Somebody who waits for a file lock waits as long as its holder is paused, and so do all who wait for him in turn. The far end of
//! a connection gives up after a time that nobody here knows, and then a copy has failed that was nearly done.

use std::fmt::Write as _;

use super::KnobError;
use crate::kernel::locks::{self, FileLock};
use crate::kernel::process::{Identity, ProcessDir};
use crate::kernel::{KernelError, Roots};

/// Why these processes may not be paused now; `None` if nothing stands against it.
///
/// Errors if that cannot be told.
pub fn entangled(roots: &Roots, processes: &[Identity]) -> Result<Option<String>, KnobError> {
    let untold = |error: KernelError| KnobError::Unusable(error.to_string());
    let all = locks::read(roots).map_err(untold)?.unwrap_or_default();
    for &process in processes {
        match of_process(roots, process.pid, &all) {
            Ok(None) => {}
            Ok(Some(why)) => return Ok(Some(format!("process {} {why}", process.pid))),
            Err(error) if error.is_gone() => {}
            Err(error) => return Err(untold(error)),
        }
    }
    Ok(None)
}

fn of_process(roots: &Roots, pid: i32, all: &[FileLock]) -> Result<Option<String>, KernelError> {
    if let Some(lock) = all.iter().find(|lock| lock.pid == Some(pid) && !lock.waits) {
        return Ok(Some(held(lock, all)));
    }
    let directory = ProcessDir::open(roots, pid)?;
    // Locks of open files are shared with whoever inherited them, and name at most the one who took them.
    if all.iter().any(|lock| !lock.waits)
        && let Some(lock) = directory.locks()?.iter().find(|lock| !lock.waits)
    {
        return Ok(Some(held(lock, all)));
    }
    let far = directory.connections()?;
    Ok(far.first().map(|far| format!("is connected with {far}, which may not wait for it")))
}

fn held(lock: &FileLock, all: &[FileLock]) -> String {
    let waiting = all.iter().filter(|other| other.waits && other.file == lock.file).count();
    let mut why = format!("holds a {} on file {}", lock.kind.name(), lock.file);
    if waiting > 0 {
        // Writing to a string cannot fail.
        let _ = write!(why, ", for which {waiting} wait");
    }
    why
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::process::{Child, Command, Stdio};

    use super::*;
    use crate::kernel::fixture::{FakeProcess, Fixture};
    use crate::kernel::process::read_stat;

    const IDLE: Identity = Identity { pid: 7, start_ticks: 100 };

    fn told(fixture: &Fixture) -> Option<String> {
        entangled(&fixture.roots, &[IDLE]).unwrap()
    }

    fn scene() -> Fixture {
        let fixture = Fixture::new();
        fixture.process(&FakeProcess::IDLE).link("proc/7/fd/0", "/dev/null").file("proc/7/fdinfo/0", "pos:\t0\n");
        fixture
    }

    #[test]
    fn a_lock_is_told_with_those_who_wait_for_it() {
        let fixture = scene();
        assert_eq!(told(&fixture), None);
        fixture.file("proc/locks", "1: FLOCK  ADVISORY  WRITE 9 08:01:17 0 EOF\n");
        assert_eq!(told(&fixture), None, "it is somebody else's");
        fixture
            .file("proc/locks", "1: POSIX ADVISORY READ 9 08:01:17 0 9\n1: -> POSIX ADVISORY WRITE 7 08:01:17 0 9\n");
        assert_eq!(told(&fixture), None, "who waits may be paused");
        fixture
            .file("proc/locks", "1: POSIX ADVISORY READ 7 08:01:17 0 9\n1: -> POSIX ADVISORY WRITE 9 08:01:17 0 9\n");
        assert_eq!(told(&fixture).unwrap(), "process 7 holds a POSIX lock on file 08:01:17, for which 1 wait");
    }

    #[test]
    fn a_lock_of_an_open_file_is_found_with_whoever_has_it_open() {
        let fixture = scene();
        fixture.file("proc/locks", "1: OFDLCK ADVISORY  WRITE -1 08:01:17 0 EOF\n");
        assert_eq!(told(&fixture), None, "somebody else has it open");
        fixture.file("proc/7/fdinfo/3", "pos:\t0\nlock:\t1: OFDLCK ADVISORY  WRITE -1 08:01:17 0 EOF\n");
        assert_eq!(told(&fixture).unwrap(), "process 7 holds a lock of an open file on file 08:01:17");
    }

    #[test]
    fn what_cannot_be_told_is_an_error_and_who_has_gone_holds_nothing() {
        let fixture = scene();
        fixture.file("proc/locks", "what is this\n");
        assert!(entangled(&fixture.roots, &[IDLE]).is_err());
        fixture.file("proc/locks", "1: FLOCK  ADVISORY  WRITE 9 08:01:17 0 EOF\n");
        fixture.file("proc/7/fdinfo/3", "lock:\tnonsense\n");
        assert!(entangled(&fixture.roots, &[IDLE]).is_err());
        fixture.remove("proc/7");
        assert_eq!(told(&fixture), None);
    }

    /// Runs in a process of its own, which says a line and then waits for its standard input to end.
    struct Other(Child);

    impl Other {
        fn start(script: &str, argument: &str) -> Self {
            let mut command = Command::new("python3");
            command.args([
                "-c",
                &format!("import sys,os,fcntl,socket\n{script}\nprint('ready',flush=True)\nsys.stdin.read()"),
            ]);
            let child = command.arg(argument).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
            let mut child = child.unwrap();
            let mut said = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
            assert_eq!(said, "ready\n");
            Self(child)
        }

        fn told(&self) -> Option<String> {
            let roots = Roots::standard();
            let process = read_stat(&roots, self.0.id().cast_signed()).unwrap().identity;
            entangled(&roots, &[process]).unwrap()
        }
    }

    impl Drop for Other {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn the_kernel_of_this_machine_tells_of_each_kind_of_lock() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"plot").unwrap();
        let path = file.path().to_str().unwrap();
        let open = "f=open(sys.argv[1],'r+')";
        for (take, name) in [
            ("pass", None),
            ("fcntl.flock(f,fcntl.LOCK_SH)", Some("flock")),
            ("fcntl.lockf(f,fcntl.LOCK_EX)", Some("POSIX lock")),
            ("fcntl.fcntl(f,37,(1).to_bytes(2,'little')+bytes(30))", Some("lock of an open file")),
        ] {
            let other = Other::start(&format!("{open}\n{take}"), path);
            match (name, other.told()) {
                (None, told) => assert_eq!(told, None),
                (Some(name), told) => {
                    let told = told.unwrap_or_else(|| panic!("{take} does not show"));
                    assert!(told.contains(&format!("holds a {name} on file")), "{take}: {told}");
                }
            }
        }
    }

    #[test]
    fn a_child_that_inherits_a_lock_holds_it_too() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let script = "f=open(sys.argv[1],'r+')\nfcntl.flock(f,fcntl.LOCK_EX)\nr,w=os.pipe()\npid=os.fork()\n\
                      if pid:\n os.close(w)\n os.read(r,1)\n os._exit(0)\n";
        // The kernel tells of it under the parent's number.
        let mut command = Command::new("python3");
        let code = format!("import sys,os,fcntl\n{script}print(os.getpid(),flush=True)\nsys.stdin.read()");
        command.args(["-c", &code]).arg(file.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut parent = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(parent.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let roots = Roots::standard();
        let child = read_stat(&roots, said.trim().parse().unwrap()).unwrap().identity;
        let told = entangled(&roots, &[child]).unwrap();
        drop(parent.stdin.take());
        let _ = parent.wait();
        assert!(told.is_some_and(|told| told.contains("flock")));
    }

    #[test]
    fn a_connection_within_this_machine_stands_against_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let other = Other::start("s=socket.create_connection(('127.0.0.1',int(sys.argv[1])))", &port);
        assert_eq!(other.told(), None);
    }
}
