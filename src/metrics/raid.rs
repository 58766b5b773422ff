//! md sets: whether they are whole, and how far a repair has come.

use crate::sample::{RaidSample, SyncAction};

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;

/// All that `Documentation/admin-guide/md.rst` knows of a set that exists.
const STATES: [&str; 9] =
    ["inactive", "suspended", "readonly", "read-auto", "clean", "active", "write-pending", "active-idle", "broken"];

pub(super) const FAMILIES: &[Family] = &[
    set("plotwarden_md_disks", "Disks that the set should have.", "/sys/block/md*/md/raid_disks")
        .drawn(|s, out| each(s, out, |set| set.disks)),
    set(
        "plotwarden_md_degraded_disks",
        "Disks that the set lacks; no sample at levels that cannot lack any.",
        "/sys/block/md*/md/degraded",
    )
    .drawn(|s, out| each(s, out, |set| set.degraded)),
    set(
        "plotwarden_md_members",
        "Members of the set: in_sync works, faulty is broken, spare waits or is being filled.",
        "/sys/block/md*/md/dev-*/state",
    )
    .by(&["device", "state"])
    .drawn(|s, out| {
        for set in sets(s) {
            let Some(members) = set.members else { continue };
            for (state, count) in [("in_sync", members.in_sync), ("faulty", members.faulty), ("spare", members.spare)] {
                out.add([(&set.device).into(), state.into()], count);
            }
        }
    }),
    set("plotwarden_md_state", "1 for the state of the set.", "/sys/block/md*/md/array_state")
        .by(&["device", "state"])
        .drawn(|s, out| {
            for set in sets(s) {
                let Some(is) = &set.state else { continue };
                for state in STATES {
                    out.add([(&set.device).into(), state.into()], is == state);
                }
            }
        }),
    set(
        "plotwarden_md_sync_action",
        "1 for what the set does to keep its members in step.",
        "/sys/block/md*/md/sync_action",
    )
    .by(&["device", "action"])
    .drawn(|s, out| {
        for set in sets(s) {
            let Some(is) = set.sync else { continue };
            for action in SyncAction::ALL {
                out.add([(&set.device).into(), action.name().into()], is == action);
            }
        }
    }),
    set(
        "plotwarden_md_sync_progress_ratio",
        "How far the present action is; no sample if there is none.",
        "/sys/block/md*/md/sync_completed",
    )
    .drawn(|s, out| each(s, out, |set| set.progress)),
    set(
        "plotwarden_md_sync_speed_bytes_per_second",
        "Speed of the present action, mean of half a minute; no sample if there is none.",
        "/sys/block/md*/md/sync_speed",
    )
    .drawn(|s, out| each(s, out, |set| Some(set.speed?.0))),
    set(
        "plotwarden_md_mismatched_bytes",
        "What the last check or repair found to be different between members.",
        "/sys/block/md*/md/mismatch_cnt",
    )
    .drawn(|s, out| each(s, out, |set| set.mismatched)),
];

const fn set(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).by(&["device"]).from(source)
}

fn sets(s: &Snapshot) -> impl Iterator<Item = &RaidSample> {
    s.world.host.raids.iter().flat_map(|raids| raids.iter())
}

fn each<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&RaidSample) -> T) {
    for set in sets(s) {
        out.add([(&set.device).into()], pick(set));
    }
}
