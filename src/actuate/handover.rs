//! A handover: an end that a new start follows, for which everything stays as it is for a few seconds.
//!
//! Who ends for a restart leaves a note until when. The guard stays meanwhile, and leaves when the note is taken by an instance
//! that has a guard of its own; if none comes, everything is put back. Without a guard, or without room for the note, a restart
//! is an end like any other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::kernel::KernelError;

/// How long the next start may take.
const PATIENCE: Duration = Duration::from_secs(10);

fn note(run: &Path) -> PathBuf {
    run.join("handover")
}

/// Leaves the note. `now` is the time since boot.
pub fn announce(run: &Path, now: Duration) -> Result<(), KernelError> {
    let until = now.saturating_add(PATIENCE).as_millis();
    fs::write(note(run), format!("{until}\n")).map_err(|source| KernelError::io("write", note(run), source))
}

/// Whether somebody is still expected. A note of another boot, whose clock was ahead of ours, expects nobody.
pub fn is_pending(run: &Path, now: Duration) -> bool {
    let text = fs::read_to_string(note(run)).unwrap_or_default();
    let until = text.trim().parse().ok().map(Duration::from_millis);
    until.is_some_and(|until| until > now && until <= now.saturating_add(PATIENCE))
}

/// Whether the note still lies there, however old: nobody has taken it.
pub fn is_left(run: &Path) -> bool {
    note(run).exists()
}

/// Takes the note: from now on it is us who guard what is held.
pub fn accept(run: &Path) -> Result<(), KernelError> {
    match fs::remove_file(note(run)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(KernelError::io("remove", note(run), source)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(500);

    #[test]
    fn somebody_is_expected_for_ten_seconds_or_until_he_comes() {
        let run = tempfile::tempdir().unwrap();
        assert!(!is_pending(run.path(), NOW));
        announce(run.path(), NOW).unwrap();
        assert!(is_pending(run.path(), NOW) && is_pending(run.path(), NOW + Duration::from_secs(9)));
        assert!(!is_pending(run.path(), NOW + Duration::from_secs(10)));
        assert!(is_left(run.path()));
        accept(run.path()).unwrap();
        assert!(!is_pending(run.path(), NOW) && !is_left(run.path()));
        accept(run.path()).unwrap();
    }

    #[test]
    fn a_note_of_another_boot_or_a_damaged_one_expects_nobody() {
        let run = tempfile::tempdir().unwrap();
        announce(run.path(), Duration::from_hours(1)).unwrap();
        assert!(!is_pending(run.path(), Duration::from_secs(5)));
        for damaged in ["", "soon", "-1"] {
            fs::write(note(run.path()), damaged).unwrap();
            assert!(!is_pending(run.path(), NOW), "{damaged:?}");
        }
    }
}
