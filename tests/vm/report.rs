//! What a scenario has said, in sections.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tempfile::TempDir;

use crate::files::{Scenario, file_system};
use crate::kernel::Kernel;
use crate::machine::boot;

/// What a scenario has said, by section.
pub struct Report {
    sections: BTreeMap<String, String>,
}

impl Report {
    /// Boots the machine and waits until it has ended.
    pub fn of_a_boot(scenario: &Scenario) -> Self {
        // Two machines at a time would keep each other from the CPUs of the host, of which some tests mind the time.
        static BOOTING: Mutex<()> = Mutex::new(());
        let _one_at_a_time = BOOTING.lock().unwrap_or_else(PoisonError::into_inner);
        let kernel = Kernel::prepare();
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let files = folder.path().join("initrd");
        fs::write(&files, file_system(&kernel, scenario)).unwrap();
        let began = Instant::now();
        let status = boot(&kernel, &files, folder.path());
        eprintln!("the virtual machine ran for {:.1} s", began.elapsed().as_secs_f64());
        let text =
            |name: &str| String::from_utf8_lossy(&fs::read(folder.path().join(name)).unwrap_or_default()).into_owned();
        let report = text("report");
        // For whoever wants to see why a test fails.
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("vm-{}.txt", scenario.name));
        fs::write(kept, format!("{report}=== console\n{}", text("console"))).unwrap();
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
