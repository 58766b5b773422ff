//! `plotwarden audit`: whether the audit file is as it was written.

use std::path::Path;

use super::exit;
use super::options::AuditOptions;
use crate::audit;

/// Reads the files as one, the oldest first.
pub fn audit(options: &AuditOptions) -> u8 {
    let usual = || ["audit.jsonl.1", "audit.jsonl"].map(|name| options.run_dir.join(name)).to_vec();
    let files = if options.files.is_empty() { usual() } else { options.files.clone() };
    let is_asked_for = !options.files.is_empty();
    let mut text = String::new();
    for file in files.iter().filter(|file| is_asked_for || file.exists()) {
        match std::fs::read(file) {
            Ok(lines) => text.push_str(&String::from_utf8_lossy(&lines)),
            Err(error) => return cannot(file, &error),
        }
    }
    match audit::verify(&text) {
        Ok(lines) => {
            println!("{lines} lines, each as it was written");
            exit::OK
        }
        Err(broken) => {
            eprintln!("plotwarden: {broken}");
            exit::PROBLEM
        }
    }
}

fn cannot(file: &Path, error: &std::io::Error) -> u8 {
    eprintln!("plotwarden: cannot read {}: {error}", file.display());
    exit::CANNOT
}
