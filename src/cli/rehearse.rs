//! `plotwarden policy test` and `plotwarden policy diff`: policies played on a machine in memory, or over what was recorded.

use std::path::PathBuf;

use super::exit;
use super::options::{Output, PolicyDiffOptions, PolicyTestOptions, ProfileOptions};
use crate::metrics;
use crate::plotter::Profiles;
use crate::policy::{self, PolicySet, Vocabulary};
use crate::rehearsal::diff::{self, DiffReport, Record};
use crate::rehearsal::{self, Shown};

pub fn test(options: &PolicyTestOptions) -> u8 {
    let Some(set) = load(&options.paths) else { return exit::CANNOT };
    let Some(profiles) = profiles(&options.profiles) else { return exit::CANNOT };
    let shown = if options.timeline { Shown::All } else { Shown::Failed };
    let report = rehearsal::test(&set, &profiles, shown);
    match options.output {
        Output::Json => println!("{:#}", report.json()),
        Output::Table if report.exit_code() == exit::OK => print!("{report}"),
        Output::Table => eprint!("{report}"),
    }
    report.exit_code()
}

pub fn diff(options: &PolicyDiffOptions) -> u8 {
    let sets = [&options.old, &options.new].map(|path| load(std::slice::from_ref(path)));
    let [Some(old), Some(new)] = sets else { return exit::CANNOT };
    let record = match options.recorded.as_ref().map(|path| Record::open(path, options.range)).transpose() {
        Ok(record) => record,
        Err(error) => {
            eprintln!("plotwarden: {error}");
            return exit::CANNOT;
        }
    };
    let replay = record.map(|record| diff::replay(&old, &new, &record));
    let report = DiffReport { changes: diff::compare(&old, &new), replay };
    match options.output {
        Output::Json => println!("{:#}", report.json()),
        Output::Table => print!("{report}"),
    }
    report.exit_code()
}

/// `None` if something is wrong with them, which has been said. Without paths these are the shipped policies.
fn load(paths: &[PathBuf]) -> Option<PolicySet> {
    // Whether a server is there is known to the machine that will run the policies, which may be another one.
    let vocabulary = Vocabulary { metrics: metrics::names(), prometheus: true, ..Vocabulary::default() };
    let loaded = if paths.is_empty() { policy::shipped(&vocabulary) } else { policy::load(paths, &vocabulary) };
    match loaded {
        Ok(set) => Some(set),
        Err(errors) => {
            for error in &errors {
                eprintln!("error: {error}");
            }
            None
        }
    }
}

/// `None` if there are none, which has been said.
fn profiles(options: &ProfileOptions) -> Option<Profiles> {
    match Profiles::shipped() {
        Ok(shipped) => {
            let (profiles, problems) = shipped.with_folder(&options.profiles);
            for problem in &problems {
                eprintln!("plotwarden: {problem}");
            }
            Some(profiles)
        }
        Err(error) => {
            eprintln!("plotwarden: the shipped plotter profiles are damaged: {error}");
            None
        }
    }
}
