//! What the chips measure: temperatures, fans, voltages, currents, power. The label `device` is the disk whose chip it is, as in
//! the families of disks.

use crate::kernel::hwmon::{Quantity, SensorFacts};
use crate::sample::ChipSample;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;

const OF_SENSOR: &[&str] = &["chip", "sensor", "label", "device"];
const OF_LIMIT: &[&str] = &["chip", "sensor", "limit"];

pub(super) const FAMILIES: &[Family] = &[
    Family::info(
        "plotwarden_sensor_chip_info",
        "Sensor chips: the name of the driver, and the disk that it belongs to.",
    )
    .by(&["chip", "name", "device"])
    .from("/sys/class/hwmon/*/name")
    .drawn(|s, out| {
        for sample in &s.world.host.power.chips {
            let chip = &sample.chip;
            out.fact([(&chip.id).into(), (&chip.name).into(), chip.disk.as_deref().into()]);
        }
    }),
    Family::gauge(
        "plotwarden_sensor_chip_age_seconds",
        "Time since the chip was read. A disk that turns is read only after it has worked, so as not to keep it awake.",
    )
    .by(&["chip"])
    .from("time of the reading")
    .drawn(|s, out| {
        for sample in &s.world.host.power.chips {
            out.add([(&sample.chip.id).into()], s.world.now.since(sample.read_at));
        }
    }),
    sensor("plotwarden_sensor_temperature_celsius", "Temperature.", "/sys/class/hwmon/*/temp*_input")
        .drawn(|s, out| values(s, out, Quantity::Temperature)),
    limit(
        "plotwarden_sensor_temperature_limit_celsius",
        "Limits of a temperature, as the chip has them.",
        "/sys/class/hwmon/*/temp*_crit",
    )
    .drawn(|s, out| limits(s, out, Quantity::Temperature)),
    sensor("plotwarden_sensor_fan_rpm", "Turns of a fan in a minute.", "/sys/class/hwmon/*/fan*_input")
        .drawn(|s, out| values(s, out, Quantity::Fan)),
    limit("plotwarden_sensor_fan_limit_rpm", "Limits of a fan, as the chip has them.", "/sys/class/hwmon/*/fan*_min")
        .drawn(|s, out| limits(s, out, Quantity::Fan)),
    sensor("plotwarden_sensor_pwm_ratio", "Share of full power that a fan is driven with.", "/sys/class/hwmon/*/pwm*")
        .drawn(|s, out| values(s, out, Quantity::Pwm)),
    sensor("plotwarden_sensor_voltage_volts", "Voltage.", "/sys/class/hwmon/*/in*_input")
        .drawn(|s, out| values(s, out, Quantity::Voltage)),
    limit(
        "plotwarden_sensor_voltage_limit_volts",
        "Limits of a voltage, as the chip has them.",
        "/sys/class/hwmon/*/in*_max",
    )
    .drawn(|s, out| limits(s, out, Quantity::Voltage)),
    sensor("plotwarden_sensor_current_amperes", "Electric current.", "/sys/class/hwmon/*/curr*_input")
        .drawn(|s, out| values(s, out, Quantity::Current)),
    limit(
        "plotwarden_sensor_current_limit_amperes",
        "Limits of a current, as the chip has them.",
        "/sys/class/hwmon/*/curr*_max",
    )
    .drawn(|s, out| limits(s, out, Quantity::Current)),
    sensor(
        "plotwarden_sensor_power_watts",
        "Power: the mean of the chip's own interval where it tells one, or of the moment.",
        "/sys/class/hwmon/*/power*_average, power*_input",
    )
    .drawn(|s, out| values(s, out, Quantity::Power)),
    limit(
        "plotwarden_sensor_power_limit_watts",
        "Limits of a power, as the chip has them.",
        "/sys/class/hwmon/*/power*_cap",
    )
    .drawn(|s, out| limits(s, out, Quantity::Power)),
    Family::counter("plotwarden_sensor_energy_joules_total", "Energy that a chip has counted.")
        .by(OF_SENSOR)
        .from("/sys/class/hwmon/*/energy*_input")
        .drawn(|s, out| values(s, out, Quantity::Energy)),
    sensor("plotwarden_sensor_humidity_ratio", "Relative humidity.", "/sys/class/hwmon/*/humidity*_input")
        .drawn(|s, out| values(s, out, Quantity::Humidity)),
    sensor("plotwarden_sensor_frequency_hertz", "Clock that a chip tells.", "/sys/class/hwmon/*/freq*_input")
        .drawn(|s, out| values(s, out, Quantity::Frequency)),
    Family::gauge(
        "plotwarden_sensor_alarm",
        "1 while the chip warns of a sensor: that a limit is passed, or, as fault, that the sensor is broken.",
    )
    .by(&["chip", "sensor", "label", "alarm"])
    .from("/sys/class/hwmon/*/*_alarm, *_fault")
    .drawn(alarms),
    Family::gauge(
        "plotwarden_sensor_unreadable",
        "1 for each sensor that is there and cannot be read, with the reason.",
    )
    .by(&["chip", "sensor", "label", "reason"])
    .from("/sys/class/hwmon")
    .drawn(unreadable),
];

const fn sensor(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).by(OF_SENSOR).from(source)
}

const fn limit(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).by(OF_LIMIT).from(source)
}

fn of(s: &Snapshot, quantity: Quantity) -> impl Iterator<Item = (&ChipSample, &SensorFacts, Option<f64>)> {
    let chips = s.world.host.power.chips.iter();
    chips.flat_map(move |chip| chip.of(quantity).map(move |(facts, value)| (&**chip, facts, value)))
}

fn values(s: &Snapshot, out: &mut Samples<'_>, quantity: Quantity) {
    for (ChipSample { chip, .. }, facts, value) in of(s, quantity) {
        let labels = [
            (&chip.id).into(),
            (&facts.sensor.name).into(),
            facts.label.as_deref().into(),
            chip.disk.as_deref().into(),
        ];
        out.add(labels, value);
    }
}

fn limits(s: &Snapshot, out: &mut Samples<'_>, quantity: Quantity) {
    for (ChipSample { chip, .. }, facts, _) in of(s, quantity) {
        for (limit, value) in &facts.limits {
            out.add([(&chip.id).into(), (&facts.sensor.name).into(), limit.name.into()], *value);
        }
    }
}

fn alarms(s: &Snapshot, out: &mut Samples<'_>) {
    for ChipSample { chip, sensors, alarms, .. } in s.world.host.power.chips.iter().map(|chip| &**chip) {
        for alarm in &**alarms {
            let Some(facts) = sensors.get(alarm.sensor) else { continue };
            let (name, label) = (&facts.sensor.name, facts.label.as_deref());
            out.add([(&chip.id).into(), name.into(), label.into(), alarm.alarm.name.into()], alarm.is_raised);
        }
    }
}

fn unreadable(s: &Snapshot, out: &mut Samples<'_>) {
    for ChipSample { chip, sensors, values, .. } in s.world.host.power.chips.iter().map(|chip| &**chip) {
        for (facts, value) in sensors.iter().zip(values) {
            if let Err(reason) = value {
                let (name, label) = (&facts.sensor.name, facts.label.as_deref());
                out.fact([(&chip.id).into(), name.into(), label.into(), reason.into()]);
            }
        }
    }
}
