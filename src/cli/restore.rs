//! `plotwarden restore`: puts back what an earlier run left behind. Also what a service manager calls after the main process.

use std::time::Duration;

use super::exit;
use super::options::RestoreOptions;
use crate::actuate::{self, handover};
use crate::kernel::clock;

/// A guard that is restoring at this moment is done within this time.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn restore(options: &RestoreOptions) -> u8 {
    let (roots, now) = (options.paths.roots(), clock::now());
    if options.after_stop && handover::is_pending(&roots.run, now.boot) {
        println!("left to the next start, which is expected; the guard puts everything back if it does not come");
        return exit::OK;
    }
    match actuate::restore(&roots, now, PATIENCE) {
        Ok(report) => {
            println!("{}", report.to_string().trim_end());
            if report.is_complete() { exit::OK } else { exit::PROBLEM }
        }
        Err(error) => {
            eprintln!("plotwarden: {error}");
            exit::CANNOT
        }
    }
}
