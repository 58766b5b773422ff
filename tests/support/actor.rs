//! Exists so that a test gets any plotter in one line, under the real one's command line.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::state::children;

/// A plotter that is played. Dropping it kills it, and the plotter behind a wrapper.
#[derive(Debug)]
pub struct Actor {
    pub child: Child,
}

impl Actor {
    /// Starts the script of this name (`madmax`, `chiapos`, ...) under `argv` in `dir`, with its log in `dir/log`.
    pub fn start(script: &str, argv: &[&str], dir: &Path) -> io::Result<Self> {
        Ok(Self { child: Self::command(script, argv, dir)?.spawn()? })
    }

    /// The same, to be changed before it starts.
    pub fn command(script: &str, argv: &[&str], dir: &Path) -> io::Result<Command> {
        Self::command_of(&program()?, script, argv, dir)
    }

    /// The same, run from a copy of the actor's program under another name.
    pub fn command_of(program: &Path, script: &str, argv: &[&str], dir: &Path) -> io::Result<Command> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/actor/scripts/{script}.yaml"));
        let (name, arguments) = argv.split_first().ok_or_else(|| io::Error::other("an empty command line"))?;
        let log = File::create(dir.join("log"))?;
        let mut command = Command::new(program);
        command
            .arg0(name)
            .args(arguments)
            .current_dir(dir)
            .env("PLOTTER_SCRIPT", script)
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log);
        Ok(command)
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        for pid in children(self.pid()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `cargo test` builds examples into a folder beside the tests' own, but not when a single test program is asked for.
pub fn program() -> io::Result<PathBuf> {
    static BUILT: Mutex<()> = Mutex::new(());
    let test = std::env::current_exe()?;
    let profile = test.ancestors().nth(2).unwrap_or(Path::new("."));
    let program = profile.join("examples/plotter-actor");
    let _one_at_a_time = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !program.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--example", "plotter-actor", "--target-dir"]).arg(profile.with_file_name(""));
        if !profile.ends_with("debug") {
            cargo.arg("--release");
        }
        if !cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status()?.success() {
            return Err(io::Error::other("cargo could not build the example plotter-actor"));
        }
    }
    Ok(program)
}
