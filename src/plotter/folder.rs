//! Reads the user's profile folder: the only file access of the profiles.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::ProfileError;
use super::profiles::Profiles;

/// A profile is a few kilobytes.
const LARGEST_FILE: u64 = 1 << 20;

impl Profiles {
    /// Takes in all `*.yaml` and `*.yml` of a folder, sorted by name. A folder that does not exist holds no profiles.
    /// A file that cannot be used is reported and changes nothing; the others are taken.
    pub fn with_folder(mut self, folder: &Path) -> (Self, Vec<ProfileError>) {
        let mut errors = Vec::new();
        match files_in(folder) {
            Ok(files) => {
                for file in files {
                    let read = read(&file).map_err(|source| ProfileError::Unreadable { file: file.clone(), source });
                    if let Err(error) = read.and_then(|text| self.add_file(&file, &text)) {
                        errors.push(error);
                    }
                }
            }
            Err(source) if source.kind() == io::ErrorKind::NotFound => {}
            Err(source) => errors.push(ProfileError::Unreadable { file: folder.to_owned(), source }),
        }
        (self, errors)
    }
}

fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Refuses what is not a regular file before it is opened: opening a pipe would wait for its writer.
fn read(file: &Path) -> io::Result<String> {
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut text = String::new();
    let length = File::open(file)?.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if length as u64 > LARGEST_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    Ok(text)
}
