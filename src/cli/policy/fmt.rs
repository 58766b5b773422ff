//! `plotwarden policy fmt`: policy files in one form, as `gofmt` does it for programs.

use std::io;
use std::path::{Path, PathBuf};

use super::rewrite;
use crate::cli::exit;
use crate::cli::options::PolicyFmtOptions;
use crate::policy::{self, Formatted, PolicyError};

pub fn fmt(options: &PolicyFmtOptions) -> u8 {
    let (piped, paths): (Vec<PathBuf>, Vec<PathBuf>) =
        options.paths.iter().cloned().partition(|path| path.as_os_str() == "-");
    let mut worst = exit::OK;
    if !piped.is_empty() {
        worst = worst.max(one(options, None));
    }
    match policy::files(&paths) {
        Ok(files) => files.iter().for_each(|file| worst = worst.max(one(options, Some(file)))),
        Err(errors) => worst = worst.max(errors.iter().map(refused).max().unwrap_or_default()),
    }
    worst
}

/// One file, or what is piped in.
fn one(options: &PolicyFmtOptions, file: Option<&Path>) -> u8 {
    let name = file.unwrap_or(Path::new(policy::PIPED));
    let read = file.map_or_else(|| policy::text_of(name, io::stdin().lock()), policy::read);
    let text = match read {
        Ok(text) => text,
        Err(error) => return refused(&error),
    };
    let formatted = match policy::format(name, &text) {
        Formatted::NotYaml(error) => return refused(&error),
        Formatted::Left(left) => {
            eprintln!("{}:{}: left as it is: the file has {}", name.display(), left.line, left.why);
            None
        }
        Formatted::Same => None,
        Formatted::Changed(new) => Some(new),
    };
    let looks_only = options.check || options.diff;
    match formatted {
        Some(new) if looks_only => shown(options, name, &text, &new),
        Some(new) => match file {
            Some(file) => written(file, &text, &new),
            None => printed(&new),
        },
        None if file.is_none() && !looks_only => printed(&text),
        None => exit::OK,
    }
}

fn shown(options: &PolicyFmtOptions, name: &Path, old: &str, new: &str) -> u8 {
    if options.diff {
        print!("{}", policy::unified(&name.display().to_string(), old, new));
    } else {
        println!("{}", name.display());
    }
    if options.check { exit::PROBLEM } else { exit::OK }
}

fn written(file: &Path, old: &str, new: &str) -> u8 {
    match rewrite::rewrite(file, old.as_bytes(), new.as_bytes()) {
        Ok(()) => printed(&format!("{}\n", file.display())),
        Err(error) => {
            eprintln!("error: {}: left as it is, it cannot be written: {error}", file.display());
            exit::CANNOT
        }
    }
}

fn printed(text: &str) -> u8 {
    print!("{text}");
    exit::OK
}

fn refused(error: &PolicyError) -> u8 {
    eprintln!("error: {error}");
    if error.unreadable { exit::CANNOT } else { exit::PROBLEM }
}
