//! This machine as the system's own tools show it, and as we do: a module per tool.

mod network;

use std::process::Command;

use serde_json::Value;

/// What `plotwarden discover` says.
fn discovered() -> Value {
    let output =
        Command::new(env!("CARGO_BIN_EXE_plotwarden")).args(["discover", "--output", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
