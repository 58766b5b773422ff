//! Exists because `chia plotters ...` and the GUI stand between the user and the plotter, own its log, and must not be
//! counted as a second job.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::script::{Mark, Words, Wraps};

pub fn run(wraps: &Wraps, words: &Words, own_script: &Path) -> Result<u8, Box<dyn Error>> {
    let argv = wraps.argv.iter().map(|word| words.fill(word)).collect::<Result<Vec<_>, _>>()?;
    let (name, arguments) = argv.split_first().ok_or("the wrapped command line is empty")?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg0(name)
        .args(arguments)
        .env("PLOTTER_SCRIPT", own_script.with_file_name(&wraps.script))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let errors = child.stderr.take().map(|pipe| thread::spawn(move || repeat(pipe, "STDERR: ", &[])));
    if let Some(pipe) = child.stdout.take() {
        repeat(pipe, "", &wraps.progress)?;
    }
    if let Some(errors) = errors {
        errors.join().map_err(|_| "the thread that reads errors died")??;
    }
    Ok(child.wait()?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn repeat(pipe: impl Read, prefix: &str, marks: &[Mark]) -> std::io::Result<()> {
    for line in BufReader::new(pipe).lines() {
        let line = line?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{prefix}{line}")?;
        if let Some(mark) = marks.iter().find(|mark| line.contains(&mark.line)) {
            writeln!(out, "Progress update: {}", mark.progress)?;
        }
        out.flush()?;
    }
    Ok(())
}
