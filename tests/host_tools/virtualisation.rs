//! systemd-detect-virt(1), whose names ours are. It fails where there is nothing to detect, and says `none`.

use std::process::Command;

use super::INVENTORY;

#[test]
fn cpu_virtualisation_and_container_have_the_names_of_systemd() {
    for (question, fact) in [("--vm", "virtualisation"), ("--container", "container")] {
        let Ok(output) = Command::new("systemd-detect-virt").arg(question).output() else {
            eprintln!("SKIPPED: systemd-detect-virt is not installed");
            return;
        };
        let told = String::from_utf8_lossy(&output.stdout);
        // It knows no orchestrators, only the engines below them.
        let ours = INVENTORY["system"][fact].as_str().filter(|name| *name != "kubernetes");
        assert!(ours.is_none_or(|ours| ours == told.trim()), "{fact}: {ours:?}, systemd says {told}");
    }
}
