//! What `plotwarden discover` says of this machine, beside what the tools say that everybody knows; a module per tool.

mod lscpu;
mod memory;
mod network;
mod storage;
mod virtualisation;

use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// The inventory of this machine.
static INVENTORY: LazyLock<Value> = LazyLock::new(|| discovered(&[]));

/// The inventory as it is now.
fn discovered(flags: &[&str]) -> Value {
    let mut discover = Command::new(env!("CARGO_BIN_EXE_plotwarden"));
    let output = discover.args(["discover", "--output", "json"]).args(flags).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a tool prints; `None` where it is not installed or does not know what it is asked, which is said.
fn tool(name: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(name).args(arguments).env("LC_ALL", "C").output();
    match output {
        Ok(output) if output.status.success() => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => {
            eprintln!("SKIPPED: {name} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
            None
        }
        Err(error) => {
            eprintln!("SKIPPED: {name}: {error}");
            None
        }
    }
}

/// The number at a place of the inventory.
fn number(pointer: &str) -> Option<u64> {
    INVENTORY.pointer(pointer).and_then(Value::as_u64)
}

/// The numbers at a place of the inventory.
fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}
