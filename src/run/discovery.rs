//! Keeps the inventory up to date: it is read again when hardware has come or gone, on request, and now and then. Never in
//! the loop: a look at all of a machine takes longer than a tick may.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::clock::Moment;
use crate::inventory::{Capability, GpuDiscovery, Inventory};
use crate::kernel::Roots;
use crate::kernel::device_events::DeviceEvents;
use crate::sample::HostSample;

/// Addresses, mounts and RAID sets change without a device that comes or goes.
const NOW_AND_THEN: Duration = Duration::from_mins(10);
/// A new device is not whole at once: udev names it and finds its partitions.
const SETTLED: Duration = Duration::from_secs(2);
/// Where devices come and go all the time, such as those of containers, the inventory is not read all the time.
const APART: Duration = Duration::from_secs(10);

/// An inventory, and the GPUs that it still waits for.
type Reading = (Inventory, Option<GpuDiscovery>);

/// The inventory, and whatever makes it old.
pub struct Discovery {
    roots: Roots,
    current: Arc<Inventory>,
    /// What the actuator can do, which no inventory knows.
    of_actuator: Vec<Capability>,
    /// `None` where the kernel does not tell; then only what comes and goes by name is noticed.
    events: Option<DeviceEvents>,
    seen: Option<u64>,
    /// When it is to be read again, as time since boot.
    due: Duration,
    /// When it was read last.
    began: Duration,
    reading: Option<Receiver<Reading>>,
    /// GPUs that had not answered when all else was known.
    gpus: Option<GpuDiscovery>,
}

impl Discovery {
    pub fn new(roots: &Roots, inventory: Inventory, of_actuator: Vec<Capability>, now: Moment) -> Self {
        let due = now.boot + NOW_AND_THEN;
        let current = Arc::new(with(inventory, &of_actuator));
        let events =
            DeviceEvents::open().inspect_err(|error| tracing::debug!(%error, "hot-plug is noticed by names only"));
        Self {
            roots: roots.clone(),
            current,
            of_actuator,
            events: events.ok(),
            seen: None,
            due,
            began: now.boot,
            reading: None,
            gpus: None,
        }
    }

    /// The inventory is to be completed by what the GPUs answer.
    pub fn awaiting(self, gpus: GpuDiscovery) -> Self {
        Self { gpus: Some(gpus), ..self }
    }

    pub fn current(&self) -> &Arc<Inventory> {
        &self.current
    }

    /// Somebody wants it to be read again.
    pub fn request(&mut self, now: Moment) {
        self.due = now.boot;
    }

    /// Takes a reading that has ended, and begins one that is due.
    pub fn follow(&mut self, now: Moment, host: &HostSample) {
        if self.has_changed(host) {
            tracing::debug!("hardware has come, gone or changed; the inventory is read again");
            self.due = self.due.min((now.boot + SETTLED).max(self.began + APART));
        }
        if let Some(found) = self.gpus.as_ref().and_then(|gpus| gpus.take(Duration::ZERO)) {
            Arc::make_mut(&mut self.current).complete(found);
            self.gpus = None;
        }
        if let Some(reading) = &self.reading {
            match reading.try_recv() {
                Ok((inventory, gpus)) => {
                    self.current = Arc::new(with(inventory, &self.of_actuator));
                    self.gpus = gpus;
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    tracing::error!("the inventory could not be read; the last one stays");
                }
            }
            self.reading = None;
        }
        if now.boot >= self.due {
            self.due = now.boot + NOW_AND_THEN;
            self.began = now.boot;
            self.reading = self.begin(now);
        }
    }

    fn has_changed(&mut self, host: &HostSample) -> bool {
        let hardware = hardware(host);
        let is_told = self.events.as_ref().is_some_and(DeviceEvents::any);
        self.seen.replace(hardware).is_some_and(|seen| seen != hardware) || is_told
    }

    fn begin(&self, now: Moment) -> Option<Receiver<Reading>> {
        let (answer, reading) = sync_channel(1);
        let roots = self.roots.clone();
        // Nobody waits for the answer any more if the loop has ended.
        let look = move || drop(answer.send(read(&roots, now)));
        let started = thread::Builder::new().name("discovery".to_owned()).spawn(look);
        started.inspect_err(|error| tracing::error!(%error, "the inventory is not read again")).ok().map(|_| reading)
    }
}

