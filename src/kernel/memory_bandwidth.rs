//! How fast the CPUs of a NUMA node copy memory of that node, all of them together. Threads pin themselves and wish for
//! memory of their node; both ends with them, and so does the memory.
//!
//! Source: `set_mempolicy(2)`, `get_mempolicy(2)`, `sched_setaffinity(2)`.

use std::ffi::{c_int, c_ulong, c_void};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::unistd::Pid;

use super::KernelError;
use crate::units::BytesPerSecond;

/// Passes go on for so long; with the preparation a node takes less than two seconds.
const TIME: Duration = Duration::from_millis(1200);
const FEWEST_PASSES: usize = 3;
const MOST_PASSES: usize = 101;
/// A thread that has not answered by then will not.
const PATIENCE: Duration = Duration::from_secs(20);
const STACK: usize = 128 << 10;
const PAGE: usize = 4096;
/// Pages of each buffer that are asked where they are.
const PROBES: usize = 16;

// `linux/mempolicy.h`
const MPOL_PREFERRED: c_int = 1;
const MPOL_F_NODE: c_ulong = 1;
const MPOL_F_ADDR: c_ulong = 2;
const NODES: usize = 1024;
const BITS: usize = c_ulong::BITS as usize;

/// The bytes read and written per second when all `cpus`, which belong to `node`, copy at once; `bytes` is the size of all
/// buffers together. The median of several passes, each in two buffers per CPU. Takes up to two seconds of all these CPUs.
///
/// # Errors
/// There is no such CPU for us, no memory, or the memory that was given is not on the node.
pub fn measure(node: u32, cpus: &[u32], bytes: u64) -> Result<BytesPerSecond, KernelError> {
    let each = usize::try_from(bytes).unwrap_or(usize::MAX) / cpus.len().max(1) / 2 / PAGE * PAGE;
    let Some(size) = NonZeroUsize::new(each).filter(|_| !cpus.is_empty()) else {
        return Err(failed(format!("node {node} has no CPU for us, or the buffers are too small")));
    };
    thread::scope(|scope| {
        let (sender, answers) = channel();
        let mut orders = Vec::new();
        for &cpu in cpus {
            let (order, ordered) = sync_channel(1);
            let answers = sender.clone();
            let thread = thread::Builder::new().name("bandwidth".to_owned()).stack_size(STACK);
            let started = thread.spawn_scoped(scope, move || work(cpu, node, size, &ordered, &answers));
            started.map_err(|error| failed(format!("no thread for CPU {cpu}: {error}")))?;
            orders.push(order);
        }
        wait_for(orders.len(), &answers)?;
        let median = median_pass(&orders, &answers)?;
        let copied = crate::units::float((size.get() * orders.len()) as u64);
        Ok(BytesPerSecond(2.0 * copied / median.as_secs_f64()))
        // The threads end when nobody orders any more.
    })
}

/// The CPUs that we may run on.
pub fn our_cpus() -> Result<impl Fn(u32) -> bool, KernelError> {
    let ours =
        sched_getaffinity(Pid::from_raw(0)).map_err(|errno| failed(format!("our CPUs are not known: {errno}")))?;
    Ok(move |cpu| usize::try_from(cpu).is_ok_and(|cpu| ours.is_set(cpu).unwrap_or(false)))
}

fn median_pass(
    orders: &[SyncSender<()>],
    answers: &Receiver<Result<(), KernelError>>,
) -> Result<Duration, KernelError> {
    let mut passes = Vec::new();
    let begin = Instant::now();
    while passes.len() < FEWEST_PASSES || (passes.len() < MOST_PASSES && begin.elapsed() < TIME) {
        let start = Instant::now();
        for order in orders {
            order.send(()).map_err(|_| failed("a thread has ended".to_owned()))?;
        }
        wait_for(orders.len(), answers)?;
        passes.push(start.elapsed());
    }
    // The first pass finds no page in the TLB.
    passes.remove(0);
    passes.sort_unstable();
    passes.get(passes.len() / 2).copied().ok_or_else(|| failed("no pass was made".to_owned()))
}

fn wait_for(threads: usize, answers: &Receiver<Result<(), KernelError>>) -> Result<(), KernelError> {
    for _ in 0..threads {
        answers.recv_timeout(PATIENCE).map_err(|_| failed("a thread does not answer".to_owned()))??;
    }
    Ok(())
}

