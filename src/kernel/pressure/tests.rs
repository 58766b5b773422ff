use std::io;

use proptest::prelude::*;

use super::super::fixture::{Fixture, at};
use super::*;

const TEXT: &str =
    "some avg10=12.50 avg60=6.06 avg300=0.97 total=41501412\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";

fn second(number: u64) -> Moment {
    at(Duration::from_secs(1000 + number))
}

/// Pressure of I/O with this total, so many seconds after the first.
fn recent_of(totals: &[(u64, u64)]) -> Option<Ratio> {
    let fixture = Fixture::new();
    let mut reader = PressureReader::of_machine(&fixture.roots);
    let mut recent = None;
    for (seconds, total) in totals {
        fixture.file("proc/pressure/io", format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\n"));
        recent = reader.read(second(*seconds)).io.measured().unwrap().some.recent;
    }
    recent
}

#[test]
fn reads_averages_as_ratios_and_totals_as_time() {
    let pressure = parse(TEXT.as_bytes()).unwrap();
    assert_eq!(pressure.some.avg10, Ratio(0.125));
    assert_eq!(pressure.some.total, Duration::from_micros(41_501_412));
    assert_eq!(pressure.full.map(|full| full.total), Some(Duration::from_micros(7)));
}

#[test]
fn cpu_of_old_kernels_has_no_line_full() {
    let text = TEXT.lines().next().unwrap().to_owned() + "\n";
    assert_eq!(parse(text.as_bytes()).unwrap().full, None);
}

#[test]
fn refuses_what_is_not_as_documented() {
    for bad in [
        "",
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
        "some avg10=nan avg60=0 avg300=0 total=7\n",
        "some avg10=0.00 avg60=0.00 avg300=0.00\n",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=-7\n",
        &TEXT[..90],
    ] {
        assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
}

#[test]
fn recent_is_the_share_since_the_previous_sample() {
    assert_eq!(recent_of(&[(0, 5_000_000)]), None);
    assert_eq!(recent_of(&[(0, 5_000_000), (2, 5_500_000)]), Some(Ratio(0.25)));
    assert_eq!(recent_of(&[(0, 0), (1, 1_100_000)]), Some(Ratio(1.0)), "never more than all the time");
    assert_eq!(recent_of(&[(0, 5_000_000), (0, 5_500_000)]), None, "no time has passed");
    assert_eq!(recent_of(&[(0, 5_000_000), (1, 4_000_000)]), None, "the total has shrunk");
    assert_eq!(recent_of(&[(0, 5_000_000), (1, 4_000_000), (2, 4_100_000)]), Some(Ratio(0.1)));
}

#[test]
fn a_file_that_was_away_begins_anew() {
    let fixture = Fixture::new();
    let mut reader = PressureReader::of_machine(&fixture.roots);
    let read = |reader: &mut PressureReader, seconds| reader.read(second(seconds)).cpu;
    assert_eq!(read(&mut reader, 0), PressureState::Absent);
    fixture.file("proc/pressure/cpu", TEXT);
    assert_eq!(read(&mut reader, 1).measured().unwrap().some.recent, None);
    assert_eq!(read(&mut reader, 2).measured().unwrap().some.recent, Some(Ratio(0.0)));
}

#[test]
fn disabled_absent_and_unreadable_are_three_things() {
    let failed =
        |errno| state_of(Err(KernelError::io("read", "/proc/pressure/io", io::Error::from_raw_os_error(errno))));
    assert_eq!(failed(libc::EOPNOTSUPP), PressureState::DisabledAtBoot);
    assert_eq!(failed(libc::ENOENT), PressureState::Absent);
    assert_eq!(failed(libc::ENODEV), PressureState::Absent);
    assert!(matches!(failed(libc::EACCES), PressureState::Unreadable(why) if why.contains("/proc/pressure/io")));
}

#[test]
fn this_machine_says_one_of_the_documented_things() {
    let mut reader = PressureReader::of_machine(&Roots::standard());
    let set = reader.read(second(0));
    for resource in Resource::ALL {
        match set.of(resource) {
            PressureState::Measured(pressure) => assert!(pressure.some.avg10.0 <= 1.0),
            PressureState::DisabledAtBoot | PressureState::Absent => {}
            PressureState::Unreadable(why) => panic!("{why}"),
        }
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn a_share_is_a_share(earlier in 0_u64..1 << 50, total in 0_u64..1 << 50, elapsed in 0_u64..1 << 40) {
        let micros = Duration::from_micros;
        if let Some(Ratio(value)) = share(micros(earlier), micros(total), micros(elapsed)) {
            prop_assert!((0.0..=1.0).contains(&value));
        }
    }
}
