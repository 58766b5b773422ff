//! A real file system that is full.

use std::path::Path;
use std::process::Command;

/// A tmpfs of a few pages.
pub struct SmallTmpfs {
    dir: tempfile::TempDir,
}

/// `None`, and said so, where none can be mounted.
pub fn small_tmpfs() -> Option<SmallTmpfs> {
    let dir = tempfile::tempdir().unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs"]).arg(dir.path()).status();
    if mounted.is_ok_and(|status| status.success()) {
        return Some(SmallTmpfs { dir });
    }
    eprintln!("SKIPPED: needs root to mount a tmpfs");
    None
}

impl SmallTmpfs {
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.path().join("ballast")).unwrap();
        while file.write(&[0; 512]).is_ok_and(|written| written > 0) {}
    }
}

impl Drop for SmallTmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}
