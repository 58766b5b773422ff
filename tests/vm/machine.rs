//! A virtual machine with the hardware of a small farm, emulated without any help of the host: two sockets and NUMA nodes, disks of
//! each class, two network cards, USB. It boots, plays its scenario, and is gone.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::kernel::Kernel;

/// A machine that has not ended by then hangs.
const LIMIT: Duration = Duration::from_mins(10);

/// Keeps the clock of the guest: with other models the kernel distrusts it as soon as frequencies can change.
const CPU: &str = "Skylake-Server";
const COMMAND_LINE: &str = "console=ttyS0 panic=-1 quiet loglevel=4 tsc=reliable clocksource=tsc no_timer_check nokaslr \
    mitigations=off psi=1 random.trust_cpu=on rdinit=/init";
const HARDWARE: &str = "-smp 4,sockets=2,cores=1,threads=2 -m 1024 \
    -object memory-backend-ram,id=m0,size=512M -object memory-backend-ram,id=m1,size=512M \
    -numa node,nodeid=0,cpus=0-1,memdev=m0 -numa node,nodeid=1,cpus=2-3,memdev=m1 -numa dist,src=0,dst=1,val=21 \
    -smbios type=1,manufacturer=Farmer,product=Field \
    -smbios type=17,loc_pfx=DIMM,bank=BANK0,manufacturer=Micron,serial=ABC123,part=MTA36ASF,speed=3200 \
    -device nvme,drive=nvme,serial=NVME1 \
    -device virtio-blk-pci,drive=virtio,serial=VIRTIO1 \
    -device ide-hd,drive=sata,bus=ide.0,rotation_rate=5400,serial=SATA1 \
    -device virtio-scsi-pci,id=scsi -device scsi-hd,drive=one,bus=scsi.0,rotation_rate=7200,serial=MIRROR1 \
    -device scsi-hd,drive=two,bus=scsi.0,rotation_rate=7200,serial=MIRROR2 \
    -device qemu-xhci -device usb-tablet,serial=USB1 \
    -netdev hubport,hubid=0,id=net0 -device e1000,netdev=net0,mac=52:54:00:00:00:01 \
    -netdev hubport,hubid=0,id=net1 -device virtio-net-pci,netdev=net1,mac=52:54:00:00:00:02";
const DISKS: [&str; 5] = ["nvme", "virtio", "sata", "one", "two"];
pub const DISK_SIZE: u64 = 64 << 20;

/// Boots into the file system and waits for the end, which it tells. What is written to the serial ports lies in the folder then, as
/// `console` and `report`.
pub fn boot(kernel: &Kernel, files: &Path, folder: &Path) -> String {
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
