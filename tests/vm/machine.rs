//! A virtual machine with the hardware of a small farm, emulated without any help of the host: two sockets and NUMA nodes, disks of
//! each class, two network cards. It boots, plays the scenario, and is gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::archive::{Archive, read};
use crate::kernel::Kernel;

/// What the machine needs to see its disks, its network and its mirror.
const MODULES: [&str; 9] =
    ["virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net", "nvme", "sd_mod", "ahci", "e1000", "raid1"];
/// A machine that has not ended by then hangs.
const LIMIT: Duration = Duration::from_mins(4);

/// Keeps the clock of the guest: with other models the kernel distrusts it as soon as frequencies can change.
const CPU: &str = "Skylake-Server";
const COMMAND_LINE: &str = "console=ttyS0 panic=-1 quiet loglevel=4 tsc=reliable clocksource=tsc no_timer_check nokaslr \
    mitigations=off psi=1 random.trust_cpu=on rdinit=/init";
const HARDWARE: &str = "-smp 4,sockets=2,cores=2,threads=1 -m 1024 \
    -object memory-backend-ram,id=m0,size=512M -object memory-backend-ram,id=m1,size=512M \
    -numa node,nodeid=0,cpus=0-1,memdev=m0 -numa node,nodeid=1,cpus=2-3,memdev=m1 -numa dist,src=0,dst=1,val=21 \
    -smbios type=1,manufacturer=Farmer,product=Field \
    -smbios type=17,loc_pfx=DIMM,bank=BANK0,manufacturer=Micron,serial=ABC123,part=MTA36ASF,speed=3200 \
    -device nvme,drive=nvme,serial=NVME1 \
    -device virtio-blk-pci,drive=virtio,serial=VIRTIO1 \
    -device ide-hd,drive=sata,bus=ide.0,rotation_rate=5400,serial=SATA1 \
    -device virtio-scsi-pci,id=scsi -device scsi-hd,drive=one,bus=scsi.0,rotation_rate=7200,serial=MIRROR1 \
    -device scsi-hd,drive=two,bus=scsi.0,rotation_rate=7200,serial=MIRROR2 \
    -netdev hubport,hubid=0,id=net0 -device e1000,netdev=net0,mac=52:54:00:00:00:01 \
    -netdev hubport,hubid=0,id=net1 -device virtio-net-pci,netdev=net1,mac=52:54:00:00:00:02";
const DISKS: [&str; 5] = ["nvme", "virtio", "sata", "one", "two"];
pub const DISK_SIZE: u64 = 64 << 20;

/// What the scenario has said, by section.
pub struct Report {
    sections: BTreeMap<String, String>,
}

impl Report {
    /// Boots the machine and waits until it has ended.
    pub fn of_a_boot() -> Self {
        let kernel = Kernel::prepare();
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let files = folder.path().join("initrd");
        fs::write(&files, file_system(&kernel)).unwrap();
        let began = Instant::now();
        let status = boot(&kernel, &files, folder.path());
        eprintln!("the virtual machine ran for {:.1} s", began.elapsed().as_secs_f64());
        let text =
            |name: &str| String::from_utf8_lossy(&fs::read(folder.path().join(name)).unwrap_or_default()).into_owned();
        let report = text("report");
        // For whoever wants to see why a test fails.
        fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("vm-report.txt"), &report).unwrap();
        assert!(report.contains("=== end"), "the machine ended early ({status}):\n{}\n{report}", text("console"));
        let sections = report.split("=== ").filter_map(|section| section.split_once('\n'));
        Self { sections: sections.map(|(name, text)| (name.trim().to_owned(), text.to_owned())).collect() }
    }

    pub fn section(&self, name: &str) -> &str {
        self.sections.get(name).unwrap_or_else(|| panic!("no section {name}; log:\n{}", self.section("log")))
    }

    /// What was said as `name=value`.
    pub fn given(&self, section: &str, name: &str) -> &str {
        let lines = self.section(section).lines().filter_map(|line| line.split_once('='));
        let found = lines.filter(|(key, _)| *key == name).map(|(_, value)| value.trim()).next();
        found.unwrap_or_else(|| panic!("no {name} in {section}"))
    }
}

fn file_system(kernel: &Kernel) -> Vec<u8> {
    let mut archive = Archive::default();
    for folder in ["proc", "sys", "dev", "tmp", "run", "etc"] {
        archive.folder(folder);
    }
    let busybox = Path::new("/bin/busybox");
    archive.file("bin/busybox", &read(busybox));
    let applets = Command::new(busybox).arg("--list").output().unwrap().stdout;
    for applet in String::from_utf8(applets).unwrap().lines().filter(|applet| *applet != "busybox") {
        archive.link(&format!("bin/{applet}"), "busybox");
    }
    let guest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm/guest");
    archive.file("init", &read(&guest.join("init")));
    archive.file("scenario", &read(&guest.join("scenario")));
    let mut order = String::new();
    for module in kernel.modules(&MODULES) {
        let name = module.file_name().unwrap().to_str().unwrap();
        archive.file(&format!("modules/{name}"), &read(&module));
        order.extend([name, "\n"]);
    }
    archive.file("modules/order", order.as_bytes());
    archive.file("modules/farmplant.ko", &read(&kernel.farmplant));
    archive.program("bin/mdadm", &kernel.program("sbin/mdadm"));
    archive.program("bin/plotwarden", &stripped());
    archive.finish()
}

/// The program without what a debugger wants, which the machine would have to take into its memory.
fn stripped() -> std::path::PathBuf {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plotwarden-stripped");
    let status = Command::new("strip").arg("-o").arg(&copy).arg(env!("CARGO_BIN_EXE_plotwarden")).status().unwrap();
    assert!(status.success(), "strip: {status}");
    copy
}

fn boot(kernel: &Kernel, files: &Path, folder: &Path) -> String {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(
        "-machine q35 -accel tcg,thread=multi,tb-size=256 -nodefaults -no-user-config -display none -no-reboot"
            .split(' '),
    );
    qemu.args(["-cpu", CPU]).arg("-kernel").arg(&kernel.image).arg("-initrd").arg(files);
    qemu.args(["-append", COMMAND_LINE]).args(HARDWARE.split_whitespace());
    for disk in DISKS {
        let file = folder.join(disk);
        fs::File::create(&file).unwrap().set_len(DISK_SIZE).unwrap();
        qemu.arg("-drive").arg(format!("file={},if=none,id={disk},format=raw,cache=unsafe", file.display()));
    }
    for port in ["console", "report"] {
        qemu.arg("-serial").arg(format!("file:{}", folder.join(port).display()));
    }
    let errors = fs::File::create(folder.join("errors")).unwrap();
    let child = qemu.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{qemu:?}: {error}; `tests/all` installs what is needed"));
    let status = wait(&mut child);
    let errors = fs::read_to_string(folder.join("errors")).unwrap_or_default();
    format!("{status}; {errors}")
}

fn wait(child: &mut Child) -> String {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.to_string();
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    format!("not ended within {} s", LIMIT.as_secs())
}
