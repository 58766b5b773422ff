//! A block device that comes and goes: a loop device over a file in `target/`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::NamedTempFile;

pub struct LoopDisk {
    device: PathBuf,
    _file: NamedTempFile,
}

impl LoopDisk {
    /// A disk of so many bytes, all zero.
    pub fn new(size: u64) -> Self {
        let file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        file.as_file().set_len(size).unwrap();
        let output = Command::new("losetup").args(["--find", "--show"]).arg(file.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { device: PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()), _file: file }
    }

    /// As the kernel calls it: `loop3`.
    pub fn name(&self) -> String {
        self.device.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// A virtual device is worth telling of once it has been used.
    pub fn write_something(&self) {
        let disk = File::options().write(true).open(&self.device).unwrap();
        disk.write_all_at(&[1; 4096], 0).unwrap();
        disk.sync_all().unwrap();
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        drop(Command::new("losetup").arg("--detach").arg(&self.device).status());
    }
}
