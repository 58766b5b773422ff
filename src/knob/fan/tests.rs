//! A fan over files, through the actuator where what counts is what is left behind.

use std::collections::BTreeSet;
use std::fs;

use super::*;

/// A chip with a fan that it drives by itself.
struct Chip {
    dir: tempfile::TempDir,
}

impl Chip {
    fn new() -> Self {
        let chip = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir_all(chip.at("")).unwrap();
        for (name, text) in [("name", "nct6775"), ("pwm1", "120"), ("pwm1_enable", "2")] {
            chip.set(name, text);
        }
        chip
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join("class/hwmon/hwmon0").join(name)
    }

    fn set(&self, name: &str, text: &str) {
        fs::write(self.at(name), format!("{text}\n")).unwrap();
    }

    fn fan(&self) -> Fan {
        let roots = Roots { sysfs: self.dir.path().to_owned(), ..Roots::standard() };
        Fan { roots, timely: Timely::default(), floor: FLOOR }
    }

    fn unit(&self) -> Unit {
        self.fan().units(&Scope { part: Some(part()), ..Scope::default() }).unwrap().remove(0)
    }

    /// What a claim of this speed amounts to now.
    fn normal(&self, speed: u64) -> u8 {
        let setting = Setting::Number(KnobKind::Fan, speed);
        match self.fan().normalise(&Target::Part(part()), &setting).unwrap() {
            Value::Fan(Drive::ByHand(speed)) => speed,
            other => panic!("{other}"),
        }
    }

    fn state(&self) -> [String; 2] {
        ["pwm1_enable", "pwm1"].map(|name| fs::read_to_string(self.at(name)).unwrap().trim().to_owned())
    }
}

fn part() -> Part {
    Part::new(PartClass::Fan, "hwmon0/pwm1")
}

#[test]
fn a_fan_is_taken_and_left_to_its_chip() {
    let chip = Chip::new();
    let (fan, unit) = (chip.fan(), chip.unit());
    assert_eq!(fan.parts(), [part()]);
    let before = fan.read(&unit).unwrap();
    assert_eq!(before, Value::Fan(Drive::ByChip(2)));
    fan.write(&unit, &Value::Fan(Drive::ByHand(180))).unwrap();
    assert_eq!(chip.state(), ["1", "180"]);
    assert_eq!(fan.read(&unit).unwrap(), Value::Fan(Drive::ByHand(180)));
    fan.write(&unit, &before).unwrap();
    assert_eq!(chip.state()[0], "2");
}

#[test]
fn a_fan_that_its_owner_drives_goes_back_to_his_speed() {
    let chip = Chip::new();
    chip.set("pwm1_enable", "1");
    chip.set("pwm1", "40");
    let (fan, unit) = (chip.fan(), chip.unit());
    let before = fan.read(&unit).unwrap();
    fan.write(&unit, &Value::Fan(Drive::ByHand(180))).unwrap();
    fan.write(&unit, &before).unwrap();
    assert_eq!(chip.state(), ["1", "40"], "even where that is below what we would tell it");
}

#[test]
fn a_fan_that_does_not_take_its_speed_goes_back_at_once() {
    let chip = Chip::new();
    let (fan, unit) = (chip.fan(), chip.unit());
    // A device that takes nothing.
    let speed = chip.at("pwm1");
    fs::remove_file(&speed).unwrap();
    std::os::unix::fs::symlink("/dev/full", &speed).unwrap();
    let refused = fan.write(&unit, &Value::Fan(Drive::ByHand(180))).unwrap_err();
    assert!(matches!(refused, KnobError::Refused { .. }), "{refused}");
    assert_eq!(fs::read_to_string(chip.at("pwm1_enable")).unwrap().trim(), "2");
}

#[test]
fn a_fan_that_does_not_go_back_is_left_at_full_speed_and_is_still_ours() {
    let chip = Chip::new();
    let (fan, unit) = (chip.fan(), chip.unit());
    fan.write(&unit, &Value::Fan(Drive::ByHand(100))).unwrap();
    fs::remove_file(chip.at("pwm1_enable")).unwrap();
    std::os::unix::fs::symlink("/dev/full", chip.at("pwm1_enable")).unwrap();
    fan.write(&unit, &Value::Fan(Drive::ByChip(2))).unwrap_err();
    assert_eq!(fs::read_to_string(chip.at("pwm1")).unwrap(), "255");
    let [ours, full] = [100, FULL].map(|speed| Value::Fan(Drive::ByHand(speed)));
    assert!(fan.is_veiled(&unit, &ours, &full));
    assert!(!fan.is_veiled(&unit, &full, &ours) && !fan.is_veiled(&unit, &ours, &Value::Fan(Drive::ByChip(2))));
}

#[test]
fn no_fan_is_told_less_than_the_floor_nor_less_than_now_while_it_is_hot() {
    let chip = Chip::new();
    assert_eq!([0, 100, 999].map(|speed| chip.normal(speed)), [FLOOR, 100, 255]);
    chip.set("temp1_input", "71000");
    assert_eq!(chip.normal(100), 100, "no limit is stated");
    chip.set("temp1_max", "80000");
    assert_eq!(chip.normal(100), 100);
    chip.set("temp1_input", "80000");
    assert_eq!([100, 200].map(|speed| chip.normal(speed)), [120, 200], "now it is at the limit");
    chip.set("temp1_fault", "1");
    assert_eq!(chip.normal(100), 100, "there is no sensor");
    chip.set("temp1_fault", "0");
    chip.set("temp1_input", "");
    assert_eq!(chip.normal(100), 120, "what cannot be read is not cool");
}

#[test]
fn a_fan_that_cannot_be_put_back_is_none_of_ours() {
    let chip = Chip::new();
    let lock = |name: &str| fs::set_permissions(chip.at(name), fs::Permissions::from_mode(0o444)).unwrap();
    lock("pwm1_enable");
    assert_eq!(chip.fan().parts(), []);
    fs::remove_file(chip.at("pwm1_enable")).unwrap();
    assert_eq!(chip.fan().parts(), [part()], "without modes it is always by hand");
    lock("pwm1");
    let names: BTreeSet<Part> = chip.fan().parts().into_iter().collect();
    assert!(names.is_empty() && !chip.fan().probe().reason.is_empty());
}

#[test]
fn another_chip_under_the_same_number_is_not_the_one_that_was_meant() {
    let chip = Chip::new();
    let unit = chip.unit();
    chip.set("name", "it8728");
    assert!(chip.fan().read(&unit).unwrap_err().is_gone());
    assert!(chip.fan().write(&unit, &Value::Fan(Drive::ByHand(200))).unwrap_err().is_gone());
    assert_eq!(chip.state(), ["2", "120"]);
}
