//! A disk as a record names it, so that another one that gets its name or number later is not mistaken for it.

use std::fs;

use crate::kernel::Roots;
use crate::kernel::attribute::text;

/// A disk that is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// As in `/sys/block`.
    pub name: String,
    /// Major and minor number, such as `8:16`.
    pub number: String,
    /// Of all disks since boot, or what the disk says of itself.
    id: String,
}

impl Disk {
    pub fn named(roots: &Roots, name: &str) -> Option<Self> {
        if name.is_empty() || name.starts_with('.') || name.contains('/') {
            return None;
        }
        let dir = roots.sys(format!("block/{name}"));
        let number = text(&dir.join("dev")).ok()?;
        // `diskseq` is never used again, but older kernels do not have it.
        let ids = ["diskseq", "wwid", "device/wwid", "device/serial", "serial"];
        let id = ids.iter().find_map(|id| text(&dir.join(id)).ok()).unwrap_or_default();
        Some(Self { name: name.to_owned(), number, id })
    }

    /// The disk with a number such as `8:16`; `None` for a partition too.
    pub fn numbered(roots: &Roots, number: &str) -> Option<Self> {
        let place = fs::canonicalize(roots.sys(format!("dev/block/{number}"))).ok()?;
        Self::named(roots, place.file_name()?.to_str()?).filter(|disk| disk.number == number)
    }

    /// The disk that a record speaks of, if it is still there.
    pub fn of_record(roots: &Roots, key: &str) -> Option<Self> {
        Self::named(roots, Self::name_of(key)).filter(|disk| disk.key() == key)
    }

    /// As records name it, such as `sda 8:0 17`.
    pub fn key(&self) -> String {
        format!("{} {} {}", self.name, self.number, self.id)
    }

    pub fn name_of(key: &str) -> &str {
        key.split(' ').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn a_disk_is_known_by_more_than_its_name_and_number() {
        let fixture = Fixture::new();
        fixture.file("sys/block/sda/dev", "8:0\n").file("sys/block/sda/diskseq", "9\n");
        fixture.link("sys/dev/block/8:0", "../../block/sda");
        let disk = Disk::named(&fixture.roots, "sda").unwrap();
        assert_eq!(disk.key(), "sda 8:0 9");
        assert_eq!(Disk::numbered(&fixture.roots, "8:0"), Some(disk.clone()));
        assert_eq!(Disk::of_record(&fixture.roots, &disk.key()), Some(disk.clone()));
        fixture.file("sys/block/sda/diskseq", "10\n");
        assert_eq!(Disk::of_record(&fixture.roots, &disk.key()), None, "exchanged");
        for name in ["", "..", "../block/sda", "sdb"] {
            assert_eq!(Disk::named(&fixture.roots, name), None, "{name}");
        }
    }
}
