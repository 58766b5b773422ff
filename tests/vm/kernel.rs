//! A kernel of Debian that the machine boots, its modules, and the made-up hardware that is compiled for it. All of it lies below
//! `target/vm` and is fetched once.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::archive::read;

/// The series whose interfaces the made-up hardware is written for.
const SERIES: &str = "linux-image-6.1.";
/// Where in a bzImage the boot protocol tells its parts (`Documentation/x86/boot.rst`).
const SETUP_SECTORS: usize = 0x1f1;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;
const SECTOR: usize = 512;

pub struct Kernel {
    /// The kernel as an ELF file, which a machine without a BIOS starts directly.
    pub image: PathBuf,
    /// Made-up hardware.
    pub farmplant: PathBuf,
    root: PathBuf,
    release: String,
}

impl Kernel {
    /// Fetches, unpacks and compiles what is not there yet.
    pub fn prepare() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/vm");
        let root = folder.join("root");
        let fetched = folder.join("release");
        if !fetched.exists() {
            let release = fetch(&folder, &root);
            fs::write(&fetched, release).unwrap();
        }
        let release = fs::read_to_string(&fetched).unwrap();
        let image = folder.join(format!("vmlinux-{release}"));
        if !image.exists() {
            let unpacked = unpack(&root.join(format!("boot/vmlinuz-{release}")));
            fs::write(&image, unpacked).unwrap();
        }
        Self { farmplant: compile(&folder, &root, &release), image, root, release }
    }

    /// A program of a package that was fetched along.
    pub fn program(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The files of these modules and of those that they need, each behind what it needs.
    pub fn modules(&self, wanted: &[&str]) -> Vec<PathBuf> {
        let folder = self.root.join("lib/modules").join(&self.release);
        let list = fs::read_to_string(folder.join("modules.dep")).unwrap();
        let mut files: Vec<PathBuf> = Vec::new();
        for name in wanted {
            let is_it = |line: &&str| line.split(':').next().unwrap().ends_with(&format!("/{name}.ko"));
            let line = list.lines().find(is_it).unwrap_or_else(|| panic!("the kernel has no module {name}"));
            for file in line.replace(':', " ").split_whitespace().rev().map(|file| folder.join(file)) {
                if !files.contains(&file) {
                    files.push(file);
                }
            }
        }
        files
    }
}

/// Downloads the packages of the kernel and unpacks them; its release, such as `6.1.0-56-amd64`.
fn fetch(folder: &Path, root: &Path) -> String {
    let depends = run(Command::new("apt-cache").args(["depends", "linux-image-amd64"]));
    let image = depends.split_whitespace().find(|word| word.starts_with(SERIES));
    let release = image.unwrap_or_else(|| panic!("linux-image-amd64 is not of the series {SERIES}: {depends}"));
    let release = release.strip_prefix("linux-image-").unwrap();
    let common = release.strip_suffix("-amd64").unwrap();
    let packages = folder.join("packages");
    fs::create_dir_all(&packages).unwrap();
    let names = [
        format!("linux-image-{release}"),
        format!("linux-headers-{release}"),
        format!("linux-headers-{common}-common"),
        "linux-kbuild-6.1".to_owned(),
        "mdadm".to_owned(),
    ];
    run(Command::new("apt-get").arg("download").args(names).current_dir(&packages));
    for package in fs::read_dir(&packages).unwrap() {
        run(Command::new("dpkg").arg("--extract").arg(package.unwrap().path()).arg(root));
    }
    fs::remove_dir_all(&packages).unwrap();
    run(Command::new("depmod").arg("-b").arg(root).arg(release));
    // The headers look for the other half of themselves where they would be installed.
    let makefile = root.join(format!("usr/src/linux-headers-{release}/Makefile"));
    let text = fs::read_to_string(&makefile).unwrap();
    fs::write(&makefile, text.replace(" /usr/src/", &format!(" {}/usr/src/", root.display()))).unwrap();
    release.to_owned()
}

/// The kernel inside a bzImage: to let the machine do this would take it seconds.
fn unpack(image: &Path) -> Vec<u8> {
    let bytes = read(image);
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let start = (usize::from(bytes[SETUP_SECTORS]) + 1) * SECTOR + number(PAYLOAD_OFFSET);
    let packed = &bytes[start..start + number(PAYLOAD_LENGTH)];
    let mut xz = Command::new("xz")
        .args(["--decompress", "--stdout", "--single-stream"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("xz cannot be started");
    let mut input = xz.stdin.take().unwrap();
    let unpacked = thread::scope(|scope| {
        // What follows the stream is its length, which xz does not take in.
        scope.spawn(move || input.write_all(packed));
        xz.wait_with_output().unwrap().stdout
    });
    assert!(unpacked.starts_with(b"\x7fELF"), "{} holds no kernel packed with xz", image.display());
    unpacked
}

/// Compiles the made-up hardware, if its sources are newer.
fn compile(folder: &Path, root: &Path, release: &str) -> PathBuf {
    let build = folder.join("farmplant");
    fs::create_dir_all(&build).unwrap();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm/farmplant");
    for source in fs::read_dir(sources).unwrap() {
        let source = source.unwrap();
        let copy = build.join(source.file_name());
        if fs::read(&copy).ok() != Some(read(&source.path())) {
            fs::copy(source.path(), copy).unwrap();
        }
    }
    let headers = root.join(format!("usr/src/linux-headers-{release}"));
    run(Command::new("make").arg("-s").arg("-C").arg(headers).arg(format!("M={}", build.display())).arg("modules"));
    build.join("farmplant.ko")
}

/// Runs a program to its end; what it says.
fn run(command: &mut Command) -> String {
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; `tests/all` installs what is needed"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
