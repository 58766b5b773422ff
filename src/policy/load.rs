//! Loads policies from files, all or nothing, and holds the shipped ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::cases::{Case, PolicyTestDocument, cases, check_names};
use super::document::{Written, documents};
use super::error::PolicyError;
use super::resolve::{self, Findings};
use super::rules::{Origin, Policy};
use super::source;
use super::vocabulary::Vocabulary;
use crate::mode::Mode;

/// The policies of `policies/`, in force where the operator has none of his own.
const SHIPPED: &[(&str, &str)] = &[
    ("shipped/farm-first.yaml", include_str!("../../policies/farm-first.yaml")),
    ("shipped/spare-busy-disk.yaml", include_str!("../../policies/spare-busy-disk.yaml")),
    ("shipped/stagger-by-pressure.yaml", include_str!("../../policies/stagger-by-pressure.yaml")),
];

/// Policies that are in force together, and what is doubtful about them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicySet {
    /// Sorted by file, then by place in the file. Names are unique.
    pub policies: Vec<Policy>,
    /// Tests of these policies, in the same order.
    pub cases: Vec<Case>,
    pub warnings: Vec<PolicyError>,
}

impl PolicySet {
    /// The same policies, none of which goes further than `most`; what the node's `--max-mode` does.
    #[must_use]
    pub fn capped(mut self, most: Mode) -> Self {
        for policy in &mut self.policies {
            policy.control.mode = policy.control.mode.min(most);
        }
        self
    }
}

/// Loads files, and the `*.yaml` and `*.yml` of folders.
///
/// # Errors
/// Everything that is wrong in any of them; then nothing is loaded.
pub fn load(paths: &[PathBuf], vocabulary: &Vocabulary) -> Result<PolicySet, Vec<PolicyError>> {
    let files = source::policy_files(paths)?;
    let mut loading = Loading::new(vocabulary);
    for file in &files {
        match source::read(file) {
            Ok(text) => loading.add(file, &text),
            Err(error) => loading.errors.push(error),
        }
    }
    if files.is_empty() {
        let folder = paths.first().map_or_else(|| PathBuf::from("--policies"), Clone::clone);
        let mut warning = PolicyError::unreadable(&folder, "holds no policy", "put `*.yaml` files there");
        warning.unreadable = false;
        loading.set.warnings.push(warning);
    }
    loading.finish()
}

/// Loads policies from a text as if it were the file `path`.
pub fn from_text(path: &Path, text: &str, vocabulary: &Vocabulary) -> Result<PolicySet, Vec<PolicyError>> {
    let mut loading = Loading::new(vocabulary);
    loading.add(path, text);
    loading.finish()
}

/// The shipped policies, embedded in the program.
pub fn shipped(vocabulary: &Vocabulary) -> Result<PolicySet, Vec<PolicyError>> {
    let mut loading = Loading::new(vocabulary);
    for (path, text) in SHIPPED {
        loading.add(Path::new(path), text);
    }
    loading.finish()
}

struct Loading<'a> {
    vocabulary: &'a Vocabulary,
    set: PolicySet,
    errors: Vec<PolicyError>,
    /// Where each name was first used.
    names: BTreeMap<String, Origin>,
    /// The policies that documents of kind `PolicyTest` name, and where.
    tested: Vec<(String, PolicyError)>,
}

impl<'a> Loading<'a> {
    fn new(vocabulary: &'a Vocabulary) -> Self {
        Self { vocabulary, set: PolicySet::default(), errors: Vec::new(), names: BTreeMap::new(), tested: Vec::new() }
    }

    fn add(&mut self, path: &Path, text: &str) {
        // Windows editors begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for document in documents(path, text) {
            let written = match document.read() {
                Ok(written) => written,
                Err(error) => {
                    self.errors.push(error);
                    continue;
                }
            };
            let mut findings = Findings::new(&document, self.vocabulary);
            let written = match written {
                Written::Policy(written) => written,
                Written::Tests(tests) => {
                    self.add_tests(&tests, findings);
                    continue;
                }
            };
            let policy = resolve::policy(&written, &mut findings, fnv1a(document.text.trim().as_bytes()));
            if let Some(first) = self.names.get(&policy.name) {
                let problem = format!("the name `{}` is taken", policy.name);
                let hint = format!("{}:{} has it already; choose another", first.path.display(), first.line);
                findings.error(&written.metadata.name, problem, hint);
            }
            self.set.cases.extend(cases(&written.tests, std::slice::from_ref(&policy.name), &mut findings));
            self.names.entry(policy.name.clone()).or_insert_with(|| policy.origin.clone());
            // Several stages may share one wrong trigger.
            findings.errors.dedup();
            self.errors.append(&mut findings.errors);
            self.set.warnings.append(&mut findings.warnings);
            self.set.policies.push(policy);
        }
    }

    fn add_tests(&mut self, written: &PolicyTestDocument, mut findings: Findings<'_>) {
        resolve::check_name(&written.metadata.name, &mut findings);
        let policies = &written.spec.policies;
        if policies.value.is_empty() {
            findings.error(policies, "no policy is tested", "name at least one, such as `[stagger-by-pressure]`");
        }
        let names: Vec<String> = policies.value.iter().map(|policy| policy.value.clone()).collect();
        let spots =
            policies.value.iter().map(|policy| (policy.value.clone(), findings.document.error_at(policy, "", "")));
        self.tested.extend(spots);
        self.set.cases.extend(cases(&written.spec.tests, &names, &mut findings));
        self.errors.append(&mut findings.errors);
    }

    fn finish(mut self) -> Result<PolicySet, Vec<PolicyError>> {
        // Without all policies nobody can say which names are wrong.
        if self.errors.is_empty() {
            self.errors = check_names(&self.set.cases, &self.tested, &self.set.policies);
        }
        if self.errors.is_empty() { Ok(self.set) } else { Err(self.errors) }
    }
}

/// FNV-1a, 64 bits: tells versions of a policy apart, and stays the same across builds. No defence against forgery.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_published() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
