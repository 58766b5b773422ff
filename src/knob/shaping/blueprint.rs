//! What the kernel has where a lane is in force: a token bucket with one class for the link, and below it one for each class
//! of the lane and one for the rest. Also the way back: which lane it is that the kernel shows.
//!
//! ```text
//! 5057:            the root, by whose number ours is known
//! └─ 5057:1        the link
//!    ├─ 5057:2     the rest: what no rule speaks of
//!    └─ 5057:10…   the classes of the lane
//! ```

use crate::kernel::traffic::{Handle, HtbClass, ticks};
use crate::shaping::{LEAST_RATE, Lane, TrafficClass};
use crate::units::BitsPerSecond;

/// `PW`. The kernel itself gives numbers from 8000 on, and people small ones.
pub const MAJOR: u16 = 0x5057;
pub const ROOT: Handle = Handle::new(MAJOR, 0);
const LINK: u16 = 1;
pub const REST: u16 = 2;
/// Queues of classes have the number of their class beyond this one.
const LEAVES: u16 = 0x6000;

/// A burst is what passes in so many bytes per second's share of this time: shorter would cost a timer for every packet.
const BURST_MILLISECONDS: u64 = 1;
/// And at least one large packet.
const LEAST_BURST: u64 = 10_000;
const QUANTA: std::ops::RangeInclusive<u32> = 2_000..=60_000;

/// The classes of a lane, those before others below which they hang.
pub fn classes(lane: &Lane) -> Vec<HtbClass> {
    let link = class(LINK, lane.link, lane.link, 0);
    let rest = class(REST, lane.rest(), lane.link, 0);
    let own = lane.classes.iter().map(|own| class(own.number, own.guaranteed, own.ceiling, own.priority));
    [link, rest].into_iter().chain(own).collect()
}

/// The rest while the lane is being changed: it is guaranteed less than in any lane, so that whoever comes upon it then knows
/// that the change was interrupted. It can still borrow all that there is.
pub fn under_change(lane: &Lane) -> HtbClass {
    class(REST, BitsPerSecond(LEAST_RATE.0 / 2), lane.link, 0)
}

/// The queue of a class.
pub fn leaf(class: Handle) -> Handle {
    Handle::new(LEAVES + class.minor(), 0)
}

pub fn is_rest(class: &HtbClass) -> bool {
    class.handle.minor() == REST
}

/// Whether packets wait in the class itself.
pub fn has_queue(class: Handle) -> bool {
    class.minor() != LINK
}

/// Whether the class may be one of ours: as a class of its rates and its number would have been made.
pub fn conforms(found: &HtbClass) -> bool {
    let minor = found.handle.minor();
    let is_known = minor == LINK || minor == REST || TrafficClass::NUMBERS.contains(&minor);
    let priority = u8::try_from(found.priority).unwrap_or(u8::MAX);
    is_known && *found == class(minor, bits(found.rate), bits(found.ceiling), priority)
}

/// The lane that has these classes, with no traffic in them yet; `None` if some of them are missing.
pub fn lane_of(found: &[HtbClass]) -> Option<Lane> {
    let link = found.iter().find(|class| class.handle.minor() == LINK)?;
    let own = found.iter().filter(|class| TrafficClass::NUMBERS.contains(&class.handle.minor()));
    let own = own.map(|class| TrafficClass {
        number: class.handle.minor(),
        guaranteed: bits(class.rate),
        ceiling: bits(class.ceiling),
        priority: u8::try_from(class.priority).unwrap_or(u8::MAX),
        dscp: None,
        traffic: Vec::new(),
    });
    let lane = Lane { link: bits(link.ceiling), classes: own.collect() };
    let (mut wanted, mut found) = (classes(&lane), found.to_vec());
    wanted.sort_unstable();
    found.sort_unstable();
    (wanted == found).then_some(lane)
}

/// Puts the classes in the order in which their numbers were seen.
pub fn put_in_order(lane: &mut Lane, seen: &[u16]) {
    lane.classes.sort_by_key(|class| seen.iter().position(|number| *number == class.number));
}

fn class(minor: u16, rate: BitsPerSecond, ceiling: BitsPerSecond, priority: u8) -> HtbClass {
    let (rate, ceiling) = (rate.0 / 8, ceiling.0 / 8);
    let burst = |rate: u64| ticks((rate / 1000 * BURST_MILLISECONDS).max(LEAST_BURST), rate);
    // The kernel never changes that of a class which has classes below.
    let quantum = if minor == LINK { *QUANTA.end() } else { u32::try_from(rate / 1000).unwrap_or(u32::MAX) };
    HtbClass {
        handle: Handle::new(MAJOR, minor),
        parent: if minor == LINK { Handle::ROOT } else { Handle::new(MAJOR, LINK) },
        rate,
        ceiling,
        burst: burst(rate),
        ceiling_burst: burst(ceiling),
        quantum: quantum.clamp(*QUANTA.start(), *QUANTA.end()),
        priority: u32::from(priority),
    }
}

fn bits(bytes: u64) -> BitsPerSecond {
    BitsPerSecond(bytes.saturating_mul(8))
}
