//! Thermal zones of the kernel, from which degree on it acts, and what it cools with.

use crate::sample::CoolingSample;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge("plotwarden_thermal_zone_celsius", "Temperature of a thermal zone of the kernel.")
        .by(&["zone", "type"])
        .from("/sys/class/thermal/thermal_zone*/temp")
        .drawn(|s, out| {
            for sample in &s.world.host.power.heat {
                out.add([(&*sample.zone).into(), (&*sample.kind).into()], sample.temperature);
            }
        }),
    Family::gauge(
        "plotwarden_thermal_trip_celsius",
        "Temperature from which on the kernel acts: turns up fans, slows down CPUs, or switches off.",
    )
    .by(&["zone", "type", "trip", "action"])
    .from("/sys/class/thermal/thermal_zone*/trip_point_*_temp")
    .drawn(|s, out| {
        for trip in &s.inventory.power.facts.thermal_trips {
            let (kind, action) = (trip.zone_type.as_deref(), trip.kind.as_deref());
            out.add([(&trip.zone).into(), kind.into(), trip.trip.into(), action.into()], trip.temperature);
        }
    }),
    cooling(
        "plotwarden_cooling_device_state",
        "How much a device cools, from 0, not at all.",
        "/sys/class/thermal/cooling_device*/cur_state",
    )
    .drawn(|s, out| devices(s, out, |device| device.state)),
    cooling(
        "plotwarden_cooling_device_max_state",
        "State in which a device cools the most.",
        "/sys/class/thermal/cooling_device*/max_state",
    )
    .drawn(|s, out| devices(s, out, |device| device.max_state)),
];

const fn cooling(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).by(&["device", "type"]).from(source)
}

fn devices<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&CoolingSample) -> T) {
    for sample in &s.world.host.power.cooling {
        out.add([(&*sample.device).into(), (&*sample.kind).into()], pick(sample));
    }
}
