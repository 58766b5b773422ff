//! Whether the machine is a virtual one, and of whom: what is measured there is shared with neighbours that we cannot see.
//! The names are those of systemd-detect-virt(1).
//!
//! Source: `Documentation/ABI/testing/sysfs-firmware-dmi-entries`, `Documentation/ABI/stable/sysfs-hypervisor-xen`,
//! the strings that makers of hypervisors put into SMBIOS and the device tree.

use std::fs;

use super::machine::Machine;
use crate::kernel::{Roots, attribute, file, text};

/// The name of a machine that is none.
pub(super) const NONE: &str = "none";
/// A virtual machine of a maker that we do not know.
const OTHER: &str = "vm-other";

/// The beginnings of vendors' and products' names in SMBIOS.
const MAKERS: [(&str, &str); 17] = [
    ("Amazon EC2", "amazon"),
    ("Google Compute Engine", "google"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Xen", "xen"),
    ("Parallels", "parallels"),
    ("KVM", "kvm"),
    ("OpenStack", "kvm"),
    ("KubeVirt", "kvm"),
    ("Bochs", "bochs"),
    ("BHYVE", "bhyve"),
    ("VMware", "vmware"),
    ("VMW", "vmware"),
    ("Hyper-V", "microsoft"),
    ("Virtual Machine", "microsoft"),
    ("Apple Virtualization", "apple"),
    ("QEMU", "qemu"),
];
/// Those who run others' hypervisors underneath, and are named all the same.
const NAMED_FIRST: [&str; 5] = ["amazon", "google", "oracle", "xen", "parallels"];

/// The name of the hypervisor, [`NONE`] on bare metal; `None` where nothing tells.
pub(super) fn detect(roots: &Roots, machine: &Machine) -> Option<&'static str> {
    let maker = maker(machine);
    let named_first = maker.filter(|maker| NAMED_FIRST.contains(maker));
    named_first
        .or_else(|| hypervisor_type(roots))
        .or_else(|| clock(roots))
        .or(maker)
        .or_else(|| device_tree(roots))
        .or_else(|| match hypervisor_flag(roots) {
            Some(true) => Some(OTHER),
            Some(false) => Some(NONE),
            // Boards of ARM have no such flag; what is no virtual machine has a maker or a model.
            None => machine.is_known().then_some(NONE),
        })
}

fn maker(machine: &Machine) -> Option<&'static str> {
    let told = [&machine.product, &machine.vendor, &machine.board_vendor, &machine.bios_vendor];
    told.into_iter()
        .flatten()
        .find_map(|text| MAKERS.iter().find(|(beginning, _)| text.starts_with(beginning)).map(|(_, name)| *name))
}

/// Xen's first domain is a guest too, but owns the machine.
fn hypervisor_type(roots: &Roots) -> Option<&'static str> {
    let is_xen = attribute::text(&roots.sys("hypervisor/type")).is_ok_and(|name| name == "xen");
    if !is_xen {
        return None;
    }
    let capabilities = file::read(&roots.proc("xen/capabilities"), |bytes| Ok(text::lossy(bytes)));
    Some(if capabilities.is_ok_and(|capabilities| capabilities.contains("control_d")) { NONE } else { "xen" })
}

/// Hypervisors give their guests clocks.
fn clock(roots: &Roots) -> Option<&'static str> {
    let clocks = attribute::text(&roots.sys("devices/system/clocksource/clocksource0/available_clocksource")).ok()?;
    clocks.split_whitespace().find_map(|clock| match clock {
        "kvm-clock" => Some("kvm"),
        _ if clock.starts_with("hyperv_clocksource") => Some("microsoft"),
        _ => None,
    })
}

fn device_tree(roots: &Roots) -> Option<&'static str> {
    let root = roots.sys("firmware/devicetree/base");
    match attribute::text(&root.join("hypervisor/compatible")) {
        Ok(names) if names.contains("linux,kvm") => Some("kvm"),
        Ok(names) if names.contains("xen") => Some("xen"),
        Ok(names) if names.contains("vmware") => Some("vmware"),
        Ok(_) => Some(OTHER),
        Err(_) => {
            let is_qemu = |name: String| name.starts_with("fw-cfg");
            let entries = fs::read_dir(&root).ok()?.flatten();
            let names = entries.map(|entry| text::lossy(entry.file_name().as_encoded_bytes()));
            names.into_iter().any(is_qemu).then_some("qemu")
        }
    }
}

/// x86 processors tell their guests; `None` where there are no flags.
fn hypervisor_flag(roots: &Roots) -> Option<bool> {
    let flags = file::read(&roots.proc("cpuinfo"), |bytes| {
        Ok(text::value_of(bytes, b"flags").map(|flags| text::fields(flags).any(|flag| flag == b"hypervisor")))
    });
    flags.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    fn of(files: &[(&str, &str)], vendor: &str, product: &str) -> Option<&'static str> {
        let fixture = Fixture::new();
        for (path, contents) in files {
            fixture.file(path, contents);
        }
        let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        detect(&fixture.roots, &Machine { vendor: known(vendor), product: known(product), ..Machine::default() })
    }

    const BARE: (&str, &str) = ("proc/cpuinfo", "processor: 0\nflags : fpu avx2\n");
    const GUEST: (&str, &str) = ("proc/cpuinfo", "processor: 0\nflags : fpu hypervisor avx2\n");
    const KVM_CLOCK: (&str, &str) =
        ("sys/devices/system/clocksource/clocksource0/available_clocksource", "kvm-clock tsc acpi_pm \n");

    #[test]
    fn each_hypervisor_has_the_name_that_others_give_it() {
        for (files, vendor, product, expected) in [
            (&[BARE][..], "Supermicro", "X11DPi", "none"),
            (&[GUEST, KVM_CLOCK], "QEMU", "Standard PC (Q35 + ICH9, 2009)", "kvm"),
            (&[GUEST], "QEMU", "Standard PC", "qemu"),
            (&[GUEST, KVM_CLOCK], "Amazon EC2", "m5.large", "amazon"),
            (&[GUEST], "innotek GmbH", "VirtualBox", "oracle"),
            (&[GUEST], "VMware, Inc.", "VMware Virtual Platform", "vmware"),
            (&[GUEST], "Microsoft Corporation", "Virtual Machine", "microsoft"),
            (&[GUEST], "Somebody", "Something", "vm-other"),
            (&[GUEST, ("sys/hypervisor/type", "xen\n")], "", "", "xen"),
            (&[("sys/hypervisor/type", "xen\n"), ("proc/xen/capabilities", "control_d\n")], "", "", "none"),
            (&[("sys/firmware/devicetree/base/hypervisor/compatible", "linux,kvm\0")], "", "", "kvm"),
            (&[("sys/firmware/devicetree/base/fw-cfg@9020000/x", "")], "", "", "qemu"),
            (&[], "", "Raspberry Pi 5 Model B Rev 1.0", "none"),
        ] {
            assert_eq!(of(files, vendor, product), Some(expected), "{vendor} {product} {files:?}");
        }
    }

    #[test]
    fn where_nothing_tells_nothing_is_known() {
        assert_eq!(of(&[], "", ""), None);
        assert_eq!(of(&[("proc/cpuinfo", "\u{fffd}\n")], "", ""), None);
    }
}
