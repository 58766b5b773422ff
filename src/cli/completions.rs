//! `plotwarden completions`: completion scripts made from the same description of the command line as the help.

use std::io;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, exit};

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The shell to print completions for
    shell: Shell,
}

pub fn print(options: &Options) -> u8 {
    clap_complete::generate(options.shell, &mut Cli::command(), "plotwarden", &mut io::stdout());
    exit::OK
}
