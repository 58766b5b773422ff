//! When each operation was last done: kept in the run directory, so that a restart does not make us do it again too soon.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LONGEST, every};
use crate::claim::{Deed, Target};
use crate::clock::Moment;
use crate::kernel::{KernelError, durable};

/// The ledger of this boot.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    book: Book,
    /// What was only counted; it waits as long as what is done, and dies with us.
    rehearsed: BTreeMap<String, u64>,
    /// The ledger could not be understood: whatever it said is taken to have been done then.
    unknown_until: Option<Duration>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    boot_id: String,
    /// Milliseconds since boot, by deed and target.
    last: BTreeMap<String, u64>,
}

impl Ledger {
    /// Reads the ledger below the run directory; that of another boot is void. None that is there may be ignored because it
    /// cannot be read: then everything waits its full time from now on.
    pub fn load(run: &Path, boot_id: &str, now: Moment) -> Self {
        let path = run.join("operations");
        let read = match fs::read(&path) {
            Ok(text) => serde_json::from_slice::<Book>(&text).map_err(|_| ()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Book::default()),
            Err(_) => Err(()),
        };
        let unknown_until = if read.is_err() { Some(now.boot + LONGEST) } else { None };
        let book = read.ok().filter(|book| book.boot_id == boot_id);
        let book = book.unwrap_or_else(|| Book { boot_id: boot_id.to_owned(), ..Book::default() });
        Self { path, book, rehearsed: BTreeMap::new(), unknown_until }
    }

    /// How long the operation still has to wait, if it has to.
    pub fn wait(&self, deed: &Deed, target: &Target, now: Moment) -> Option<Duration> {
        let key = key(deed, target);
        let last = self.book.last.get(&key).max(self.rehearsed.get(&key));
        let free_at = last.map(|&last| Duration::from_millis(last) + every(deed));
        let left = free_at.max(self.unknown_until).map(|free_at| free_at.saturating_sub(now.boot))?;
        (!left.is_zero()).then_some(left)
    }

    /// Enters what is about to be done, durably. Without the entry it must not be done.
    pub fn enter(&mut self, deed: &Deed, target: &Target, now: Moment) -> Result<(), KernelError> {
        self.book.last.retain(|_, last| now.since(Duration::from_millis(*last)) <= LONGEST);
        self.book.last.insert(key(deed, target), now.boot_ms());
        let text = serde_json::to_vec(&self.book).map_err(io::Error::from);
        let done = text.and_then(|text| durable::replace(&self.path, &text));
        done.map_err(|source| KernelError::io("enter the operation into", &self.path, source))
    }

    /// Remembers what was only counted.
    pub fn rehearse(&mut self, deed: &Deed, target: &Target, now: Moment) {
        self.rehearsed.insert(key(deed, target), now.boot_ms());
    }
}

/// How much is moved or reclaimed makes no other operation of it.
fn key(deed: &Deed, target: &Target) -> String {
    format!("{} {target}", deed.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Part;
    use std::time::SystemTime;

    fn at(seconds: u64) -> Moment {
        Moment { boot: Duration::from_secs(seconds), wall: SystemTime::UNIX_EPOCH }
    }

    fn machine() -> Target {
        Target::Part(Part::machine())
    }

    #[test]
    fn a_restart_does_not_forget_and_another_boot_does() {
        let run = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::load(run.path(), "boot", at(1000));
        assert_eq!(ledger.wait(&Deed::DropCaches, &machine(), at(1000)), None);
        ledger.enter(&Deed::DropCaches, &machine(), at(1000)).unwrap();
        let ledger = Ledger::load(run.path(), "boot", at(1001));
        assert_eq!(ledger.wait(&Deed::DropCaches, &machine(), at(1001)), Some(Duration::from_secs(599)));
        assert_eq!(ledger.wait(&Deed::DropCaches, &machine(), at(1600)), None);
        assert_eq!(ledger.wait(&Deed::Compact, &machine(), at(1001)), None, "each of them for itself");
        assert_eq!(Ledger::load(run.path(), "later", at(1)).wait(&Deed::DropCaches, &machine(), at(1)), None);
    }

    #[test]
    fn a_ledger_that_says_nothing_makes_everything_wait() {
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join("operations"), "{\"boot_id\":\"boot\",\"la").unwrap();
        let ledger = Ledger::load(run.path(), "boot", at(50));
        assert_eq!(ledger.wait(&Deed::Cool, &Target::Job("j".into()), at(60)), Some(Duration::from_secs(590)));
        assert_eq!(ledger.wait(&Deed::Cool, &Target::Job("j".into()), at(650)), None);
    }

    #[test]
    fn no_deed_waits_longer_than_the_longest() {
        let deeds = [
            Deed::Cool,
            Deed::PageOut,
            Deed::MovePages { from: [0].into(), to: [1].into() },
            Deed::Compact,
            Deed::DropCaches,
            Deed::Reclaim { bytes: 1 },
            Deed::StandBy,
        ];
        assert!(deeds.iter().all(|deed| every(deed) <= LONGEST && !every(deed).is_zero()));
        assert!(every(&Deed::DropCaches) >= Duration::from_mins(10));
    }
}
