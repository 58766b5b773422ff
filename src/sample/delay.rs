//! What the processes of a job waited for.

use std::time::Duration;

use crate::kernel::taskstats::{Blocked, Delays};

/// Time waited, all threads together, ended ones included. `None` for what is not counted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DelaySample {
    /// For a CPU.
    pub cpu: Option<Duration>,
    /// For a block device.
    pub io: Option<Duration>,
    /// For pages to come back from swap.
    pub swapin: Option<Duration>,
    /// For memory to be freed.
    pub reclaim: Option<Duration>,
    /// For pages of files that had just been dropped.
    pub thrashing: Option<Duration>,
    /// For memory to be put together into larger pieces.
    pub compaction: Option<Duration>,
}

impl DelaySample {
    /// Sums up the delays of processes; one of which nothing is told ended before it could be asked. Where not a single wait has
    /// been counted, the processes may be older than the counting, so that nothing is known.
    pub(super) fn of(processes: impl Iterator<Item = Option<Delays>>) -> Self {
        let delays: Vec<Delays> = processes.flatten().collect();
        if delays.is_empty() {
            return Self::default();
        }
        let cpu = Some(delays.iter().map(|delays| delays.cpu).sum());
        let blocked = delays.iter().map(|delays| delays.blocked).collect::<Option<Vec<Blocked>>>();
        let Some(blocked) = blocked.filter(|blocked| blocked.iter().any(|blocked| blocked.count > 0)) else {
            return Self { cpu, ..Self::default() };
        };
        let sum = |pick: fn(&Blocked) -> Option<Duration>| blocked.iter().map(pick).sum();
        Self {
            cpu,
            io: sum(|blocked| Some(blocked.io)),
            swapin: sum(|blocked| Some(blocked.swapin)),
            reclaim: sum(|blocked| Some(blocked.reclaim)),
            thrashing: sum(|blocked| blocked.thrashing),
            compaction: sum(|blocked| blocked.compaction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    fn delays(cpu: u64, count: u64, io: u64) -> Delays {
        let blocked = Blocked { count, io: second(io), thrashing: Some(second(1)), ..Blocked::default() };
        Delays { cpu: second(cpu), blocked: Some(blocked) }
    }

    #[test]
    fn sums_what_is_known_of_all() {
        let sum = DelaySample::of([delays(1, 4, 2), delays(2, 0, 0)].map(Some).into_iter());
        assert_eq!((sum.cpu, sum.io, sum.swapin), (Some(second(3)), Some(second(2)), Some(Duration::ZERO)));
        assert_eq!((sum.thrashing, sum.compaction), (Some(second(2)), None));
        assert_eq!(DelaySample::of([Some(delays(1, 4, 2)), None].into_iter()).io, Some(second(2)));
        assert_eq!(DelaySample::of([None].into_iter()), DelaySample::default());
        assert_eq!(DelaySample::of(std::iter::empty()), DelaySample::default());
    }

    #[test]
    fn no_wait_at_all_may_be_no_counting_at_all() {
        let uncounted = DelaySample { cpu: Some(second(1)), ..DelaySample::default() };
        assert_eq!(DelaySample::of([Some(delays(1, 0, 0))].into_iter()), uncounted);
        let off = Some(Delays { cpu: second(1), blocked: None });
        assert_eq!(DelaySample::of([off].into_iter()), uncounted);
    }
}
