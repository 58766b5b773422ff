//! What the guard holds in memory, and that its watch takes no more, however long it lasts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::process::{Command, Stdio};
use std::time::Duration;

use plotwarden::actuate::guard::Watch;
use plotwarden::claim::KnobKind;

use crate::owned::Owned;
use crate::subject::{Subject, identity};
use crate::{Bench, is_root, now, open, skip, wanted, within};

/// The allocator of this test program, which counts what each thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    // A thread on its way out allocates uncounted.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as our caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as our caller promises.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as our caller promises.
        unsafe { System.realloc(memory, layout, size) }
    }
}

fn allocations() -> usize {
    ALLOCATIONS.with(Cell::get)
}

fn sleeper() -> Owned {
    Owned::start(Command::new("sleep").arg("600").stdin(Stdio::null()))
}

#[test]
fn the_counter_counts() {
    let before = allocations();
    drop(std::hint::black_box(vec![1_u8; 100]));
    assert_eq!(allocations(), before + 1);
}

/// In all states in which nothing is to be put back: beating, with a record open, and silent.
#[test]
fn the_watch_allocates_nothing() {
    if !is_root() {
        skip!("needs root to change priorities");
    }
    let bench = Bench::new(None);
    let main = sleeper();
    let subject = Subject::start();
    let job = subject.job();
    let mut actuator = open(&bench.roots);
    let mut said = Vec::new();
    let mut say = |line: &str| said.push(line.to_owned());
    let mut watch = Watch::new(&bench.roots, identity(main.pid()).unwrap(), &now, &mut say).unwrap();
    let mut looks = |count: usize, beat: &dyn Fn()| {
        for _ in 0..count {
            beat();
            let before = allocations();
            assert!(watch.look());
            assert_eq!(allocations(), before, "the look has allocated");
        }
    };
    let beat = || actuator.beat(now()).unwrap();
    looks(3, &beat);
    // One look more than it takes to call the main process silent, with nothing to put back.
    looks(12, &|| {});
    actuator.beat(now()).unwrap();
    actuator.tick(now(), &wanted(&job, &[KnobKind::Nice]), std::slice::from_ref(&job));
    assert_eq!(actuator.held().count(), 1);
    // Enough to look at the deadlines too.
    looks(9, &|| actuator.beat(now()).unwrap());
    assert_eq!(said, Vec::<String>::new());
}

/// Resident memory of a process, and the part of it that is code of its own program, in kB.
fn resident(pid: i32, program: &str) -> (u64, u64) {
    let smaps = std::fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let (mut all, mut own, mut is_own_code) = (0, 0, false);
    for line in smaps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let first = fields.next().unwrap();
        if first == "Rss:" {
            let size: u64 = fields.next().unwrap().parse().unwrap();
            all += size;
            own += if is_own_code { size } else { 0 };
        } else if !first.ends_with(':') {
            is_own_code = fields.next() == Some("r-xp") && line.ends_with(program);
        }
    }
    (all, own)
}

#[test]
fn the_guard_is_small_and_stays_in_memory() {
    let bench = Bench::new(None);
    let main = sleeper();
    let program = env!("CARGO_BIN_EXE_plotwarden-guard");
    let started = identity(main.pid()).unwrap().start_ticks;
    let mut guard = Command::new(program);
    guard.arg("--main").arg(format!("{}:{started}", main.pid())).arg("--run").arg(&bench.roots.run);
    let guard = Owned::start(&mut guard);
    let field = |name: &str| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", guard.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0)
    };
    let lock_limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_MEMLOCK).unwrap().0;
    if is_root() || lock_limit > 64 << 20 {
        assert!(within(Duration::from_secs(10), || field("VmLck:") > 0), "nothing is locked");
    }
    // A few looks, so that all that the watch touches is there.
    let looks = || std::fs::read_to_string(format!("/proc/{}/schedstat", guard.pid())).unwrap();
    let turns = || looks().split_ascii_whitespace().nth(2).unwrap().parse::<u64>().unwrap();
    let settled = turns() + 4;
    assert!(within(Duration::from_secs(20), || turns() >= settled), "it does not look");
    // As the kernel names it, which may have come to it by a link.
    let program = std::fs::canonicalize(program).unwrap();
    let (all, own) = resident(guard.pid(), program.to_str().unwrap());
    println!("the guard: {all} kB resident, of which {own} kB are its own code; VmLck {} kB", field("VmLck:"));
    assert!(own > 0, "its code is not held");
    assert!(all - own < 1000, "{all} kB without {own} kB of code");
    // Before Linux 6.7, how much of the C library comes along differs by a quarter of a megabyte. Code that is not optimised takes more than twice as much.
    let (most, most_code) = if cfg!(debug_assertions) { (5000, 4000) } else { (2048, 1250) };
    assert!(all < most && own < most_code, "{all} kB, of which {own} kB are code");
}
