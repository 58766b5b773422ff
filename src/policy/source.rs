//! Reads policy files: which files a list of paths means, and their text, without being held up or filled up by any of them.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::access;
use super::error::PolicyError;
use super::rule::Rule;

/// The name under which what is piped in is spoken of.
pub const PIPED: &str = "<stdin>";
/// No policy comes near it; a file this large is a mistake or an attack.
pub const LARGEST_FILE: u64 = 1 << 20;
/// A folder with more is not a folder of policies.
const MOST_FILES: usize = 1000;
/// All files together are held in memory, and kept in the run directory, which is memory too.
const MOST_BYTES: usize = 16 << 20;

/// Policy files as they were read, all together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// In the order of [`policy_files`].
    pub files: Vec<SourceFile>,
    /// What is doubtful about files and folders, whatever they hold.
    pub doubts: Vec<PolicyError>,
}

/// One policy file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    pub path: PathBuf,
    pub text: String,
}

impl Sources {
    /// Reads the files that `paths` name.
    ///
    /// # Errors
    /// All that cannot be read; then nothing was.
    pub fn read(paths: &[PathBuf]) -> Result<Self, Vec<PolicyError>> {
        let (sources, errors) = Self::gather(paths);
        if errors.is_empty() { Ok(sources) } else { Err(errors) }
    }

    /// The files that could be read, and why others could not.
    pub fn gather(paths: &[PathBuf]) -> (Self, Vec<PolicyError>) {
        let (names, mut errors) = match policy_files(paths) {
            Ok(names) => (names, Vec::new()),
            Err(errors) => (Vec::new(), errors),
        };
        let folder = paths.first().map_or_else(|| Path::new("--policies"), PathBuf::as_path);
        let (mut files, mut bytes) = (Vec::new(), 0);
        for path in names {
            match read(&path) {
                Ok(text) => {
                    bytes += text.len();
                    files.push(SourceFile { path, text });
                }
                Err(error) => errors.push(error),
            }
            if bytes > MOST_BYTES {
                let problem = format!("holds more than {} MiB of policies", MOST_BYTES >> 20);
                errors.push(PolicyError::unreadable(folder, problem, "name the folder that holds your policies only"));
                break;
            }
        }
        let mut doubts = access::doubts(paths);
        if files.is_empty() && errors.is_empty() && !paths.is_empty() {
            let doubt = PolicyError::doubt(folder, "holds no policy", "put `*.yaml` files there");
            doubts.push(doubt.under(Rule::NoPolicy));
        }
        (Self { files, doubts }, errors)
    }
}

/// The policy files that `paths` name: files as they are, folders by their `*.yaml` and `*.yml`, sorted by name.
///
/// # Errors
/// A path that does not exist or cannot be listed.
pub fn policy_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Vec<PolicyError>> {
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => match list(path) {
                Ok(found) => files.extend(found),
                Err(error) => errors.push(error),
            },
            Ok(_) => files.push(path.clone()),
            Err(error) => errors.push(cannot_open(path, &error)),
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(errors) }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, PolicyError> {
    let entries = fs::read_dir(folder).map_err(|error| cannot_open(folder, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| cannot_open(folder, &error))?.path();
        if is_policy_name(&path) {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            let problem = format!("holds more than {MOST_FILES} policy files");
            return Err(PolicyError::unreadable(folder, problem, "name the folder that holds your policies only"));
        }
    }
    files.sort();
    Ok(files)
}

/// Editors leave `.#x.yaml` and `.x.yaml.swp` beside the file that is being written.
/// A mounted `ConfigMap` holds `..data` and a folder with a time for its name, which its files are links into.
pub(super) fn is_policy_name(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let extension = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    extension && !hidden
}

/// The text of one policy file.
///
/// # Errors
/// The file is missing, no regular file, larger than [`LARGEST_FILE`], or no UTF-8.
pub fn read(path: &Path) -> Result<String, PolicyError> {
    // Without O_NONBLOCK, opening a FIFO waits for a writer that may never come.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| cannot_open(path, &error))?;
    refuse_special(path, &file)?;
    text_of(path, file)
}

/// The text that `source` holds, which is spoken of as `path`.
///
/// # Errors
/// It cannot be read, is larger than [`LARGEST_FILE`], or no UTF-8.
pub fn text_of(path: &Path, source: impl Read) -> Result<String, PolicyError> {
    let mut bytes = Vec::new();
    source.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| cannot_open(path, &error))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(too_large(path));
    }
    String::from_utf8(bytes).map_err(|error| {
        let problem = format!("is not UTF-8 text: byte {} cannot be read", error.utf8_error().valid_up_to());
        PolicyError::unreadable(path, problem, "save it as UTF-8")
    })
}

fn refuse_special(path: &Path, file: &File) -> Result<(), PolicyError> {
    let metadata = file.metadata().map_err(|error| cannot_open(path, &error))?;
    if metadata.is_dir() {
        return Err(PolicyError::unreadable(path, "is a folder where a policy file is expected", "name the file"));
    }
    if !metadata.is_file() {
        return Err(PolicyError::unreadable(path, "is no regular file but a device, pipe or socket", "name a file"));
    }
    if metadata.len() > LARGEST_FILE {
        return Err(too_large(path));
    }
    Ok(())
}

fn too_large(path: &Path) -> PolicyError {
    let problem = format!("is larger than the {} KiB that a policy file may have", LARGEST_FILE / 1024);
    PolicyError::unreadable(path, problem, "split it, or check that it is a policy file")
}

fn cannot_open(path: &Path, error: &std::io::Error) -> PolicyError {
    let hint = match error.kind() {
        ErrorKind::NotFound => "check the path given with --policies",
        ErrorKind::PermissionDenied => "make it readable for the user that runs plotwarden",
        _ => "",
    };
    PolicyError::unreadable(path, format!("cannot be read: {error}"), hint)
}
