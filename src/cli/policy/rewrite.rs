//! Puts another text in the place of a file that belongs to somebody: whole or not at all, with the owner and the rights that it
//! had, and not if it has changed meanwhile.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Replaces the text `old` of the file by `new`. Behind a symbolic link, the file that it leads to.
pub fn rewrite(path: &Path, old: &[u8], new: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let metadata = fs::metadata(&path)?;
    let unfinished = beside(&path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    let done = (|| {
        file.write_all(new)?;
        take_over(&file, &metadata)?;
        file.sync_all()?;
        if fs::read(&path)? != old {
            return Err(io::Error::other("it was changed in between; try again"));
        }
        fs::rename(&unfinished, &path)?;
        File::open(path.parent().unwrap_or(&path))?.sync_all()
    })();
    if done.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&unfinished);
    }
    done
}

/// No policy file by its name, and nobody else's.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("it has no name"))?;
    let mut unfinished = std::ffi::OsString::from(".");
    unfinished.push(name);
    unfinished.push(format!(".{}.fmt", std::process::id()));
    Ok(path.with_file_name(unfinished))
}

/// The owner first: changing it takes rights away.
fn take_over(file: &File, metadata: &fs::Metadata) -> io::Result<()> {
    fchown(file, Some(metadata.uid()), Some(metadata.gid()))
        .map_err(|error| io::Error::new(error.kind(), format!("its owner cannot be kept: {error}")))?;
    file.set_permissions(Permissions::from_mode(metadata.mode() & 0o7777))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn rights_and_links_stay_and_nothing_is_left_beside() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("p.yaml"), dir.path().join("link.yaml"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        symlink("p.yaml", &link).unwrap();
        // Giving files away takes root.
        let owner = if nix::unistd::geteuid().is_root() { 12_345 } else { nix::unistd::geteuid().as_raw() };
        std::os::unix::fs::chown(&path, Some(owner), None).unwrap();
        rewrite(&link, b"old", b"new").unwrap();
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (0o640, owner));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_was_changed_in_between_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.yaml");
        fs::write(&path, "edited meanwhile").unwrap();
        assert!(rewrite(&path, b"old", b"new").unwrap_err().to_string().contains("changed in between"));
        assert_eq!(fs::read(&path).unwrap(), b"edited meanwhile");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
