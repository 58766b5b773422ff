//! Whether the first process that we see lives in a container, and of which kind: a container shows less of the machine,
//! and what it shows may not be ours. The names are those of systemd-detect-virt(1), and `kubernetes`.

use std::path::{Path, PathBuf};

use crate::kernel::{KernelError, Roots, attribute, file, mounts, text};

/// The name of a machine that is no container.
pub(super) const NONE: &str = "none";

const KINDS: [(&str, &str); 9] = [
    ("kubepods", "kubernetes"),
    ("docker", "docker"),
    ("libpod", "podman"),
    ("podman", "podman"),
    ("lxc-libvirt", "lxc-libvirt"),
    ("lxc", "lxc"),
    ("systemd-nspawn", "systemd-nspawn"),
    ("openvz", "openvz"),
    ("wsl", "wsl"),
];
/// A container of a kind that we do not know.
const OTHER: &str = "container-other";

/// The kind of container, [`NONE`] outside of any; `None` where nothing of the first process can be read.
pub(super) fn detect(roots: &Roots) -> Option<&'static str> {
    let environment = file::read(&roots.proc("1/environ"), |bytes| Ok(environment(bytes)));
    let group = file::read(&roots.proc("1/cgroup"), |bytes| Ok(by_paths(bytes)));
    let mounts = file::read(&roots.proc("1/mountinfo"), |bytes| Ok(by_root_mount(bytes)));
    let nothing_was_told = environment.is_err() && group.is_err() && mounts.is_err();
    let told = |answer: Result<Option<&'static str>, KernelError>| answer.ok().flatten();
    let found = told(environment).or_else(|| told(group)).or_else(|| by_files(roots)).or_else(|| told(mounts));
    found.or((!nothing_was_told).then_some(NONE))
}

/// `container=` is set by those who start containers, and kubernetes tells of its services.
fn environment(bytes: &[u8]) -> Option<&'static str> {
    let mut variables = bytes.split(|byte| *byte == 0);
    if variables.clone().any(|variable| variable.starts_with(b"KUBERNETES_SERVICE_HOST=")) {
        return Some("kubernetes");
    }
    let kind = variables.find_map(|variable| variable.strip_prefix(b"container="))?;
    (!kind.is_empty()).then(|| named(&text::lossy(kind)))
}

/// The group of the first process, which is `/` or `/init.scope` outside of containers.
fn by_paths(bytes: &[u8]) -> Option<&'static str> {
    let paths = text::lines(bytes).filter_map(|line| line.splitn(3, |byte| *byte == b':').nth(2));
    let parts = paths.flat_map(|path| path.split(|byte| matches!(byte, b'/' | b'-' | b'.' | b':')));
    let parts: Vec<&[u8]> = parts.collect();
    KINDS.iter().find(|(word, _)| parts.contains(&word.as_bytes())).map(|(_, kind)| *kind)
}

/// The files that container engines leave in the root of the first process.
fn by_files(roots: &Roots) -> Option<&'static str> {
    let of_first = roots.proc("1/root");
    // The first process's root may be hidden from us; ours is the same where procfs is ours.
    let ours = (roots.procfs == Path::new("/proc")).then(|| PathBuf::from("/"));
    std::iter::once(of_first).chain(ours).find_map(|root| {
        let told = attribute::text(&root.join("run/systemd/container")).ok().map(|kind| named(&kind));
        let left = |file: &str, kind| root.join(file).exists().then_some(kind);
        told.or_else(|| left("run/.containerenv", "podman")).or_else(|| left(".dockerenv", "docker"))
    })
}

/// The root of a container is an overlay whose layers lie in the folder of its engine.
fn by_root_mount(bytes: &[u8]) -> Option<&'static str> {
    let root = mounts::lines(bytes).find(|line| line.point == b"/").filter(|root| root.kind == b"overlay")?;
    let layers = text::lossy(root.super_options);
    let engines = [("/docker/", "docker"), ("/containers/storage/", "podman"), ("/containerd/", OTHER)];
    engines.iter().find(|(folder, _)| layers.contains(folder)).map(|(_, kind)| *kind)
}

fn named(kind: &str) -> &'static str {
    KINDS.iter().find(|(word, _)| *word == kind).map_or(OTHER, |(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    fn of(files: &[(&str, &str)]) -> Option<&'static str> {
        let fixture = Fixture::new();
        for (path, contents) in files {
            fixture.file(path, contents);
        }
        detect(&fixture.roots)
    }

    #[test]
    fn each_engine_leaves_its_own_traces() {
        for (file, contents, expected) in [
            ("proc/1/environ", "PATH=/bin\0container=lxc\0", "lxc"),
            ("proc/1/environ", "container=systemd-nspawn\0", "systemd-nspawn"),
            ("proc/1/environ", "container=my-own\0", "container-other"),
            ("proc/1/environ", "container=docker\0KUBERNETES_SERVICE_HOST=10.0.0.1\0", "kubernetes"),
            ("proc/1/cgroup", "0::/docker/c3f1\n", "docker"),
            ("proc/1/cgroup", "0::/system.slice/docker-c3f1.scope\n", "docker"),
            ("proc/1/cgroup", "12:cpu:/kubepods/burstable/pod1/2\n", "kubernetes"),
            ("proc/1/cgroup", "0::/machine.slice/libpod-9a.scope\n", "podman"),
            ("proc/1/root/.dockerenv", "", "docker"),
            ("proc/1/root/run/.containerenv", "", "podman"),
            ("proc/1/root/run/systemd/container", "lxc\n", "lxc"),
            (
                "proc/1/mountinfo",
                "1 0 0:40 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A\n",
                "docker",
            ),
        ] {
            assert_eq!(of(&[(file, contents)]), Some(expected), "{file} {contents:?}");
        }
    }

    #[test]
    fn a_machine_is_no_container_and_a_hidden_one_is_not_known() {
        let machine = [
            ("proc/1/environ", "HOME=/\0TERM=linux\0"),
            ("proc/1/cgroup", "0::/init.scope\n"),
            ("proc/1/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"),
        ];
        assert_eq!(of(&machine), Some(NONE));
        assert_eq!(of(&[("proc/1/cgroup", "0::/user.slice/my-dockerfiles.service\n")]), Some(NONE));
        assert_eq!(of(&[]), None);
        assert_eq!(
            of(&[("proc/1/environ", "\u{fffd}\u{fffd}=\0=\0container=\0"), ("proc/1/cgroup", ":::")]),
            Some(NONE)
        );
    }
}
