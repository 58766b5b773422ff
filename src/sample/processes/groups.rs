//! The groups that processes are put into: those that matter where plots are made and farmed, or the operator's own.

use std::io;
use std::path::{Path, PathBuf};

use super::rule::{Rule, Subject, Wants};
use super::yaml;

const SHIPPED: (&str, &str) = ("shipped/process-groups.yaml", include_str!("groups.yaml"));
/// No such file needs more.
const LONGEST_FILE: u64 = 1 << 20;

/// Rules in their order; the first that takes a process names its group.
#[derive(Debug)]
pub struct ProcessGroups {
    rules: Vec<Rule>,
    pub(super) wants: Wants,
}

/// Why a file of groups cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GroupsError {
    #[error("cannot read the process groups {}: {source}; name a regular file of at most 1 MiB with --processes.config", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{}:{line}:{column}: {problem}; {hint}", file.display())]
    Invalid {
        file: PathBuf,
        /// From 1.
        line: u64,
        /// From 1, in characters.
        column: u64,
        problem: String,
        /// What to write.
        hint: String,
    },
}

impl ProcessGroups {
    /// Takes what no rule takes.
    pub const OTHER: &'static str = "other";
    /// No more groups than these are made, however many names a rule can give.
    pub const MOST: usize = 200;

    /// The groups inside the binary.
    ///
    /// # Errors
    /// None in a binary that has passed its tests.
    pub fn shipped() -> Result<Self, GroupsError> {
        Self::from_text(Path::new(SHIPPED.0), SHIPPED.1)
    }

    /// The operator's own, in place of the shipped ones.
    ///
    /// # Errors
    /// The file cannot be read, or is wrong somewhere: where, why, and what to write.
    pub fn load(file: &Path) -> Result<Self, GroupsError> {
        let unreadable = |source| GroupsError::Unreadable { file: file.to_owned(), source };
        let metadata = std::fs::metadata(file).map_err(unreadable)?;
        if !metadata.is_file() || metadata.len() > LONGEST_FILE {
            return Err(unreadable(io::Error::other("not a regular file of at most 1 MiB")));
        }
        Self::from_text(file, &std::fs::read_to_string(file).map_err(unreadable)?)
    }

    /// # Errors
    /// As [`Self::load`].
    pub fn from_text(file: &Path, text: &str) -> Result<Self, GroupsError> {
        let rules = yaml::rules(file, text)?;
        let wants = rules.iter().map(Rule::wants).fold(Wants::default(), Wants::or);
        Ok(Self { rules, wants })
    }

