//! An NVIDIA machine that is played: a library built from `tests/nvml/fake.c`, with a script that can change while it is in use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The played library; gone when dropped, which a process that has it open does not notice.
pub struct FakeNvml {
    _folder: TempDir,
    path: PathBuf,
}

/// How old the driver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    Current,
    /// Of before 2022: lacks the newer calls.
    Old,
}

impl FakeNvml {
    /// Builds the library; its script is empty: two GPUs that answer everything.
    pub fn build(driver: Driver) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("libnvidia-ml.so.1");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nvml/fake.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"]);
        if driver == Driver::Old {
            compiler.arg("-DOLD_DRIVER");
        }
        let output = compiler.arg("-o").arg(&path).arg(source).arg("-ldl").output().expect("a C compiler, `cc`");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { _folder: folder, path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the script; the head of `tests/nvml/fake.c` says what can stand in it.
    pub fn script(&self, lines: &str) -> &Self {
        let (script, new) = (self.path.with_added_extension("script"), self.path.with_added_extension("new"));
        fs::write(&new, format!("{lines}\n")).unwrap();
        fs::rename(new, script).unwrap();
        self
    }

    /// The calls so far, in their order.
    pub fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path.with_added_extension("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// What a GPU was told last, `power`, `clock` or `memory`; `None` if nothing, or if that was lifted.
    #[allow(dead_code, reason = "not all tests limit a GPU")]
    pub fn told(&self, gpu: u32, what: &str) -> Option<u64> {
        fs::read_to_string(self.path.with_added_extension(format!("{gpu}.{what}"))).ok()?.trim().parse().ok()
    }

    /// Tells a GPU something, as another program would.
    #[allow(dead_code, reason = "not all tests limit a GPU")]
    pub fn tell(&self, gpu: u32, what: &str, number: u64) {
        fs::write(self.path.with_added_extension(format!("{gpu}.{what}")), format!("{number}\n")).unwrap();
    }

    /// Calls that would change something, none of which may ever be made.
    pub fn changes(&self) -> Vec<String> {
        let changes =
            |call: &String| ["Set", "Reset", "Clear", "Remove", "Modify"].iter().any(|verb| call.contains(verb));
        self.calls().into_iter().filter(changes).collect()
    }
}
