//! `plotwarden policy check`: everything that loading would refuse, found before it matters.

use super::options::PolicyCheckOptions;
use super::{PolicyCommand, exit};
use crate::policy::{self, CheckReport};

pub fn policy(command: &PolicyCommand) -> u8 {
    match command {
        PolicyCommand::Check(options) => check(options),
    }
}

fn check(options: &PolicyCheckOptions) -> u8 {
    let report = if options.paths.is_empty() { shipped() } else { policy::check(&options.paths) };
    // What is wrong goes to standard error, so that a pipeline sees it; what is fine to standard output.
    if report.exit_code() == exit::OK {
        print!("{report}");
    } else {
        eprint!("{report}");
    }
    report.exit_code()
}

fn shipped() -> CheckReport {
    match policy::shipped() {
        Ok(set) => CheckReport { loaded: Some(set), errors: Vec::new() },
        Err(errors) => CheckReport { loaded: None, errors },
    }
}
