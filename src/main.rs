//! Parses the command line and calls the subcommand.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(plotwarden::cli::main())
}
