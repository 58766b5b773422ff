use std::path::Path;
use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use super::*;
use crate::inventory::{Part, Status};
use crate::kernel::fixture::Fixture;

fn survey(fixture: &Fixture) -> Part<Power> {
    let mut survey = Survey::default();
    let power = Power::read(&fixture.roots, &mut survey);
    survey.close(UNIX_EPOCH, power)
}

fn of_machine(name: &str) -> (Part<Power>, Value) {
    let part = survey(&Fixture::of_machine(name));
    let json = serde_json::to_value(&part).unwrap();
    (part, json)
}

fn row<'j>(json: &'j Value, list: &str, key: &str, value: &str) -> &'j Value {
    let rows = json[list].as_array().unwrap();
    rows.iter().find(|row| row[key] == value).unwrap_or_else(|| panic!("no {value} in {list}: {rows:?}"))
}

#[test]
fn a_server_with_two_packages_tells_its_zones_limits_and_supplies_of_power() {
    let (part, json) = of_machine("dual-socket-server");
    let zones: Vec<_> = part.facts.energy_zones.iter().map(|zone| zone.zone.as_str()).collect();
    assert_eq!(zones, ["package-0", "package-0/dram", "package-1", "package-1/dram"]);
    let dram = row(&json, "energy_zones", "zone", "package-1/dram");
    assert_eq!((&dram["parent"], &dram["readable"]), (&json!("package-1"), &json!(true)));
    assert_eq!(dram["energy_range_joules"], json!(65_712.999_613));
    let expected = json!({"zone": "package-0", "driver": "intel-rapl", "constraint": "long_term", "limit_watts": 205.0,
        "window_seconds": 0.999_424, "max_watts": 205.0});
    assert_eq!(json["power_limits"][0], expected);
    assert_eq!(row(&json, "currents", "label", "iin")["max_amperes"], json!(7.0));
    let meter = row(&json, "powers", "chip", "power_meter-acpi-ACPI000D:00");
    assert_eq!((&meter["reading_watts"], &meter["cap_watts"]), (&json!(412.0), &json!(800.0)));
    assert_eq!(row(&json, "temperatures", "label", "Package id 1")["critical_celsius"], json!(93.0));
    assert_eq!(row(&json, "chips", "name", "pfe1100")["chip"], json!("pfe1100-i2c-3-0058"));
    assert_eq!(row(&json, "chips", "name", "drivetemp")["disk"], json!("sda"));
    assert_eq!(row(&json, "chips", "name", "nvme")["disk"], json!("nvme0n1"));
    assert_eq!(json["thermal_zones"].as_array().unwrap().len(), 2);
    assert_eq!(row(&json, "thermal_zones", "zone", "thermal_zone0")["policy"], json!("user_space"));
    let max: Vec<_> = part.facts.cooling_devices.iter().map(|device| device.max_state).collect();
    assert_eq!((max, part.facts.idle_driver.as_deref()), (vec![Some(7), Some(50)], Some("intel_idle")));
}

#[test]
fn what_a_sensor_cannot_tell_is_a_problem_and_no_fact() {
    let (part, json) = of_machine("dual-socket-server");
    assert_eq!(part.status, Status::Partial);
    let [stopped, unreadable] = &part.problems[..] else { panic!("{:?}", part.problems) };
    assert!(stopped.contains("hwmon4/fan1_fault") && unreadable.contains("hwmon5/temp2_input"), "{:?}", part.problems);
    let unreadable = json["temperatures"].as_array().unwrap().iter();
    let unreadable = unreadable.filter(|row| row["chip"] == "w83795g-i2c-3-002f" && row["sensor"] == "temp2").count();
    assert_eq!(unreadable, 1, "that it is there is known");
    let drive = row(&json, "temperatures", "chip", "drivetemp-scsi-0:0:0:0");
    assert_eq!(
        (&drive["reading_celsius"], &drive["max_celsius"]),
        (&Value::Null, &json!(60.0)),
        "disks are left alone"
    );
    let second = &json["temperatures"].as_array().unwrap().iter().find(|row| row["label"] == "Sensor 1").unwrap();
    assert!(second.get("max_celsius").is_none(), "65261 °C is no limit: {second}");
    let trips = part.facts.thermal_trips.iter().map(|trip| trip.temperature.unwrap().0).collect::<Vec<_>>();
    assert_eq!(trips, [0.0], "a trip at absolute zero is not set");
}

