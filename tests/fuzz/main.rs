//! What nobody thought of: machines whose files are broken in every way, and expressions and policies that no one would write. For
//! a few seconds in every run of the tests, for a minute where they all run (`PLOTWARDEN_FUZZ_SECONDS`).

mod chance;
mod damage;
mod expressions;
mod machines;
mod memory;
mod policies;
mod snapshot;

#[path = "../support/machine.rs"]
mod machine;
#[path = "../promql_support/mod.rs"]
mod promql_support;
#[path = "../promql_support/strange.rs"]
mod strange;
