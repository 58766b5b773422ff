//! Energy and power of the CPUs and their memory (RAPL), and what feeds the machine.

use crate::kernel::power_supply::Supply;
use crate::sample::{LimitSample, ZoneSample};
use crate::units::{Amperes, Celsius, Joules, Ratio, Volts, Watts};

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;

const OF_ZONE: &[&str] = &["zone", "driver"];
const OF_CONSTRAINT: &[&str] = &["zone", "driver", "constraint"];
const SUPPLIES: &str = "/sys/class/power_supply/*/uevent";

pub(super) const FAMILIES: &[Family] = &[
    Family::counter(
        "plotwarden_rapl_energy_joules_total",
        "Energy of a zone since this program began to watch it. A package holds its parts; another driver counts the same again.",
    )
    .by(OF_ZONE)
    .from("/sys/class/powercap/*/energy_uj")
    .drawn(|s, out| zones(s, out, |zone| zone.energy)),
    Family::gauge("plotwarden_rapl_power_watts", "Mean power of a zone since the tick before.")
        .by(OF_ZONE)
        .from("/sys/class/powercap/*/energy_uj")
        .drawn(|s, out| zones(s, out, |zone| zone.power)),
    Family::gauge("plotwarden_rapl_power_limit_watts", "Power that a zone may draw, as a mean over the window.")
        .by(OF_CONSTRAINT)
        .from("/sys/class/powercap/*/constraint_*_power_limit_uw")
        .drawn(|s, out| constraints(s, out, |limit| limit.limit)),
    Family::gauge("plotwarden_rapl_power_limit_window_seconds", "Window of time over which a power limit holds.")
        .by(OF_CONSTRAINT)
        .from("/sys/class/powercap/*/constraint_*_time_window_us")
        .drawn(|s, out| constraints(s, out, |limit| limit.window)),
    Family::gauge("plotwarden_rapl_unreadable", "1 for each zone whose energy cannot be read, with the reason.")
        .by(&["zone", "driver", "reason"])
        .from("/sys/class/powercap/*/energy_uj")
        .drawn(|s, out| {
            for ZoneSample { zone, unreadable, .. } in &s.world.host.power.zones {
                if let Some(reason) = unreadable {
                    out.fact([(&zone.name).into(), (&zone.driver).into(), reason.into()]);
                }
            }
        }),
    Family::info("plotwarden_power_supply_info", "What feeds the machine or a part of it: mains, batteries, UPS.")
        .by(&["supply", "type", "scope", "technology", "manufacturer", "model"])
        .from(SUPPLIES)
        .drawn(|s, out| {
            for sample in &s.world.host.power.supplies {
                let Supply { kind, scope, technology, manufacturer, model, .. } = &sample.supply;
                let [kind, scope, technology, manufacturer, model] =
                    [kind, scope, technology, manufacturer, model].map(|fact| fact.as_deref().into());
                out.fact([(&*sample.name).into(), kind, scope, technology, manufacturer, model]);
            }
        }),
    Family::gauge("plotwarden_power_supply_state", "1 for what a battery does: Charging, Discharging, Full and the like.")
        .by(&["supply", "state"])
        .from(SUPPLIES)
        .drawn(|s, out| {
            for sample in &s.world.host.power.supplies {
                if let Some(status) = &sample.supply.status {
                    out.fact([(&*sample.name).into(), status.into()]);
                }
            }
        }),
    supply("plotwarden_power_supply_online", "1 if power comes from it; of mains, if it is plugged in.")
        .drawn(|s, out| supplies(s, out, |supply| supply.online)),
    supply("plotwarden_power_supply_charged_ratio", "How full a battery is.")
        .drawn(|s, out| supplies(s, out, |supply| supply.charged.map(Ratio))),
    supply("plotwarden_power_supply_energy_joules", "Energy in a battery.")
        .drawn(|s, out| supplies(s, out, |supply| supply.joules.map(Joules))),
    supply("plotwarden_power_supply_energy_full_joules", "Energy in a battery when it is full.")
        .drawn(|s, out| supplies(s, out, |supply| supply.joules_full.map(Joules))),
    supply("plotwarden_power_supply_energy_design_joules", "Energy in a battery when it was new and full.")
        .drawn(|s, out| supplies(s, out, |supply| supply.joules_full_design.map(Joules))),
    supply("plotwarden_power_supply_charge_coulombs", "Charge of a battery that does not tell its energy.")
        .drawn(|s, out| supplies(s, out, |supply| supply.coulombs)),
    supply("plotwarden_power_supply_charge_full_coulombs", "Charge of a battery when it is full.")
        .drawn(|s, out| supplies(s, out, |supply| supply.coulombs_full)),
    supply("plotwarden_power_supply_charge_design_coulombs", "Charge of a battery when it was new and full.")
        .drawn(|s, out| supplies(s, out, |supply| supply.coulombs_full_design)),
    supply("plotwarden_power_supply_voltage_volts", "Voltage of a supply.")
        .drawn(|s, out| supplies(s, out, |supply| supply.volts.map(Volts))),
    supply("plotwarden_power_supply_current_amperes", "Current of a supply; some tell what charges them as negative.")
        .drawn(|s, out| supplies(s, out, |supply| supply.amperes.map(Amperes))),
    supply("plotwarden_power_supply_power_watts", "Power that a supply gives or is charged with.")
        .drawn(|s, out| supplies(s, out, |supply| supply.watts.map(Watts))),
    supply("plotwarden_power_supply_temperature_celsius", "Temperature of a battery.")
        .drawn(|s, out| supplies(s, out, |supply| supply.celsius.map(Celsius))),
    supply("plotwarden_power_supply_cycles", "How often a battery was charged and discharged.")
        .drawn(|s, out| supplies(s, out, |supply| supply.cycles)),
    supply("plotwarden_power_supply_time_to_empty_seconds", "Time until a battery is empty, as the supply estimates it.")
        .drawn(|s, out| supplies(s, out, |supply| supply.seconds_to_empty)),
];

const fn supply(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help).by(&["supply"]).from(SUPPLIES)
}

fn zones<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&ZoneSample) -> T) {
    for sample in &s.world.host.power.zones {
        out.add([(&sample.zone.name).into(), (&sample.zone.driver).into()], pick(sample));
    }
}

fn constraints<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&LimitSample) -> T) {
    for ZoneSample { zone, limits, .. } in &s.world.host.power.zones {
        for limit in &**limits {
            out.add([(&zone.name).into(), (&zone.driver).into(), (&limit.constraint).into()], pick(limit));
        }
    }
}

fn supplies<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&Supply) -> T) {
    for sample in &s.world.host.power.supplies {
        out.add([(&*sample.name).into()], pick(&sample.supply));
    }
}
