//! Temperatures, fans, voltages, power and batteries. Chips have other names there, so a sensor of theirs is looked for among
//! ours of the same name on all chips of the same driver.

use crate::row::{Row, gauge, same};

const SENSOR: &[(&str, &str)] = &[("sensor", "sensor")];
const TYPE: &[(&str, &str)] = &[("type", "type")];
const SUPPLY: &[(&str, &str)] = &[("power_supply", "supply")];
/// By which a sensor may move meanwhile.
const MOVED: f64 = 0.1;
const DEGREES: f64 = 3.0;
const BROKEN: &str =
    "no measurement with us are broken sensors, numbers that cannot be, and disks that would be kept awake";

pub const ROWS: &[Row] = &[
    sensor("node_hwmon_temp_celsius", "plotwarden_sensor_temperature_celsius")
        .give_or_take(DEGREES)
        .unless("node_hwmon_temp_fault"),
    limit("node_hwmon_temp_max_celsius", "plotwarden_sensor_temperature_limit_celsius").with(&[("limit", "max")]),
    limit("node_hwmon_temp_min_celsius", "plotwarden_sensor_temperature_limit_celsius").with(&[("limit", "min")]),
    limit("node_hwmon_temp_crit_celsius", "plotwarden_sensor_temperature_limit_celsius").with(&[("limit", "critical")]),
    limit("node_hwmon_temp_emergency_celsius", "plotwarden_sensor_temperature_limit_celsius")
        .with(&[("limit", "emergency")]),
    sensor("node_hwmon_fan_rpm", "plotwarden_sensor_fan_rpm").unless("node_hwmon_fan_fault"),
    limit("node_hwmon_fan_min_rpm", "plotwarden_sensor_fan_limit_rpm").with(&[("limit", "min")]),
    limit("node_hwmon_fan_max_rpm", "plotwarden_sensor_fan_limit_rpm").with(&[("limit", "max")]),
    sensor("node_hwmon_in_volts", "plotwarden_sensor_voltage_volts"),
    limit("node_hwmon_in_min_volts", "plotwarden_sensor_voltage_limit_volts").with(&[("limit", "min")]),
    limit("node_hwmon_in_max_volts", "plotwarden_sensor_voltage_limit_volts").with(&[("limit", "max")]),
    limit("node_hwmon_in_lcrit_volts", "plotwarden_sensor_voltage_limit_volts").with(&[("limit", "low_critical")]),
    limit("node_hwmon_in_crit_volts", "plotwarden_sensor_voltage_limit_volts").with(&[("limit", "critical")]),
    sensor("node_hwmon_curr_amps", "plotwarden_sensor_current_amperes"),
    limit("node_hwmon_curr_max_amps", "plotwarden_sensor_current_limit_amperes").with(&[("limit", "max")]),
    sensor("node_hwmon_power_watt", "plotwarden_sensor_power_watts"),
    sensor("node_hwmon_power_average_watt", "plotwarden_sensor_power_watts"),
    limit("node_hwmon_power_max_watt", "plotwarden_sensor_power_limit_watts").with(&[("limit", "max")]),
    limit("node_hwmon_power_cap_watt", "plotwarden_sensor_power_limit_watts").with(&[("limit", "cap")]),
    limit("node_hwmon_power_cap_min_watt", "plotwarden_sensor_power_limit_watts").with(&[("limit", "cap_min")]),
    limit("node_hwmon_power_cap_max_watt", "plotwarden_sensor_power_limit_watts").with(&[("limit", "cap_max")]),
    sensor("node_hwmon_pwm", "plotwarden_sensor_pwm_ratio").times(1.0 / 255.0),
    sensor("node_hwmon_humidity", "plotwarden_sensor_humidity_ratio").times(0.01),
    sensor("node_hwmon_energy_joule_total", "plotwarden_sensor_energy_joules_total"),
    alarm("node_hwmon_temp_alarm").with(&[("alarm", "any")]),
    alarm("node_hwmon_temp_fault").with(&[("alarm", "fault")]),
    alarm("node_hwmon_fan_alarm").with(&[("alarm", "any")]),
    alarm("node_hwmon_fan_fault").with(&[("alarm", "fault")]),
    alarm("node_hwmon_in_alarm").with(&[("alarm", "any")]),
    alarm("node_hwmon_power_alarm").with(&[("alarm", "any")]),
    gauge("node_thermal_zone_temp", "plotwarden_thermal_zone_celsius", MOVED)
        .by(TYPE)
        .one_of_several()
        .give_or_take(DEGREES)
        .paced(),
    gauge("node_cooling_device_cur_state", "plotwarden_cooling_device_state", MOVED)
        .by(TYPE)
        .one_of_several()
        .fewer(BROKEN)
        .paced(),
    same("node_cooling_device_max_state", "plotwarden_cooling_device_max_state").by(TYPE).one_of_several(),
    same("node_power_supply_online", "plotwarden_power_supply_online").by(SUPPLY),
    gauge("node_power_supply_capacity", "plotwarden_power_supply_charged_ratio", 0.05).by(SUPPLY).times(0.01).paced(),
    gauge("node_power_supply_voltage_volt", "plotwarden_power_supply_voltage_volts", MOVED).by(SUPPLY).paced(),
    gauge("node_power_supply_current_ampere", "plotwarden_power_supply_current_amperes", MOVED).by(SUPPLY).paced(),
    gauge("node_power_supply_power_watt", "plotwarden_power_supply_power_watts", MOVED).by(SUPPLY).paced(),
    gauge("node_power_supply_energy_watthour", "plotwarden_power_supply_energy_joules", MOVED)
        .by(SUPPLY)
        .times(3600.0)
        .paced(),
    same("node_power_supply_cyclecount", "plotwarden_power_supply_cycles").by(SUPPLY),
];

const fn sensor(theirs: &'static str, ours: &'static str) -> Row {
    gauge(theirs, ours, MOVED).by(SENSOR).of_chip().fewer(BROKEN).paced()
}

const fn limit(theirs: &'static str, ours: &'static str) -> Row {
    same(theirs, ours).by(SENSOR).of_chip().fewer(BROKEN)
}

const fn alarm(theirs: &'static str) -> Row {
    gauge(theirs, "plotwarden_sensor_alarm", 0.0).by(SENSOR).of_chip().fewer(BROKEN).paced()
}
