//! `plotwarden policy check`: everything that loading would refuse, found before it matters.

use std::io;

use crate::cli::exit;
use crate::cli::options::PolicyCheckOptions;
use crate::metrics;
use crate::plotter::Profiles;
use crate::policy::{self, Output, Vocabulary};

pub fn check(options: &PolicyCheckOptions) -> u8 {
    // Whether a server is there is known to the machine that will run this, which may be another one.
    let vocabulary = Vocabulary { metrics: metrics::names(), plotters: plotters(options), prometheus: true };
    let mut report = if options.paths.is_empty() {
        policy::check_shipped(&vocabulary)
    } else {
        policy::check(&options.paths, &mut io::stdin().lock(), &vocabulary)
    };
    report.strict = options.strict;
    let text = options.output.write(&report, &std::env::current_dir().unwrap_or_default());
    // For people, what is wrong goes to standard error; a program reads one stream, whatever was found.
    if options.output == Output::Human && report.exit_code() != exit::OK {
        eprint!("{text}");
    } else {
        print!("{text}");
    }
    report.exit_code()
}

/// The names of the plotters that are known here. A profile that cannot be read is a matter of `plotwarden jobs`, but then nobody knows
/// whether a name is wrong.
fn plotters(options: &PolicyCheckOptions) -> Vec<String> {
    let Ok(shipped) = Profiles::shipped() else { return Vec::new() };
    let (profiles, problems) = shipped.with_folder(&options.profiles.profiles);
    if problems.is_empty() { profiles.names() } else { Vec::new() }
}
