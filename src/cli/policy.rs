//! `plotwarden policy check`: everything that loading would refuse, found before it matters.

use super::options::PolicyCheckOptions;
use super::{PolicyCommand, exit, rehearse};
use crate::metrics;
use crate::policy::{self, CheckReport, Vocabulary};

pub fn policy(command: &PolicyCommand) -> u8 {
    match command {
        PolicyCommand::Check(options) => check(options),
        PolicyCommand::Test(options) => rehearse::test(options),
        PolicyCommand::Diff(options) => rehearse::diff(options),
    }
}

fn check(options: &PolicyCheckOptions) -> u8 {
    // Whether a server is there is known to the machine that will run this, which may be another one.
    let vocabulary = Vocabulary { metrics: metrics::names(), prometheus: true };
    let report =
        if options.paths.is_empty() { shipped(&vocabulary) } else { policy::check(&options.paths, &vocabulary) };
    // What is wrong goes to standard error, so that a pipeline sees it; what is fine to standard output.
    if report.exit_code() == exit::OK {
        print!("{report}");
    } else {
        eprint!("{report}");
    }
    report.exit_code()
}

fn shipped(vocabulary: &Vocabulary) -> CheckReport {
    match policy::shipped(vocabulary) {
        Ok(set) => CheckReport { loaded: Some(set), errors: Vec::new() },
        Err(errors) => CheckReport { loaded: None, errors },
    }
}