/// One thread: prepares, says so, and copies each time it is told to.
fn work(cpu: u32, node: u32, size: NonZeroUsize, orders: &Receiver<()>, answers: &Sender<Result<(), KernelError>>) {
    let prepared = pin(cpu).and_then(|()| {
        wish_for(node);
        Ok((Buffer::on(node, size)?, Buffer::on(node, size)?))
    });
    let (mut from, mut to) = match prepared {
        Ok(buffers) => buffers,
        Err(error) => {
            // Nobody listens any more if another thread has failed before.
            let _ = answers.send(Err(error));
            return;
        }
    };
    while answers.send(Ok(())).is_ok() && orders.recv().is_ok() {
        to.bytes().copy_from_slice(from.bytes());
        black_box(to.bytes());
    }
}

fn pin(cpu: u32) -> Result<(), KernelError> {
    let mut set = CpuSet::new();
    let pinned = set.set(cpu as usize).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
    pinned.map_err(|errno| failed(format!("cannot run on CPU {cpu}: {errno}")))
}

/// Memory of the calling thread shall come from the node, but from elsewhere before there is none. Where that cannot be
/// wished for (no NUMA, or forbidden in a container), memory comes from the node of the CPU anyway.
fn wish_for(node: u32) {
    let node = node as usize;
    let mut mask = [0 as c_ulong; NODES / BITS];
    if let Some(word) = mask.get_mut(node / BITS) {
        *word = 1 << (node % BITS);
        // SAFETY: the kernel reads the mask, which is as long as it is told, and keeps no reference to it.
        unsafe { libc::syscall(libc::SYS_set_mempolicy, MPOL_PREFERRED, mask.as_ptr(), NODES) };
    }
}

/// Memory of its own, which the kernel takes back with the value.
struct Buffer {
    start: NonNull<c_void>,
    size: NonZeroUsize,
}

impl Buffer {
    /// Written to once, so that it is there, and looked up where it is.
    fn on(node: u32, size: NonZeroUsize) -> Result<Self, KernelError> {
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new private mapping at a place that the kernel chooses touches nothing that exists.
        let start = unsafe { mmap_anonymous(None, size, protection, MapFlags::MAP_PRIVATE) }
            .map_err(|errno| failed(format!("no memory: {errno}")))?;
        let mut buffer = Self { start, size };
        buffer.bytes().fill(1);
        match buffer.elsewhere(node) {
            Some(other) => Err(failed(format!("memory came from node {other} instead of node {node}"))),
            None => Ok(buffer),
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is ours alone, readable, writable and `size` long as long as the value lives; any byte is a
        // `u8`, and the borrow of `self` keeps the slice the only one.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast().as_ptr(), self.size.get()) }
    }

    /// Another node on which one of some pages is; `None` too if the kernel does not say where pages are.
    fn elsewhere(&mut self, node: u32) -> Option<c_int> {
        let step = (self.size.get() / PAGE / PROBES).max(1);
        self.bytes()
            .chunks(PAGE)
            .step_by(step)
            .map(<[u8]>::as_ptr)
            .filter_map(node_of)
            .find(|found| u32::try_from(*found).ok() != Some(node))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, was made with this size, and no borrow of it outlives the value.
        let _ = unsafe { munmap(self.start, self.size.get()) };
    }
}

fn node_of(page: *const u8) -> Option<c_int> {
    let mut node: c_int = -1;
    let no_mask = std::ptr::null_mut::<c_ulong>();
    // SAFETY: the kernel writes one `int`; without a mask its length is not used, and the page is only looked up.
    let answer =
        unsafe { libc::syscall(libc::SYS_get_mempolicy, &raw mut node, no_mask, 0, page, MPOL_F_NODE | MPOL_F_ADDR) };
    Errno::result(answer).ok().map(|_| node)
}

fn failed(why: String) -> KernelError {
    KernelError::Unsupported { what: "the bandwidth of the memory", reason: why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_a_rate_and_leaves_this_thread_where_it_was() {
        let before = sched_getaffinity(Pid::from_raw(0)).unwrap();
        let is_ours = our_cpus().unwrap();
        let cpu = (0..1024).find(|cpu| is_ours(*cpu)).unwrap();
        let start = Instant::now();
        let BytesPerSecond(rate) = measure(0, &[cpu], 16 << 20).unwrap();
        assert!((1e8..1e13).contains(&rate), "{rate}");
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_eq!(sched_getaffinity(Pid::from_raw(0)).unwrap(), before);
    }

    #[test]
    fn a_cpu_that_is_not_there_and_buffers_of_nothing_are_errors() {
        assert!(measure(0, &[1000], 1 << 20).unwrap_err().to_string().contains("CPU 1000"));
        assert!(measure(0, &[100_000], 1 << 20).is_err());
        assert!(measure(0, &[0], 100).is_err());
        assert!(measure(0, &[], 1 << 20).is_err());
    }
}