    /// The name of the group of a process, if a rule takes it.
    pub(super) fn group_of(&self, subject: &Subject) -> Option<String> {
        self.rules.iter().find_map(|rule| rule.group_of(subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(text: &str) -> Result<ProcessGroups, GroupsError> {
        ProcessGroups::from_text(Path::new("g.yaml"), text)
    }

    fn process(comm: &str, exe: &str, cmdline: &str) -> Subject {
        Subject {
            comm: comm.to_owned(),
            exe: Some(exe.to_owned()),
            user: Some("chia".to_owned()),
            cgroup: Some("/system.slice/farm.service".to_owned()),
            cmdline: Some(cmdline.to_owned()),
        }
    }

    #[test]
    fn the_first_rule_that_fits_in_all_it_says_names_the_group() {
        let groups = groups(
            "schema: 1\ngroups:\n\
             - {name: 'copy of {user}', comm: [cp, mv], cmdline: ['\\.plot\\b']}\n\
             - {name: '{match.tool}', cmdline: ['--tool=(?P<tool>\\w+)']}\n\
             - {name: 'in {cgroup}', exe: [/opt/farm/farmd, harvestd]}\n\
             - {name: '{exe}', cmdline: ['']}\n",
        )
        .unwrap();
        let of = |comm, exe, cmdline| groups.group_of(&process(comm, exe, cmdline));
        assert_eq!(of("cp", "/bin/cp", "cp a.plot /mnt").as_deref(), Some("copy of chia"));
        assert_eq!(of("cp", "/bin/cp", "cp a.txt /mnt").as_deref(), Some("cp"));
        assert_eq!(of("x", "/bin/x", "x --tool=sync y").as_deref(), Some("sync"));
        assert_eq!(of("x", "/opt/farm/farmd", "").as_deref(), Some("in /system.slice/farm.service"));
        assert_eq!(of("x", "/usr/bin/farmd", "").as_deref(), Some("farmd"), "a path is the whole path");
        assert_eq!(of("x", "/usr/bin/harvestd", "").as_deref(), Some("in /system.slice/farm.service"));
        let kernel_thread = Subject { comm: "kswapd0".to_owned(), ..Subject::default() };
        assert_eq!(groups.group_of(&kernel_thread), None, "a name that cannot be filled in is no name");
        assert_eq!(groups.wants, Wants { exe: true, cgroup: true, cmdline: true });
    }

    #[test]
    fn a_name_longer_than_the_kernel_keeps_is_found() {
        let groups = groups("schema: 1\ngroups:\n- {name: node, comm: [a_very_long_program_name]}\n").unwrap();
        assert_eq!(groups.group_of(&process("a_very_long_pro", "/x", "")).as_deref(), Some("node"));
        assert_eq!(groups.wants, Wants::default());
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        for (text, expected) in [
            ("schema: 2\ngroups: []\n", "g.yaml:1:9: the schema 2"),
            ("schema: 1\n", "the field `groups` is missing"),
            ("schema: 1\ngroups:\n- {name: x}\n", "g.yaml:3:10: the group `x` says not whom"),
            ("schema: 1\ngroups:\n- {name: '{com}', comm: [a]}\n", "g.yaml:3:10: `{com}` is not known"),
            ("schema: 1\ngroups:\n- {name: '{comm', comm: [a]}\n", "a `{` without"),
            ("schema: 1\ngroups:\n- {name: '', comm: [a]}\n", "an empty name"),
            ("schema: 1\ngroups:\n- {name: x, comm: ['']}\n", "an empty name"),
            ("schema: 1\ngroups:\n- {name: '{match.a}', cmdline: [x]}\n", "no pattern under `cmdline`"),
            ("schema: 1\ngroups:\n- {name: x, cmdline: ['a(']}\n", "g.yaml:3:23: not a pattern: unclosed group"),
            ("schema: 1\ngroups:\n- {name: x, com: [a]}\n", "there is no field `com` here; write one of"),
            ("schema: 1\ngroups:\n- {name: x, cmdline: ['(a{1000}){1000}']}\n", "not a pattern"),
            ("- 1\n", "g.yaml:1:"),
            ("\u{0}", "g.yaml:1:"),
        ] {
            let error = groups(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn the_shipped_groups_know_who_farms_and_who_copies() {
        let groups = ProcessGroups::shipped().unwrap();
        let of = |comm: &str| groups.group_of(&process(comm, "/x", comm));
        assert_eq!(of("chia_harvester").as_deref(), Some("harvester"));
        assert_eq!(of("chia_full_node").as_deref(), Some("full node"));
        assert_eq!(of("rsync").as_deref(), Some("copier"));
        assert_eq!(of("bladebit_cuda").as_deref(), Some("plotter"));
        assert_eq!(of("chia_recompute_server").as_deref(), None, "the kernel cuts the name, and so do rules");
        assert_eq!(of("chia_recompute_").as_deref(), Some("recompute server"));
        assert_eq!(of("sshd"), None);
    }

    #[test]
    fn a_file_that_is_not_there_or_not_one_is_said() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("none"), folder.path().to_owned()] {
            assert!(matches!(ProcessGroups::load(&path), Err(GroupsError::Unreadable { .. })));
        }
    }
}
