//! Programs of this project, as the machine gets them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The program of an integration test, built with the profile of this one.
pub fn test_program(name: &str) -> PathBuf {
    built(&["test", "--no-run", "--test", name], "test", name)
}

/// The program of an example, likewise.
pub fn example(name: &str) -> PathBuf {
    built(&["build", "--example", name], "example", name)
}

/// Cargo tells where such a program lies to whoever builds it, and to nobody else.
fn built(order: &[&str], kind: &str, name: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(order).args(["--quiet", "--message-format=json-render-diagnostics"]);
    cargo.arg("--target-dir").arg(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // What cargo told this test of its package, build scripts would take for a change and compile their libraries anew.
    let told = |name: &String| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for name in std::env::vars().map(|(name, _)| name).filter(told) {
        cargo.env_remove(name);
    }
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages
        .filter(|message| message["target"]["name"] == name && message["target"]["kind"][0] == kind)
        .filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
    programs.next().unwrap_or_else(|| panic!("{name} was not built:\n{}", String::from_utf8_lossy(&output.stderr)))
}

/// The program without what a debugger wants, which the machine would have to take into its memory.
pub fn stripped(program: &Path) -> PathBuf {
    let name = program.file_name().unwrap().to_str().unwrap();
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-stripped"));
    let status = Command::new("strip").arg("-o").arg(&copy).arg(program).status().unwrap();
    assert!(status.success(), "strip: {status}");
    copy
}
