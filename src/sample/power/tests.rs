use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::kernel::fixture::{Fixture, at};
use crate::kernel::hwmon::Quantity;
use crate::units::{Celsius, Joules, Watts};

fn second(number: u64) -> Moment {
    at(Duration::from_secs(number))
}

/// Samples one moment again and again until so many chips, zones, coolers and supplies have answered from their threads.
fn settled(sampler: &mut PowerSampler, now: Moment, chips: usize, heat: usize, supplies: usize) -> PowerSample {
    let start = Instant::now();
    loop {
        let sample = sampler.sample(now, &mut Vec::new());
        if (sample.chips.len(), sample.heat.len(), sample.supplies.len()) == (chips, heat, supplies) {
            return sample;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{sample:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// What each sensor of a kind measures, by chip and sensor.
fn measured(sample: &PowerSample, quantity: Quantity) -> BTreeMap<(&str, &str), Option<f64>> {
    let sensors = sample.chips.iter().flat_map(|chip| {
        chip.of(quantity).map(|(facts, value)| ((chip.chip.id.as_str(), facts.sensor.name.as_str()), value))
    });
    sensors.collect()
}

#[test]
fn a_desktop_is_measured() {
    let fixture = Fixture::of_machine("desktop");
    let sample = settled(&mut PowerSampler::new(&fixture.roots), second(1), 4, 1, 4);
    let temperatures = measured(&sample, Quantity::Temperature);
    assert_eq!(temperatures[&("k10temp-pci-0000:00:18.3", "temp1")], Some(52.125));
    assert_eq!(temperatures[&("nct6798-platform-nct6775.656", "temp2")], None, "the chip says that it is broken");
    assert_eq!(measured(&sample, Quantity::Fan)[&("nct6798-platform-nct6775.656", "fan2")], Some(1054.0));
    assert_eq!(measured(&sample, Quantity::Power)[&("amdgpu-pci-0000:0b:00.0", "power1")], Some(28.0));
    assert_eq!(sample.heat[0].temperature, Some(Celsius(16.8)));
    let board = sample.chips.iter().find(|chip| chip.chip.name == "nct6798").unwrap();
    let raised =
        board.alarms.iter().filter(|alarm| alarm.is_raised).map(|alarm| &*board.sensors[alarm.sensor].sensor.name);
    assert_eq!(raised.collect::<Vec<_>>(), ["in1", "temp2"]);
    let charged: Vec<_> = sample.supplies.iter().map(|supply| (&*supply.name, supply.supply.charged)).collect();
    assert_eq!(charged, [("AC", None), ("BAT0", Some(0.5)), ("hidpp_battery_0", Some(0.7)), ("ups0", Some(1.0))]);
}

#[test]
fn energy_is_counted_over_the_wrap_and_limits_are_told() {
    let fixture = Fixture::of_machine("dual-socket-server");
    let mut sampler = PowerSampler::new(&fixture.roots);
    let mut package = |now: u64, counter: u64| {
        fixture.file("sys/class/powercap/intel-rapl:0/energy_uj", format!("{counter}\n"));
        let mut problems = Vec::new();
        let sample = sampler.sample(second(now), &mut problems);
        (sample.zones.into_iter().find(|zone| zone.zone.name == "package-0").unwrap(), problems)
    };
    let (first, _) = package(0, 262_143_328_850 - 100_000_000);
    assert_eq!((first.energy, first.power), (Some(Joules(0.0)), None));
    assert_eq!(first.limits[0].constraint, "long_term");
    assert_eq!((first.limits[0].limit, first.limits[1].limit), (Some(Watts(205.0)), Some(Watts(246.0))));
    let (wrapped, problems) = package(1, 200_000_000);
    assert_eq!((wrapped.energy, wrapped.power, problems.len()), (Some(Joules(300.0)), Some(Watts(300.0)), 0));
    let (broken, problems) = package(2000, 900_000_000);
    assert_eq!((broken.energy, broken.power), (Some(Joules(0.0)), None));
    assert!(problems[0].reason.contains("package-0"), "{problems:?}");
}

#[test]
fn a_counter_that_cannot_be_read_has_a_reason_and_no_energy() {
    let fixture = Fixture::of_machine("desktop");
    fixture.remove("sys/class/powercap/intel-rapl:0/energy_uj").file("sys/class/powercap/intel-rapl:0/energy_uj/x", "");
    fixture.file("sys/class/powercap/intel-rapl:0:0/energy_uj", "watt?\n");
    let sample = PowerSampler::new(&fixture.roots).sample(second(1), &mut Vec::new());
    assert!(sample.zones.iter().all(|zone| zone.energy.is_none() && zone.power.is_none()));
    assert!(sample.zones.iter().all(|zone| zone.unreadable.is_some()), "{:?}", sample.zones);
}

#[test]
fn a_sensor_that_cannot_be_read_says_why_and_takes_no_other_along() {
    let fixture = Fixture::of_machine("dual-socket-server");
    let mut sampler = PowerSampler::new(&fixture.roots);
    let sample = settled(&mut sampler, second(1), 7, 2, 0);
    let board = sample.chips.iter().find(|chip| chip.chip.name == "w83795g").unwrap();
    let number = board.sensors.iter().position(|facts| facts.sensor.name == "temp2").unwrap();
    assert!(board.values[number].as_ref().unwrap_err().contains("directory"), "{:?}", board.values);
    assert_eq!(measured(&sample, Quantity::Temperature)[&("w83795g-i2c-3-002f", "temp1")], Some(27.0));
}

#[test]
fn a_disk_is_asked_only_while_it_works_and_its_chip_names_it() {
    let fixture = Fixture::of_machine("dual-socket-server");
    let worked = |requests: u32| {
        fixture.file("sys/block/sda/stat", format!("{requests} 0 1 1 1 0 1 1 0 1 1\n"));
    };
    fixture.file("sys/block/sda/queue/rotational", "1\n").file("sys/block/nvme0n1/queue/rotational", "0\n");
    worked(1);
    let mut sampler = PowerSampler::new(&fixture.roots);
    let disks = |sample: &PowerSample| {
        let chips = sample.chips.iter().filter_map(|chip| chip.chip.disk.clone());
        chips.collect::<Vec<_>>()
    };
    // Nobody knows yet whether the turning disk rests.
    assert_eq!(disks(&settled(&mut sampler, second(0), 7, 2, 0)), ["nvme0n1"]);
    worked(2);
    let sample = settled(&mut sampler, second(5), 8, 2, 0);
    assert_eq!(disks(&sample), ["nvme0n1", "sda"]);
    assert_eq!(measured(&sample, Quantity::Temperature)[&("drivetemp-scsi-0:0:0:0", "temp1")], Some(38.0));
}

#[test]
fn a_chip_that_goes_and_another_that_gets_its_number_are_told_apart() {
    let fixture = Fixture::new();
    fixture.file("sys/class/hwmon/hwmon0/name", "one\n").file("sys/class/hwmon/hwmon0/temp1_input", "40000\n");
    let mut sampler = PowerSampler::new(&fixture.roots);
    assert_eq!(
        measured(&settled(&mut sampler, second(0), 1, 0, 0), Quantity::Temperature)[&("one-virtual", "temp1")],
        Some(40.0)
    );
    fixture.remove("sys/class/hwmon/hwmon0");
    let sample = settled(&mut sampler, second(31), 0, 0, 0);
    assert_eq!(sample.chips, []);
    fixture.file("sys/class/hwmon/hwmon0/name", "two\n").file("sys/class/hwmon/hwmon0/fan1_input", "900\n");
    let sample = settled(&mut sampler, second(62), 1, 0, 0);
    assert_eq!(measured(&sample, Quantity::Fan)[&("two-virtual", "fan1")], Some(900.0));
}

#[test]
fn a_machine_without_all_this_has_no_samples_and_no_problems() {
    let mut problems = Vec::new();
    let sample = PowerSampler::new(&Fixture::new().roots).sample(second(1), &mut problems);
    assert_eq!((sample, problems), (PowerSample::default(), Vec::new()));
}
