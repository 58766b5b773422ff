//! Power and heat.

use serde_json::{Value, json};

use super::{DISCOVERED, REPORT, row, value};

const WRAP_JOULES: f64 = 262_143.328_85;

fn found() -> &'static Value {
    &DISCOVERED["power"]
}

#[test]
fn zones_and_limits_are_those_of_the_kernel() {
    let package = row(found(), "energy_zones", "zone", "package-1");
    assert_eq!((&package["driver"], &package["readable"]), (&json!("intel-rapl"), &json!(true)));
    assert_eq!(package["energy_range_joules"], json!(WRAP_JOULES));
    assert_eq!(row(found(), "energy_zones", "zone", "package-1/dram")["parent"], json!("package-1"));
    let long = json!({"zone": "package-0", "driver": "intel-rapl", "constraint": "long_term", "limit_watts": 100.0,
        "window_seconds": 27.983_872, "max_watts": 125.0});
    assert_eq!(found()["power_limits"][0], long);
    let short = &found()["power_limits"][1];
    assert_eq!((&short["constraint"], &short["max_watts"]), (&json!("short_term"), &Value::Null));
    let limit = r#"plotwarden_rapl_power_limit_watts{zone="package-0",driver="intel-rapl",constraint="short_term"}"#;
    assert_eq!(value("first", limit), Some(125.0));
}

#[test]
fn energy_is_counted_over_the_end_of_the_counter() {
    let joules = |name: &str, section| REPORT.given(section, name).parse::<f64>().unwrap() / 1e6;
    let (before, after) = (joules("energy_before", "given"), joules("energy_after", "after"));
    assert!(before > WRAP_JOULES - 30.0 && after < 10_000.0, "the counter wrapped: {before} {after}");
    let total = |scrape| value(scrape, r#"plotwarden_rapl_energy_joules_total{zone="package-0",driver="intel-rapl"}"#);
    let grown = total("second").unwrap() - total("first").unwrap();
    let truly = WRAP_JOULES - before + after;
    // The last tick may be a second before the scrape, and the reading behind it a second later, at 55 W.
    assert!(grown <= truly && grown > truly - 150.0 && grown > 20.0, "{grown} J, but truly {truly} J");
    let power = value("second", r#"plotwarden_rapl_power_watts{zone="package-0",driver="intel-rapl"}"#).unwrap();
    assert!((10.0..=60.0).contains(&power), "{power} W");
}

#[test]
fn a_counter_that_does_not_answer_has_a_reason_and_no_energy() {
    assert_eq!(row(found(), "energy_zones", "zone", "psys")["readable"], json!(false));
    let problems = found()["problems"].as_array().unwrap();
    let told = |what: &str| problems.iter().any(|problem| problem.as_str().unwrap().contains(what));
    assert!(told("intel-rapl:2/energy_uj: Invalid argument"), "{problems:#?}");
    let labels = r#"{zone="psys",driver="intel-rapl""#;
    assert_eq!(value("second", &format!("plotwarden_rapl_energy_joules_total{labels}}}")), None);
    // Whatever the driver answers, the kernel tells this.
    let reason = r#",reason="Invalid argument (os error 22)"}"#;
    assert_eq!(value("second", &format!("plotwarden_rapl_unreadable{labels}{reason}")), Some(1.0));
}

#[test]
fn sensors_are_measured_and_those_that_fail_say_why() {
    let package = row(found(), "temperatures", "label", "Package id 1");
    assert_eq!(package["critical_celsius"], json!(95.0));
    assert!((20.0..60.0).contains(&package["reading_celsius"].as_f64().unwrap()), "{package}");
    let board = r#"chip="farmboard-platform-farmplant""#;
    let temperature =
        |sensor: &str| value("first", &format!("plotwarden_sensor_temperature_celsius{{{board},sensor=\"{sensor}\"}}"));
    assert_eq!(["temp1", "temp2", "temp3", "temp4"].map(temperature), [Some(31.5), None, None, None]);
    for (sensor, reason) in [
        ("temp2", "Input/output error (os error 5)"),
        ("temp3", "No data available (os error 61)"),
        ("temp4", "the chip says that the sensor is broken"),
    ] {
        let series = format!("plotwarden_sensor_unreadable{{{board},sensor=\"{sensor}\",reason=\"{reason}\"}}");
        assert_eq!(value("first", &series), Some(1.0), "{series}");
    }
    let sensor = |family: &str, sensor: &str| {
        value("second", &format!("plotwarden_sensor_{family}{{{board},sensor=\"{sensor}\"}}"))
    };
    assert_eq!(sensor("fan_rpm", "fan1"), Some(3150.0));
    assert_eq!(sensor("pwm_ratio", "pwm1"), Some(1.0));
    assert_eq!(sensor("voltage_volts", "in0"), Some(12.096));
    assert!(sensor("power_watts", "power1").is_some_and(|watts| (25.0..120.0).contains(&watts)));
}

#[test]
fn the_chip_of_a_disk_names_it() {
    let nvme = row(found(), "chips", "name", "nvme");
    assert_eq!(nvme["disk"], json!(REPORT.given("given", "NVME1")));
    let chip = nvme["chip"].as_str().unwrap();
    assert!(chip.starts_with("nvme-pci-0000:00:"), "{chip}");
    let labels = format!("{{chip=\"{chip}\",sensor=\"temp1\",label=\"Composite\",device=\"nvme0n1\"}}");
    let warm = value("first", &format!("plotwarden_sensor_temperature_celsius{labels}")).unwrap();
    assert!((49.0..51.0).contains(&warm), "{warm}");
}

/// A chip that takes two and a half seconds for a reading is read, and no tick waits for it.
#[test]
fn a_slow_chip_delays_nothing() {
    let labels = r#"{chip="slowboard-platform-farmplant",sensor="temp1"}"#;
    assert_eq!(value("second", &format!("plotwarden_sensor_temperature_celsius{labels}")), Some(27.0));
    let ticks = |scrape| value(scrape, "plotwarden_ticks_total").unwrap();
    let passed = ticks("second") - ticks("first");
    assert!(passed >= 7.0, "only {passed} ticks in eight seconds");
}

#[test]
fn the_kernels_own_zone_has_its_trips() {
    let zone = row(found(), "thermal_zones", "type", "x86_pkg_temp");
    assert_eq!((&zone["zone"], &zone["policy"]), (&json!("thermal_zone0"), &json!("step_wise")));
    let critical = row(found(), "thermal_trips", "type", "critical");
    assert_eq!(critical["temperature_celsius"], json!(105.0));
    let warm = value("second", r#"plotwarden_thermal_zone_celsius{zone="thermal_zone0",type="x86_pkg_temp"}"#).unwrap();
    assert!((20.0..60.0).contains(&warm), "{warm}");
    let fan = row(found(), "cooling_devices", "type", "farmfan");
    assert_eq!(fan["max_state"], json!(3));
}
