//! `plotwarden policy test`: the tests of policies, played on a machine in memory.

use super::exit;
use super::options::{Output, PolicyTestOptions, ProfileOptions};
use crate::metrics;
use crate::plotter::Profiles;
use crate::policy::{self, Vocabulary};
use crate::rehearsal::{self, Shown};

pub fn test(options: &PolicyTestOptions) -> u8 {
    // Whether a server is there is known to the machine that will run the policies, which may be another one.
    let vocabulary = Vocabulary { metrics: metrics::names(), prometheus: true };
    let loaded =
        if options.paths.is_empty() { policy::shipped(&vocabulary) } else { policy::load(&options.paths, &vocabulary) };
    let set = match loaded {
        Ok(set) => set,
        Err(errors) => {
            for error in &errors {
                eprintln!("error: {error}");
            }
            eprintln!("nothing was tested");
            return exit::CANNOT;
        }
    };
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
