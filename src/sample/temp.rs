//! How much space the temp files of a job take: the blocks that they occupy, which sparse files keep apart from their length.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use crate::plotter::TempPattern;
use crate::units::Bytes;

/// A directory with more entries is not looked through: no plotter makes so many, and each costs a call.
const MOST_ENTRIES: usize = 100_000;
/// The unit of `st_blocks` whatever the file system's own blocks are.
const BLOCK: u64 = 512;

/// Sums up the files that match any of `patterns`. A directory that does not exist holds nothing.
///
/// May block for as long as a file server does not answer.
///
/// # Errors
/// In plain words: a directory that may not be read, or is far too large.
pub(super) fn occupied(patterns: &[TempPattern]) -> Result<Bytes, String> {
    // Patterns may overlap, and directories may be links to each other.
    let mut counted = BTreeSet::new();
    let mut total = 0_u64;
    for pattern in patterns {
        for_each_match(pattern, |file| {
            if counted.insert((file.dev(), file.ino())) {
                total = total.saturating_add(file.blocks().saturating_mul(BLOCK));
            }
        })?;
    }
    Ok(Bytes(total))
}

fn for_each_match(pattern: &TempPattern, mut take: impl FnMut(&fs::Metadata)) -> Result<(), String> {
    let directory = &pattern.directory;
    let failed = |error: std::io::Error| format!("cannot list {}: {error}", directory.display());
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for (count, entry) in entries.enumerate() {
        if count == MOST_ENTRIES {
            return Err(format!("{} has more than {MOST_ENTRIES} entries", directory.display()));
        }
        let entry = entry.map_err(failed)?;
        if pattern.matches(&entry.file_name().to_string_lossy()) {
            // A plotter deletes temp files all the time: one that is gone takes no space.
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => take(&metadata),
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use super::*;

    fn patterns(folder: &Path, names: &[&str]) -> Vec<TempPattern> {
        names.iter().map(|name| TempPattern::new(folder.to_owned(), name).unwrap()).collect()
    }

    #[test]
    fn counts_blocks_once_and_only_of_matching_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, contents: &[u8]| fs::write(folder.path().join(name), contents).unwrap();
        file("plot-a.p1.tmp", &[1; 8192]);
        file("plot-b.p1.tmp", &[1; 8192]);
        file("other", &[1; 8192]);
        fs::create_dir(folder.path().join("plot-a.folder.tmp")).unwrap();
        std::os::unix::fs::symlink("other", folder.path().join("plot-a.link.tmp")).unwrap();
        let blocks = fs::metadata(folder.path().join("plot-a.p1.tmp")).unwrap().blocks() * BLOCK;
        assert!(blocks >= 8192);
        assert_eq!(occupied(&patterns(folder.path(), &["plot-a*.tmp", "*.p1.tmp"])), Ok(Bytes(2 * blocks)));
        assert_eq!(occupied(&patterns(folder.path(), &["plot-c*"])), Ok(Bytes(0)));
    }

    #[test]
    fn a_hole_takes_no_space() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("plot.tmp")).unwrap().set_len(1 << 30).unwrap();
        assert!(occupied(&patterns(folder.path(), &["*.tmp"])).unwrap() < Bytes(1 << 20));
    }

    #[test]
    fn an_absent_directory_is_empty_and_a_wrong_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(occupied(&patterns(&folder.path().join("none"), &["*.tmp"])), Ok(Bytes(0)));
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(occupied(&patterns(&folder.path().join("file"), &["*.tmp"])).is_err());
    }

    #[test]
    fn special_characters_of_a_directory_mean_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("{a,b}[1]*");
        fs::create_dir(&odd).unwrap();
        fs::write(odd.join("plot.tmp"), [1; 4096]).unwrap();
        assert!(occupied(&patterns(&odd, &["*.tmp"])).unwrap() >= Bytes(4096));
    }
}
