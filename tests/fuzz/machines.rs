//! Machines that we do not have, broken: whatever their files hold, discovery and sampler end, soon, and what they say can be
//! published.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use nix::sys::resource::{Resource, setrlimit};
use plotwarden::clock::Moment;
use plotwarden::inventory::Inventory;
use plotwarden::kernel::Roots;
use plotwarden::metrics::{Format, encode};
use plotwarden::sample::{HostSample, HostSampler};

use crate::chance::{Chance, Rounds};
use crate::damage::Machine;
use crate::machine::lay_out;
use crate::snapshot::snapshot;

const MACHINES: [&str; 5] = ["dual-socket-server", "desktop", "arm-board", "container", "old-kernel"];
/// A round takes milliseconds; this is for a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(30);
/// Who reads an endless file to its end is stopped here, and not by the machine that runs the tests.
const MEMORY: u64 = 8 << 30;

/// Panics of all threads, those of readings in the background too, which nobody waits for.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[test]
fn no_broken_machine_breaks_us() {
    setrlimit(Resource::RLIMIT_AS, MEMORY, MEMORY).unwrap();
    let say = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(panic.to_string());
        say(panic);
    }));
    // In memory where that is possible: thousands of small files are written again and again.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let lay_out = |name: &'static str| {
        let root = folder.path().join(name);
        lay_out(name, &root);
        (name, Machine::new(root))
    };
    let mut machines: BTreeMap<&str, Machine> = MACHINES.into_iter().map(lay_out).collect();
    let mut rounds = Rounds::begin();
    for seed in rounds.by_ref() {
        let mut chance = Chance::of(seed);
        let name = *chance.pick(&MACHINES);
        let mut machine = machines.remove(name).unwrap();
        machine.damage(&mut chance);
        let broken = machine.said.join("\n");
        let (mut machine, found) = look_in_time(machine, chance)
            .unwrap_or_else(|| panic!("PLOTWARDEN_FUZZ_SEED={seed}: hangs or has panicked\n{broken}"));
        let panics = std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
        assert!(found.is_ok() && panics.is_empty(), "PLOTWARDEN_FUZZ_SEED={seed}: {found:?} {panics:?}\n{broken}");
        machine.mend();
        machines.insert(name, machine);
    }
    eprintln!("{} broken machines", rounds.done());
}

/// Lends the machine to a thread that looks at it; `None` if the thread does not bring it back.
fn look_in_time(mut machine: Machine, mut chance: Chance) -> Option<(Machine, Result<(), String>)> {
    let (sender, answer) = channel();
    let look = move || {
        let found = look(&mut machine, &mut chance);
        let _ = sender.send((machine, found));
    };
    thread::Builder::new().name("look".to_owned()).spawn(look).unwrap();
    answer.recv_timeout(SOON).ok()
}

/// Discovers the machine and samples it a few times, while it breaks further.
fn look(machine: &mut Machine, chance: &mut Chance) -> Result<(), String> {
    let root = |below: &str| machine.root.join(below);
    let (procfs, sysfs, run, nvml) = (root("proc"), root("sys"), root("run"), root("libnvidia-ml.so.1"));
    let roots = Roots { procfs, sysfs, cgroupfs: None, run, nvml };
    let mut sampler = HostSampler::new(&roots, Some(root("sys/fs/cgroup/plotwarden")));
    let inventory = Inventory::read(&roots, moment(0));
    serde_json::to_string(&inventory).map_err(|error| format!("the inventory as JSON: {error}"))?;
    serde_yaml::to_string(&inventory).map_err(|error| format!("the inventory as YAML: {error}"))?;
    let inventory = Arc::new(inventory);
    for second in [1, 2, 40] {
        let mut sample = HostSample::default();
        // What is read in the background is there a moment later.
        for _ in 0..3 {
            sample = sampler.sample(moment(second));
            thread::sleep(Duration::from_millis(2));
        }
        publish(&inventory, sample, moment(second))?;
        if chance.once_in(3) {
            machine.damage(chance);
        }
    }
    Ok(())
}

fn moment(second: u64) -> Moment {
    let boot = Duration::from_secs(10_000 + second);
    Moment { boot, wall: UNIX_EPOCH + Duration::from_hours(490_000) + boot }
}

/// Every value is a number, in both formats.
fn publish(inventory: &Arc<Inventory>, host: HostSample, now: Moment) -> Result<(), String> {
    let snapshot = snapshot(inventory, host, now);
    let mut text = String::new();
    for format in [Format::Classic, Format::OpenMetrics] {
        encode(&snapshot, format, &mut text);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let value = line.rsplit_once(' ').and_then(|(_, value)| value.parse::<f64>().ok());
            if !value.is_some_and(f64::is_finite) {
                return Err(format!("`{line}` has no value"));
            }
        }
    }
    Ok(())
}