/// What is hot-plugged is not to wait for a GPU that hangs.
fn read(roots: &Roots, now: Moment) -> Reading {
    let (mut inventory, gpus) = Inventory::begin(roots, now);
    match gpus.take(SETTLED) {
        Some(found) => {
            inventory.complete(found);
            (inventory, None)
        }
        None => (inventory, Some(gpus)),
    }
}

fn with(mut inventory: Inventory, of_actuator: &[Capability]) -> Inventory {
    inventory.capabilities.extend_from_slice(of_actuator);
    inventory
}

/// Which devices there are, as one number: the sample names them each tick.
fn hardware(host: &HostSample) -> u64 {
    let mut names = DefaultHasher::new();
    for disk in host.disks.iter().flatten() {
        disk.device.hash(&mut names);
    }
    for interface in host.network.interfaces.iter().flatten() {
        interface.device.hash(&mut names);
    }
    for (cpu, _) in host.cpu.iter().flat_map(|cpu| &cpu.cpus) {
        cpu.hash(&mut names);
    }
    names.finish()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::kernel::fixture::{Fixture, at};
    use crate::sample::HostSampler;

    /// Follows the machine from one second on until `done`, a simulated second at each look.
    fn follow(discovery: &mut Discovery, fixture: &Fixture, mut second: u64, done: impl Fn(&Inventory) -> bool) -> u64 {
        let mut sampler = HostSampler::new(&fixture.roots, None);
        let start = Instant::now();
        while !done(discovery.current()) {
            let now = at(Duration::from_secs(second));
            discovery.follow(now, &sampler.sample(now));
            second += 1;
            assert!(start.elapsed() < Duration::from_secs(10), "never read again");
            thread::sleep(Duration::from_millis(5));
        }
        second
    }

    fn machine(cpus: &str, stat: &str) -> Fixture {
        let fixture = Fixture::new();
        change(&fixture, cpus, stat);
        fixture
    }

    fn change(fixture: &Fixture, cpus: &str, stat: &str) {
        fixture.file("sys/devices/system/cpu/online", cpus).file("proc/stat", stat);
    }

    const ONE: &str = "cpu 1 0 1 1 0 0 0 0 0 0\ncpu0 1 0 1 1 0 0 0 0 0 0\nintr 1\nctxt 1\nprocesses 1\n";
    const TWO: &str =
        "cpu 1 0 1 1 0 0 0 0 0 0\ncpu0 1 0 1 1 0 0 0 0 0 0\ncpu1 1 0 1 1 0 0 0 0 0 0\nintr 1\nctxt 1\nprocesses 1\n";

    #[test]
    fn a_cpu_that_goes_offline_is_noticed_within_seconds() {
        let fixture = machine("0-1", TWO);
        let now = at(Duration::from_secs(1));
        let mut discovery = Discovery::new(&fixture.roots, Inventory::read(&fixture.roots, now), Vec::new(), now);
        let second = follow(&mut discovery, &fixture, 1, |inventory| inventory.cpu.facts.topology.online == [0, 1]);
        let mut sampler = HostSampler::new(&fixture.roots, None);
        let now = at(Duration::from_secs(second));
        discovery.follow(now, &sampler.sample(now));
        change(&fixture, "0", ONE);
        let noticed =
            follow(&mut discovery, &fixture, second + 1, |inventory| inventory.cpu.facts.topology.online == [0]);
        assert!(Duration::from_secs(noticed - second) < NOW_AND_THEN);
    }

    #[test]
    fn what_changes_unseen_is_read_on_request_and_what_the_actuator_can_do_stays() {
        let fixture = machine("0", ONE);
        let now = at(Duration::from_secs(1));
        let ours = Inventory::read(&fixture.roots, now).capabilities.into_iter().take(1).collect::<Vec<_>>();
        let mut discovery = Discovery::new(&fixture.roots, Inventory::read(&fixture.roots, now), ours, now);
        let known = discovery.current().capabilities.len();
        fixture.file("proc/sys/kernel/hostname", "renamed\n");
        discovery.request(now);
        follow(&mut discovery, &fixture, 2, |inventory| inventory.system.facts.hostname.as_deref() == Some("renamed"));
        assert_eq!(discovery.current().capabilities.len(), known);
    }
}
