//! Exists so that tests have every plotter at hand: this program looks from outside like the one whose script it plays.
//!
//! Started under the command line of the real plotter (`Command::arg0` and its arguments) with `PLOTTER_SCRIPT` naming
//! a file of `tests/actor/scripts`. It then shows the plotter's threads, open files, bytes written and log, as the
//! script says. `PLOTTER_ID` sets the plot id, `PLOTTER_PACE` (1) stretches or shrinks all waiting.
//!
//! The bytes go to /dev/null, whose `write` counts in /proc/PID/io and costs nothing, so they need not be scaled down.

mod play;
mod script;
mod wrapper;

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use script::{Script, Words};

fn main() -> ExitCode {
    match act() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("plotter-actor: {error}");
            ExitCode::from(99)
        }
    }
}

fn act() -> Result<u8, Box<dyn Error>> {
    let path = std::env::var("PLOTTER_SCRIPT").map_err(|_| "PLOTTER_SCRIPT names no script")?;
    let script: Script =
        serde_yaml::from_str(&fs::read_to_string(&path)?).map_err(|error| format!("{path}: {error}"))?;
    let arguments: Vec<String> = std::env::args().collect();
    // The kernel names a process by its file, which is the actor's, not by argv[0].
    let name = arguments.first().and_then(|name| name.rsplit('/').next()).unwrap_or_default();
    fs::write("/proc/self/comm", script.comm.as_deref().unwrap_or(name))?;
    let words = Words::new(&script, &arguments)?;
    match &script.wraps {
        Some(wraps) => wrapper::run(wraps, &words, path.as_ref()),
        None => play::run(&script, words),
    }
}
