use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Instant;

use super::*;
use crate::kernel::fixture::{Fixture, at};
use crate::units::Bytes;

/// A machine whose program of questions answers with a fixed line, but hangs at paths with `hang` in them as long as the file
/// `dead` is there, and answers with an error where `gone` is.
struct Machine {
    fixture: Fixture,
    sampler: FileSystemSampler,
}

impl Machine {
    fn with(points: &[&str]) -> Self {
        let fixture = Fixture::new();
        fixture.file("dead", "");
        let script = format!(
            "#!/bin/bash\nwhile IFS= read -r -d '' path; do\n\
             case $path in *hang*) while [ -e {} ]; do sleep 0.02; done;; *gone*) echo error 107; continue;; esac\n\
             echo ok 4096 2048 1024 100 40 0 0 0\ndone\n",
            fixture.path("dead").display()
        );
        fixture.file("plotwarden", script);
        let program = fixture.path("plotwarden");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let sampler = FileSystemSampler::asking(&fixture.roots, Ok(program));
        let machine = Self { fixture, sampler };
        machine.mount(points);
        machine
    }

    fn mount(&self, points: &[&str]) {
        let line = |(number, point): (usize, &&str)| {
            let kind = if point.contains("nas") { "nfs4" } else { "ext4" };
            format!("{number} 1 8:{number} / {point} rw - {kind} /dev/x rw\n")
        };
        let table: String = points.iter().enumerate().map(line).collect();
        self.fixture.file("proc/self/mountinfo", table);
    }

    fn tick(&mut self, second: u64) -> Arc<FileSystems> {
        let mut problems = Vec::new();
        let start = Instant::now();
        let sample = self.sampler.sample(at(Duration::from_secs(second)), &mut problems).unwrap();
        assert!(start.elapsed() < Duration::from_secs(1), "a tick waited");
        assert!(problems.iter().all(|problem| problem.reason.contains("has not answered")), "{problems:?}");
        sample
    }

    /// Ticks in the same second until `is` is so.
    fn until(&mut self, second: u64, is: impl Fn(&FileSystems) -> bool) -> Arc<FileSystems> {
        let start = Instant::now();
        loop {
            let sample = self.tick(second);
            if is(&sample) {
                return sample;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{sample:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn of<'a>(sample: &'a FileSystems, point: &str) -> &'a FileSystemSample {
    sample.all.iter().find(|one| one.place.mount_point == point).unwrap()
}

fn known(sample: &FileSystems) -> Vec<&str> {
    let known = sample.all.iter().filter(|one| one.space.is_some());
    known.map(|one| one.place.mount_point.as_str()).collect()
}

#[test]
fn all_are_asked_without_waiting_and_again_when_it_is_time() {
    let mut machine = Machine::with(&["/", "/mnt/a"]);
    assert_eq!(known(&machine.tick(1)), [""; 0], "nobody waits for the first answer");
    let sample = machine.until(1, |sample| known(sample).len() == 2);
    let root = of(&sample, "/");
    assert_eq!(root.space.unwrap().available, Some(Bytes(1024)));
    assert_eq!((root.late, root.is_failing, root.is_read_only), (Duration::ZERO, Some(false), false));
    assert!(Arc::ptr_eq(&sample, &machine.tick(2)), "nothing has changed");
    machine.mount(&["/", "/mnt/a", "/mnt/b"]);
    assert_eq!(machine.tick(15).all.len(), 2);
    machine.until(16, |sample| known(sample).len() == 3);
}

#[test]
fn one_that_hangs_is_late_and_the_others_go_on() {
    let mut machine = Machine::with(&["/", "/mnt/nas-hang", "/mnt/hang", "/mnt/nas"]);
    let sample = machine.until(1, |sample| known(sample) == ["/"]);
    assert_eq!(of(&sample, "/mnt/hang").late, Duration::ZERO);
    // Those that are near come first.
    machine.until(4, |sample| of(sample, "/mnt/hang").late == Duration::from_secs(3));
    let sample = machine.tick(4);
    assert_eq!(of(&sample, "/mnt/nas-hang").late, Duration::ZERO);
    machine.until(7, |sample| !of(sample, "/mnt/nas-hang").late.is_zero());
    let sample = machine.until(7, |sample| known(sample) == ["/", "/mnt/nas"]);
    assert_eq!(of(&sample, "/mnt/hang").late, Duration::from_secs(6));
    assert_eq!(of(&sample, "/mnt/hang").is_failing, None);
    machine.tick(16);
    machine.until(17, |sample| known(sample) == ["/", "/mnt/nas"]);
    assert_eq!(of(&machine.tick(100), "/mnt/hang").late, Duration::from_secs(99));
    machine.fixture.remove("dead");
    machine.until(200, |sample| sample.all.iter().all(|one| one.late.is_zero()));
    machine.until(220, |sample| known(sample).len() == 4);
}

#[test]
fn an_old_answer_says_nothing() {
    let mut machine = Machine::with(&["/mnt/hang"]);
    std::fs::rename(machine.fixture.path("dead"), machine.fixture.path("alive")).unwrap();
    machine.until(1, |sample| known(sample).len() == 1);
    machine.fixture.file("dead", "");
    machine.tick(20);
    assert_eq!(known(&machine.until(23, |sample| !sample.all[0].late.is_zero())).len(), 1);
    assert_eq!(known(&machine.tick(70)).len(), 0);
}

#[test]
fn one_that_answers_with_an_error_is_failing() {
    let mut machine = Machine::with(&["/mnt/gone"]);
    let sample = machine.until(1, |sample| sample.all[0].is_failing.is_some());
    assert_eq!((sample.all[0].is_failing, sample.all[0].space, sample.all[0].late), (Some(true), None, Duration::ZERO));
}

#[test]
fn one_that_is_gone_is_forgotten_and_one_that_comes_back_is_new() {
    let mut machine = Machine::with(&["/", "/mnt/hang"]);
    machine.until(1, |sample| known(sample) == ["/"]);
    machine.until(4, |sample| !of(sample, "/mnt/hang").late.is_zero());
    machine.mount(&["/"]);
    machine.until(16, |sample| sample.all.len() == 1 && sample.all[0].late.is_zero());
    while !machine.sampler.round.is_over() {
        machine.tick(16);
    }
    machine.mount(&["/", "/mnt/x", "/mnt/hang"]);
    assert!(machine.tick(31).all.iter().all(|one| one.late.is_zero()));
}

#[test]
fn without_a_table_or_a_program_it_is_said_what_is_missing() {
    let fixture = Fixture::new();
    let sample = |program: Result<PathBuf, String>| {
        let mut problems = Vec::new();
        let sample = FileSystemSampler::asking(&fixture.roots, program).sample(at(PERIOD), &mut problems);
        (sample, problems.into_iter().map(|problem| problem.reason).collect::<Vec<_>>().join("\n"))
    };
    let (none, reason) = sample(Ok(Path::new("/bin/true").to_owned()));
    assert!(none.is_none() && reason.contains("mountinfo"), "{reason}");
    fixture.file("proc/self/mountinfo", "1 2 8:1 / / ro - ext4 /dev/sda1 rw\n");
    let (some, reason) = sample(Err("nobody".to_owned()));
    assert!(reason.contains("nobody"), "{reason}");
    let root = &some.unwrap().all[0];
    assert_eq!((root.is_read_only, root.space, root.is_failing), (true, None, None));
    let (_, reason) = sample(Ok("/no/such/program".into()));
    assert!(reason.contains("/no/such/program"), "{reason}");
}
