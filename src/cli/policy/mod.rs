//! `plotwarden policy`: a file per subcommand.

mod check;
mod explain;
mod fmt;
mod rewrite;
mod schema;

use super::{PolicyCommand, rehearse};

pub fn policy(command: &PolicyCommand) -> u8 {
    match command {
        PolicyCommand::Check(options) => check::check(options),
        PolicyCommand::Explain(options) => explain::explain(options),
        PolicyCommand::Fmt(options) => fmt::fmt(options),
        PolicyCommand::Schema => schema::schema(),
        PolicyCommand::Test(options) => rehearse::test(options),
        PolicyCommand::Diff(options) => rehearse::diff(options),
    }
}
