//! The knob on a disk in memory that answers as the standard says.

use std::fs;
use std::sync::Mutex;

use super::*;

/// A disk with its level, `None` while APM is off.
#[derive(Debug)]
struct Played {
    level: Mutex<Option<u8>>,
    error: Option<i32>,
}

impl Ata for Played {
    fn is_device(&self, _disk: &str, number: &str) -> io::Result<()> {
        if number == "8:0" { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ENODEV)) }
    }

    fn identify(&self, _disk: &str) -> io::Result<Identify> {
        Ok(words(*self.level.lock().unwrap()))
    }

    fn set_apm(&self, _disk: &str, level: Option<u8>) -> io::Result<()> {
        if let Some(errno) = self.error {
            return Err(io::Error::from_raw_os_error(errno));
        }
        *self.level.lock().unwrap() = level;
        Ok(())
    }
}

fn words(level: Option<u8>) -> Identify {
    let mut words = [0; 256];
    words[83] = 0x4008;
    words[86] = if level.is_some() { 0x0008 } else { 0 };
    // The upper byte is reserved.
    words[91] = 0x4000 | u16::from(level.unwrap_or(0));
    Identify(words)
}

fn page(words: &Identify) -> Vec<u8> {
    let mut page = vec![0; 60];
    page.extend(words.0.iter().flat_map(|word| word.to_le_bytes()));
    page
}

/// A machine with one disk that is known as `words`.
fn machine(words: &Identify, played: Played) -> (tempfile::TempDir, DiskPower) {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("block/sda");
    fs::create_dir_all(disk.join("device")).unwrap();
    for (name, text) in [("dev", "8:0\n"), ("diskseq", "9\n"), ("device/vendor", "ATA     \n")] {
        fs::write(disk.join(name), text).unwrap();
    }
    fs::write(disk.join("device/vpd_pg89"), page(words)).unwrap();
    let roots = Roots { sysfs: dir.path().to_owned(), ..Roots::standard() };
    let knob = DiskPower { roots, timely: Timely::default(), ata: Arc::new(played) };
    (dir, knob)
}

fn unit(knob: &DiskPower) -> Unit {
    let part = knob.parts().remove(0);
    knob.units(&Scope { part: Some(part), ..Scope::default() }).unwrap().remove(0)
}

#[test]
fn a_level_is_set_and_goes_back_be_it_on_or_off() {
    for before in [Some(254), Some(128), None] {
        let (_dir, knob) = machine(&words(before), Played { level: Mutex::new(before), error: None });
        let unit = unit(&knob);
        let original = knob.read(&unit).unwrap();
        assert_eq!(original, Value::Number(before.map_or(Setting::NO_LIMIT, u64::from)));
        knob.write(&unit, &Value::Number(64)).unwrap();
        assert_eq!(knob.read(&unit).unwrap(), Value::Number(64));
        knob.write(&unit, &original).unwrap();
        assert_eq!(knob.read(&unit).unwrap(), original);
    }
}

#[test]
fn levels_stay_within_what_the_standard_has() {
    let (_dir, knob) = machine(&words(None), Played { level: Mutex::new(None), error: None });
    let target = Target::Part(knob.parts().remove(0));
    let normal = |level| knob.normalise(&target, &Setting::Number(KnobKind::DiskPower, level)).unwrap();
    assert_eq!([0, 255, Setting::NO_LIMIT].map(normal), [1, 254, Setting::NO_LIMIT].map(Value::Number));
}

#[test]
fn a_disk_without_it_is_no_part() {
    let (_dir, knob) = machine(&Identify([0; 256]), Played { level: Mutex::new(None), error: None });
    assert_eq!(knob.parts(), []);
    assert!(knob.probe().reason.contains("no disk says"));
}

#[test]
fn refusals_keep_their_reason_and_an_exchanged_disk_is_another_one() {
    let played = Played { level: Mutex::new(Some(128)), error: Some(libc::EIO) };
    let (dir, knob) = machine(&words(Some(128)), played);
    let unit = unit(&knob);
    let refused = knob.write(&unit, &Value::Number(64)).unwrap_err();
    assert!(matches!(refused, KnobError::Refused { .. }) && refused.to_string().contains("/dev/sda"), "{refused}");
    // The node is somebody else's by now.
    fs::write(dir.path().join("block/sda/dev"), "8:16\n").unwrap();
    assert!(knob.read(&unit).unwrap_err().is_gone());
    fs::write(dir.path().join("block/sda/diskseq"), "10\n").unwrap();
    assert!(knob.write(&unit, &Value::Number(64)).unwrap_err().is_gone());
}
