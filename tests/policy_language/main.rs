//! The policy language as it is promised: good examples load, bad files are refused with the very message that is written beside
//! them, and the JSON Schema gives the verdict of the loader.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod bad;
mod beyond;
mod good;
mod parity;
mod schema;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};

use plotwarden::metrics;
use plotwarden::policy::{PolicyError, PolicySet, Vocabulary, from_text};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The policy files of a folder of this project, by name.
fn policies(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} holds no policy");
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn load(name: &str, text: &str) -> Result<PolicySet, Vec<PolicyError>> {
    // Whether a server is there to be asked is known to the machine alone, as for `policy check`.
    let vocabulary = Vocabulary { metrics: metrics::names(), prometheus: true, ..Vocabulary::default() };
    from_text(Path::new(name), text, &vocabulary)
}
