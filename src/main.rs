//! Parses the command line and calls the subcommand.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(plotwarden::cli::main())
}
