//! The snapshot survives what befalls files: cuts, flipped bits, other versions, a full disk, and a writer that is
//! killed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;

use super::file::{Loaded, SnapshotFile};
use super::tests::{START, buckets, config, fill, samples};
use super::*;

/// Long enough for sealed blocks in two tiers and a mean of five minutes.
fn some_history() -> History {
    let mut history = History::new(config());
    fill(&mut history, START, START + 2_400_000, 1000);
    let gone = history.series("gone", &[("device", "sda")]).unwrap();
    history.append(START + 2_401_000, [(gone, f64::NAN)]).unwrap();
    history
}

fn encoded() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let mut bytes = Vec::new();
        codec::write(&some_history(), &mut bytes).unwrap();
        bytes
    })
}

fn everything(history: &History) -> Vec<BTreeMap<String, Vec<(i64, u64)>>> {
    ["x", "load", "up", "gone"].iter().map(|metric| samples(history, metric, START, START + 9_000_000)).collect()
}

/// A snapshot file that holds these bytes, loaded.
fn loaded(bytes: &[u8]) -> (tempfile::TempDir, History, Loaded) {
    let folder = tempfile::tempdir().unwrap();
    let file = SnapshotFile::new(folder.path().join("history"));
    fs::write(file.path(), bytes).unwrap();
    let (history, outcome) = file.load(config());
    (folder, history, outcome)
}

fn fault(bytes: &[u8]) -> SnapshotFault {
    let (folder, history, outcome) = loaded(bytes);
    let Loaded::PutAside { aside, fault } = outcome else { panic!("{outcome:?}") };
    assert_eq!(fs::read(aside).unwrap(), bytes, "it can still be looked at");
    assert!(!folder.path().join("history").exists());
    assert_eq!(history.newest(), None);
    fault
}

#[test]
fn a_restart_goes_on_where_the_snapshot_was_taken() {
    let folder = tempfile::tempdir().unwrap();
    let file = SnapshotFile::new(folder.path().join("history"));
    assert!(matches!(file.load(config()).1, Loaded::Absent));
    let mut before = some_history();
    let bytes = file.save(&before).unwrap();
    assert_eq!(bytes, fs::metadata(file.path()).unwrap().len());
    let (mut after, outcome) = file.load(config());
    assert!(matches!(outcome, Loaded::Restored), "{outcome:?}");
    for history in [&mut before, &mut after] {
        fill(history, START + 2_500_000, START + 3_200_000, 1000);
    }
    assert_eq!(everything(&after), everything(&before));
    assert_eq!(buckets(&after), buckets(&before));
    let (before, after) = (before.stats(), after.stats());
    assert_eq!(after.series, before.series);
    let sealed = |stats: &Stats| stats.tiers.map(|tier| (tier.sealed_samples, tier.sealed_bytes, tier.complete_from));
    assert_eq!(sealed(&after), sealed(&before));
}

#[test]
fn a_cut_at_any_byte_is_noticed() {
    let bytes = encoded();
    for length in 0..bytes.len() {
        assert!(codec::read(&bytes[..length], config()).is_err(), "{length} of {} bytes", bytes.len());
    }
    for length in [0, 7, 8, 11, 12, bytes.len() / 2, bytes.len() - 4, bytes.len() - 1] {
        fault(&bytes[..length]);
    }
}

#[test]
fn what_is_not_a_snapshot_of_this_version_is_put_aside() {
    let mut newer = encoded().to_vec();
    newer[8] = 2;
    assert_eq!(fault(&newer), SnapshotFault::Version { found: 2 });
    assert_eq!(fault(b"<html>"), SnapshotFault::Foreign);
    assert_eq!(fault(&[encoded(), b"more"].concat()), SnapshotFault::Checksum);
}

#[test]
fn a_file_too_large_to_be_ours_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = SnapshotFile::new(folder.path().join("history"));
    fs::File::create(file.path()).unwrap().set_len(1 << 40).unwrap();
    let (_, outcome) = file.load(config());
    assert!(matches!(outcome, Loaded::PutAside { fault: SnapshotFault::TooLarge { bytes }, .. } if bytes == 1 << 40));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn flipped_bytes_are_noticed(flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4)) {
        let mut bytes = encoded().to_vec();
        for (place, flip) in flips {
            bytes[place.index(encoded().len())] ^= flip;
        }
        prop_assume!(bytes != encoded());
        fault(&bytes);
    }

    /// A checksum only protects against accidents: even a file that carries a right one must not bring the program
    /// down.
    #[test]
    fn nonsense_with_a_right_checksum_is_not_fatal(place in any::<prop::sample::Index>(), flip in 1..=255_u8, cut in 0..3_usize) {
        let mut bytes = encoded().to_vec();
        bytes.truncate(bytes.len() - 4 - cut);
        let place = 12 + place.index(bytes.len() - 12);
        bytes[place] ^= flip;
        let checksum = libdeflater::crc32(&bytes);
        bytes.extend(checksum.to_le_bytes());
        if let Ok(mut history) = codec::read(&bytes, config()) {
            let _ = history.append(i64::MAX / 2, []);
            let _ = history.select(&super::tests::everything(&[], START, START + 9_000_000));
        }
    }
}

#[test]
fn a_snapshot_that_cannot_be_written_leaves_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = SnapshotFile::new(folder.path().join("history"));
    let history = some_history();
    file.save(&history).unwrap();
    fs::create_dir(folder.path().join("history.unfinished")).unwrap();
    assert!(file.save(&History::new(config())).is_err());
    assert_eq!(everything(&file.load(config()).0), everything(&history));
    assert!(SnapshotFile::new(folder.path().join("nowhere/history")).save(&history).is_err());
}

#[test]
fn a_full_disk_is_an_error_and_not_half_a_snapshot() {
    let error =
        codec::write(&some_history(), fs::OpenOptions::new().write(true).open("/dev/full").unwrap()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn a_directory_in_its_place_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (_, outcome) = SnapshotFile::new(folder.path()).load(config());
    assert!(matches!(outcome, Loaded::Unreadable { .. }), "{outcome:?}");
}

const WRITER_FOLDER: &str = "PLOTWARDEN_TEST_HISTORY_FOLDER";

/// Not a test by itself: the process that the next one kills.
#[test]
fn writer_that_is_killed() {
    let Some(folder) = std::env::var_os(WRITER_FOLDER) else { return };
    let file = SnapshotFile::new(std::path::Path::new(&folder).join("history"));
    let mut history = some_history();
    for round in 1.. {
        let at = START + 3_000_000 + round * 1000;
        fill(&mut history, at, at, 1000);
        file.save(&history).unwrap();
        println!("\nsaved {at}");
    }
}

#[test]
fn kill_at_any_moment_loses_only_what_came_after_the_last_snapshot() {
    for round in 0..12_u64 {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "history::snapshot_tests::writer_that_is_killed", "--nocapture"])
            .env(WRITER_FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut saved = lines.by_ref().find_map(|line| line.strip_prefix("saved ")?.parse::<i64>().ok());
        std::thread::sleep(Duration::from_micros(round * 1_700));
        writer.kill().unwrap();
        writer.wait().unwrap();
        saved = lines.filter_map(|line| line.strip_prefix("saved ")?.parse().ok()).last().or(saved);
        let (history, outcome) = SnapshotFile::new(folder.path().join("history")).load(config());
        assert!(matches!(outcome, Loaded::Restored), "{outcome:?}");
        assert!(history.newest() >= saved && saved.is_some(), "{:?} {saved:?}", history.newest());
    }
}
