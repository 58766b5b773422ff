//! Tests of the room as a whole: command lines, logs, progress, needs and the registry, against the shipped profiles.

mod log_source;
mod needs;
mod profiles;
mod progress;
mod recognition;
mod registry;
mod replay;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use super::command_line::{self, CommandLine};
use super::{Profile, Profiles};
use crate::kernel::process::{Identity, ProcessFacts};

const ID: &str = "179fb23be317c6752fc25511b293acaee9e1b52c1c4d098bc72bff35169deb8c";
const OTHER_ID: &str = "28e6e3e0b3ae0af2a359a12581b8c5267145faf1fb752f0523f68d5139f1b416";

/// Compiled once for all tests: the regular expressions take a tenth of a second in a debug build.
static SHIPPED: LazyLock<Arc<Profiles>> = LazyLock::new(|| Arc::new(Profiles::shipped().unwrap()));

fn shipped() -> Arc<Profiles> {
    Arc::clone(&SHIPPED)
}

/// A process with this command line, split at blanks, in `/work`.
fn process(pid: i32, parent: i32, command_line: &str) -> ProcessFacts {
    let argv: Vec<String> = command_line.split_whitespace().map(str::to_owned).collect();
    let program = argv.first().map_or("", |program| program.rsplit('/').next().unwrap_or(""));
    ProcessFacts {
        identity: Identity { pid, start_ticks: 1000 + u64::from(pid.unsigned_abs()) },
        parent,
        comm: program.chars().take(15).collect(),
        argv,
        uid: 1000,
        cwd: Some(PathBuf::from("/work")),
        exe: None,
        foreign_root: None,
    }
}

/// The profile that recognises a process, and its command line as read on a machine with 8 CPUs.
fn read<'a>(profiles: &'a Profiles, facts: &ProcessFacts) -> Option<(&'a Profile, CommandLine)> {
    let plotter = profiles.recognise(&facts.argv).plotter?;
    let profile = profiles.at(plotter.profile)?;
    Some((profile, command_line::read(profile, facts, plotter.first_argument, Some(8))))
}

fn users() -> BTreeMap<u32, String> {
    BTreeMap::from([(1000, "farmer".to_owned())])
}
