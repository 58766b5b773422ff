//! Classes of the hierarchical token bucket.
//!
//! The kernel counts a burst not in bytes but in the time that it takes at the rate, in ticks of 64 ns
//! (`PSCHED_SHIFT` in `include/net/pkt_sched.h`; all kernels since 2.6.31). Rates beyond 34 Gbit/s do not fit the old field and
//! stand in one of their own. A link layer that is named spares the table of rates that kernels before 3.8 needed.

use super::{Handle, TCA_KIND, TCA_OPTIONS, place, placed};
use crate::kernel::netlink::message::{Attributes, Message, Received, find, number32, number64, text};
use crate::kernel::netlink::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST};

const NEW: u16 = 40;
const DELETE: u16 = 41;
const GET: u16 = 42;
const TCA_HTB_PARMS: u16 = 1;
const TCA_HTB_RATE64: u16 = 6;
const TCA_HTB_CEIL64: u16 = 7;
/// `TC_LINKLAYER_ETHERNET`.
const ETHERNET: u8 = 1;
const TICK_NANOSECONDS: u128 = 64;
/// Where fields of `tc_htb_opt` stand: the rate within each of two `tc_ratespec`, and what follows them.
const RATE: usize = 8;
const CEILING: usize = 20;
const BURST: usize = 24;
const CEILING_BURST: usize = 28;
const QUANTUM: usize = 32;
const PRIORITY: usize = 40;

/// A class; rates in bytes per second, bursts in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HtbClass {
    pub handle: Handle,
    pub parent: Handle,
    pub rate: u64,
    pub ceiling: u64,
    pub burst: u32,
    pub ceiling_burst: u32,
    /// Bytes that the class sends when it is its turn to borrow.
    pub quantum: u32,
    /// 0 (offered first) to 7.
    pub priority: u32,
}

/// Whether a class is new or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    New,
    Change,
}

/// Time that so many bytes take at a rate, in the kernel's ticks; not less than one.
pub fn ticks(bytes: u64, bytes_per_second: u64) -> u32 {
    let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_second.max(1));
    u32::try_from((nanoseconds / TICK_NANOSECONDS).max(1)).unwrap_or(u32::MAX)
}

impl HtbClass {
    pub(super) fn question(interface: u32) -> Message {
        let place = place(interface, Handle::NONE, Handle::NONE, 0);
        Message::new(GET, NLM_F_REQUEST, &place, &Attributes::new())
    }

    /// A class of another discipline is `Err` with its handle.
    pub(super) fn parse(received: &Received<'_>, interface: u32) -> Option<Result<Self, Handle>> {
        let (place, attributes) = placed(received, NEW)?;
        if place.interface != interface {
            return None;
        }
        let is_htb = find(attributes, TCA_KIND).is_some_and(|kind| text(kind) == "htb");
        let options = find(attributes, TCA_OPTIONS).filter(|_| is_htb);
        let class = options.and_then(|options| Self::from_options(place.handle, place.parent, options));
        Some(class.ok_or(place.handle))
    }

    fn from_options(handle: Handle, parent: Handle, options: &[u8]) -> Option<Self> {
        let fixed = find(options, TCA_HTB_PARMS)?;
        let rate = |small: usize, large: u16| {
            let large = find(options, large).and_then(|value| number64(value, 0));
            large.or_else(|| number32(fixed, small).map(u64::from))
        };
        Some(Self {
            handle,
            parent,
            rate: rate(RATE, TCA_HTB_RATE64)?,
            ceiling: rate(CEILING, TCA_HTB_CEIL64)?,
            burst: number32(fixed, BURST)?,
            ceiling_burst: number32(fixed, CEILING_BURST)?,
            quantum: number32(fixed, QUANTUM)?,
            priority: number32(fixed, PRIORITY)?,
        })
    }

    pub(super) fn put(&self, interface: u32, put: Put) -> Message {
        let mut options = Attributes::new().with(TCA_HTB_PARMS, &self.fixed());
        for (kind, rate) in [(TCA_HTB_RATE64, self.rate), (TCA_HTB_CEIL64, self.ceiling)] {
            if rate > u64::from(u32::MAX) {
                options = options.with(kind, &rate.to_ne_bytes());
            }
        }
        let attributes = Attributes::new().with_text(TCA_KIND, "htb").with_nested(TCA_OPTIONS, &options);
        let flags = match put {
            Put::New => NLM_F_CREATE | NLM_F_EXCL,
            Put::Change => 0,
        };
        let place = place(interface, self.handle, self.parent, 0);
        Message::new(NEW, NLM_F_REQUEST | NLM_F_ACK | flags, &place, &attributes)
    }

    pub(super) fn deletion(interface: u32, handle: Handle) -> Message {
        let place = place(interface, handle, Handle::NONE, 0);
        Message::new(DELETE, NLM_F_REQUEST | NLM_F_ACK, &place, &Attributes::new())
    }

    /// `struct tc_htb_opt`.
    fn fixed(&self) -> Vec<u8> {
        let mut fixed = Vec::with_capacity(PRIORITY + 4);
        for rate in [self.rate, self.ceiling] {
            fixed.extend([0, ETHERNET, 0, 0, 0, 0, 0, 0]);
            fixed.extend(u32::try_from(rate).unwrap_or(u32::MAX).to_ne_bytes());
        }
        let level = 0;
        for number in [self.burst, self.ceiling_burst, self.quantum, level, self.priority] {
            fixed.extend(number.to_ne_bytes());
        }
        fixed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::netlink::message::messages;

    #[test]
    fn a_burst_is_the_time_that_it_takes() {
        // 1600 bytes at 1 Mbit/s take 12.8 ms, which are 200,000 ticks of 64 ns.
        assert_eq!(ticks(1600, 125_000), 200_000);
        assert_eq!(ticks(1, u64::MAX), 1, "a burst of nothing would let nothing pass");
        assert_eq!(ticks(u64::MAX, 1), u32::MAX);
    }

    #[test]
    fn a_class_is_read_as_it_is_written_whatever_its_rate() {
        for rate in [1_000, 125_000_000, u64::from(u32::MAX), u64::from(u32::MAX) + 1, 50_000_000_000] {
            let class = HtbClass {
                handle: Handle::new(0x5057, 2),
                parent: Handle::new(0x5057, 1),
                rate,
                ceiling: rate * 2,
                burst: ticks(10_000, rate),
                ceiling_burst: 7,
                quantum: 1514,
                priority: 3,
            };
            let bytes = class.put(4, Put::New).bytes(1);
            let received = messages(&bytes).next().unwrap();
            assert_eq!(HtbClass::parse(&received, 4), Some(Ok(class)));
            assert_eq!(HtbClass::parse(&received, 5), None, "of another interface");
        }
    }
}
