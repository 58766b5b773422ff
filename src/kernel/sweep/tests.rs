use super::super::fixture::{FakeProcess, Fixture, at};
use super::*;

const LATER: Duration = Duration::from_secs(100_000);

fn found(appeared: &[i32], exited: &[i32]) -> Found {
    Found { appeared: appeared.to_vec(), exited: exited.to_vec() }
}

fn process(pid: i32, start_ticks: u64, argv: &'static [&'static str]) -> FakeProcess<'static> {
    FakeProcess { pid, start_ticks, argv, ..FakeProcess::IDLE }
}

fn look(sweep: &mut Sweep, now: Duration) -> Found {
    let mut found = sweep.look(at(now)).unwrap();
    found.appeared.sort_unstable();
    found
}

#[test]
fn finds_what_came_and_what_went() {
    let fixture = Fixture::new();
    fixture.process(&process(7, 100, &["a"])).process(&process(8, 100, &["b"])).file("proc/meminfo", "");
    let mut sweep = Sweep::new(fixture.roots.clone());
    assert_eq!(look(&mut sweep, LATER), found(&[7, 8], &[]));
    assert_eq!(look(&mut sweep, LATER), found(&[], &[]));
    fixture.remove("proc/7").process(&process(9, 100, &["c"]));
    assert_eq!(look(&mut sweep, LATER), found(&[9], &[7]));
}

#[test]
fn a_young_process_that_execs_is_found_at_the_next_look() {
    let fixture = Fixture::new();
    fixture.process(&process(7, 100, &["sh"]));
    let mut sweep = Sweep::new(fixture.roots.clone());
    let soon = clock::ticks(100) + Duration::from_secs(1);
    look(&mut sweep, soon);
    fixture.process(&process(7, 100, &["chia_plot"]));
    assert_eq!(look(&mut sweep, soon), found(&[7], &[]));
}

#[test]
fn an_old_process_that_execs_is_found_within_one_rotation() {
    let fixture = Fixture::new();
    fixture.process(&process(7, 100, &["sh"]));
    let mut sweep = Sweep::new(fixture.roots.clone());
    look(&mut sweep, LATER);
    fixture.process(&process(7, 100, &["chia_plot"]));
    let appeared: Vec<i32> = (0..ROTATION).flat_map(|_| look(&mut sweep, LATER).appeared).collect();
    assert_eq!(appeared, [7], "once, not at each look");
}

#[test]
fn a_pid_that_was_used_again_is_an_exit_and_a_new_process() {
    let fixture = Fixture::new();
    fixture.process(&process(7, 100, &["chia_plot"]));
    let mut sweep = Sweep::new(fixture.roots.clone());
    look(&mut sweep, LATER);
    // Made beside the old one, so that the folder surely gets another inode number, as it does in procfs.
    fixture.process(&process(77, 200, &["chia_plot"]));
    let stat = std::fs::read_to_string(fixture.path("proc/77/stat")).unwrap().replace("77 (", "7 (");
    fixture.remove("proc/7").file("proc/77/stat", stat);
    std::fs::rename(fixture.path("proc/77"), fixture.path("proc/7")).unwrap();
    assert_eq!(look(&mut sweep, LATER), found(&[7], &[7]));
}

#[test]
fn a_process_that_cannot_be_read_is_there_all_the_same() {
    let fixture = Fixture::new();
    fixture.process(&process(7, 100, &["a"])).file("proc/7/stat", "garbage");
    let mut sweep = Sweep::new(fixture.roots.clone());
    assert_eq!(look(&mut sweep, LATER), found(&[7], &[]));
    assert_eq!(look(&mut sweep, LATER), found(&[], &[]));
    fixture.remove("proc/7");
    assert_eq!(look(&mut sweep, LATER), found(&[], &[7]));
}

#[test]
fn without_procfs_nothing_is_taken_for_ended() {
    let fixture = Fixture::new();
    fixture.process(&process(7, 100, &["a"]));
    let mut sweep = Sweep::new(fixture.roots.clone());
    look(&mut sweep, LATER);
    std::fs::rename(fixture.path("proc"), fixture.path("away")).unwrap();
    assert!(sweep.look(at(LATER)).is_err());
    std::fs::rename(fixture.path("away"), fixture.path("proc")).unwrap();
    assert_eq!(look(&mut sweep, LATER), found(&[], &[]));
}