#[test]
fn a_desktop_tells_fans_what_drives_them_and_its_batteries() {
    let (part, json) = of_machine("desktop");
    let [problem] = &part.problems[..] else { panic!("{:?}", part.problems) };
    assert!(problem.contains("hwmon4/temp2_fault") && problem.contains("broken"), "{problem}");
    let fan = row(&json, "fans", "label", "CPU Fan");
    assert_eq!((&fan["reading_rpm"], &fan["min_rpm"]), (&json!(1054.0), &json!(300.0)));
    let modes: Vec<_> = part.facts.sensors.fan_controls.iter().map(|control| (control.mode, control.drive)).collect();
    let [full, automatic] = [(Some("full speed"), Some("voltage")), (Some("automatic"), Some("pulses"))];
    assert_eq!(modes, [full, automatic, (Some("automatic"), None)]);
    assert_eq!(row(&json, "powers", "label", "PPT")["cap_watts"], json!(203.0));
    assert_eq!(row(&json, "frequencies", "label", "sclk")["reading_hertz"], json!(5e8));
    assert_eq!(row(&json, "chips", "name", "nvme")["disk"], json!("nvme0n1"), "the disk, not one of the paths to it");
    let battery = row(&json, "supplies", "name", "BAT0");
    assert_eq!((&battery["charged_ratio"], &battery["full_joules"]), (&json!(0.5), &json!(180_000.0)));
    assert_eq!((&battery["cycles"], &battery["draw_watts"]), (&json!(212), &json!(15.5)));
    assert_eq!(row(&json, "supplies", "name", "ups0")["type"], json!("UPS"));
    assert_eq!(row(&json, "supplies", "name", "hidpp_battery_0")["scope"], json!("Device"));
    assert_eq!(part.facts.platform_profile.as_deref(), Some("balanced"));
    assert_eq!(part.facts.platform_profile_choices, ["quiet", "balanced", "performance"]);
    assert!(part.facts.power_limits.is_empty(), "AMD counts, and does not limit");
}

#[test]
fn a_board_has_a_zone_with_trips_and_a_fan() {
    let (part, json) = of_machine("arm-board");
    assert!(part.facts.energy_zones.is_empty() && part.facts.idle_driver.is_none());
    let zone = row(&json, "thermal_zones", "type", "cpu-thermal");
    assert_eq!(zone["reading_celsius"], json!(58.426));
    let critical = row(&json, "thermal_trips", "type", "critical");
    assert_eq!((&critical["temperature_celsius"], &critical["zone_type"]), (&json!(110.0), &json!("cpu-thermal")));
    assert_eq!(row(&json, "fans", "chip", "gpio_fan-platform-gpio-fan")["max_rpm"], json!(6000.0));
    assert_eq!(row(&json, "temperatures", "chip", "cpu_thermal-virtual")["critical_celsius"], json!(110.0));
}

#[test]
fn in_a_container_hidden_zones_are_a_problem_and_not_zero() {
    let (part, _) = of_machine("container");
    assert!(part.facts.energy_zones.is_empty() && part.facts.sensors.chips.is_empty());
    assert!(part.problems.iter().any(|problem| problem.contains("intel-rapl:0/name")), "{:?}", part.problems);
    assert_eq!((part.status, part.facts.thermal_zones.len()), (Status::Partial, 1));
}

#[test]
fn an_old_kernel_is_read_where_it_keeps_its_files() {
    let (part, json) = of_machine("old-kernel");
    assert_eq!(row(&json, "chips", "name", "w83627hf")["sensors"], json!(3));
    assert_eq!(row(&json, "fans", "sensor", "fan1")["min_rpm"], json!(1500.0));
    assert_eq!(row(&json, "power_limits", "constraint", "short_term")["max_watts"], Value::Null);
    assert_eq!(row(&json, "thermal_zones", "type", "acpitz")["policy"], Value::Null);
    let [problem] = &part.problems[..] else { panic!("{:?}", part.problems) };
    assert!(problem.contains("thermal_zone1/temp"), "{problem}");
}

#[test]
fn a_machine_that_tells_nothing_has_nothing() {
    let part = survey(&Fixture::new());
    assert_eq!((part.status, part.problems.len()), (Status::Absent, 0));
}

#[test]
fn a_counter_beyond_its_range_is_doubted() {
    let fixture = Fixture::of_machine("desktop");
    fixture.file("sys/class/powercap/intel-rapl:0/energy_uj", "65532610988\n");
    assert_eq!(survey(&fixture).status, Status::Doubtful);
}

/// Each file in turn is spoiled in each way: nothing panics, nothing is made up, and nothing huge gets through.
#[test]
fn no_file_whatever_it_holds_makes_a_fact_that_cannot_be() {
    let huge = vec![b'9'; 100_000];
    for spoiled in [&b""[..], b"\n", b"\xff\xfe\x00", b"-9223372036854775809", b"1e400", &huge] {
        let fixture = Fixture::of_machine("desktop");
        spoil(&fixture.roots.sysfs.join("devices"), spoiled);
        let power = survey(&fixture).facts;
        assert!(power.energy_zones.iter().all(|zone| zone.readable != Some(true) && zone.energy_range.is_none()));
        assert!(power.sensors.temperatures.iter().chain(&power.sensors.fans).all(|sensor| sensor.reading.is_none()));
        assert!(power.supplies.iter().all(|supply| supply.charged.is_none() && supply.online.is_none()));
        assert!(power.thermal_zones.iter().all(|zone| zone.reading.is_none()));
    }
}

/// Replaces the contents of every file below, but for names, without which nothing is there at all.
fn spoil(folder: &Path, contents: &[u8]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            spoil(&entry.path(), contents);
        } else if kind.is_file() && entry.file_name() != "name" {
            std::fs::write(entry.path(), contents).unwrap();
        }
    }
}
