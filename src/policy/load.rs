//! Loads policies from files, all or nothing, and holds the shipped ones.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::canary;
use super::cases::{Case, PolicyTestDocument, cases, check_names};
use super::document::{Written, documents};
use super::error::{Place, PolicyError};
use super::lint::{self, Sites};
use super::resolve::{self, Findings};
use super::rule::Rule;
use super::rules::{CanaryOf, Origin, Policy};
use super::source::{self, Sources};
use super::vocabulary::Vocabulary;
use crate::mode::Mode;
use crate::units::Ratio;

/// The policies of `policies/`, in force where the operator has none of his own.
const SHIPPED: &[(&str, &str)] = &[
    ("shipped/evening-power-cap.yaml", include_str!("../../policies/evening-power-cap.yaml")),
    ("shipped/farm-first.yaml", include_str!("../../policies/farm-first.yaml")),
    ("shipped/guardrail-defaults.yaml", include_str!("../../policies/guardrail-defaults.yaml")),
    ("shipped/keep-memory-free.yaml", include_str!("../../policies/keep-memory-free.yaml")),
    ("shipped/network-copies.yaml", include_str!("../../policies/network-copies.yaml")),
    ("shipped/numa-pin.yaml", include_str!("../../policies/numa-pin.yaml")),
    ("shipped/nvme-temperature.yaml", include_str!("../../policies/nvme-temperature.yaml")),
    ("shipped/protect-harvester.yaml", include_str!("../../policies/protect-harvester.yaml")),
    ("shipped/spare-busy-disk.yaml", include_str!("../../policies/spare-busy-disk.yaml")),
    ("shipped/stagger-by-pressure.yaml", include_str!("../../policies/stagger-by-pressure.yaml")),
    ("shipped/temp-disk-space.yaml", include_str!("../../policies/temp-disk-space.yaml")),
];

/// Of one file. Nobody mends more in one go.
const MOST_ERRORS: usize = 100;

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
    /// The same policies as they are on one node: those with a canary that is others only rehearse here.
    #[must_use]
    pub fn on_node(mut self, node: &str) -> Self {
        for policy in &mut self.policies {
            let canary = policy.control.canary.filter(|canary| canary.of == CanaryOf::Nodes);
            if canary.is_some_and(|canary| !canary::includes(Ratio(canary.share), &policy.name, node)) {
                policy.control.mode = policy.control.mode.min(Mode::DryRun);
            }
        }
        self
    }

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
    from_files(&Sources::read(paths)?, vocabulary)
}

/// Loads policies from files that were read already.
pub fn from_files(sources: &Sources, vocabulary: &Vocabulary) -> Result<PolicySet, Vec<PolicyError>> {
    let mut loading = Loading::new(vocabulary);
    loading.set.warnings.clone_from(&sources.doubts);
    for file in &sources.files {
        loading.add(&file.path, &file.text);
    }
    loading.finish()
}

/// All that is good in the policies at `paths` and in what is piped in, what is doubtful, and what is wrong.
pub(super) fn judge(
    paths: &[PathBuf],
    piped: Option<&mut dyn Read>,
    vocabulary: &Vocabulary,
) -> (PolicySet, Vec<PolicyError>) {
    let (sources, errors) = Sources::gather(paths);
    let mut loading = Loading { errors, ..Loading::new(vocabulary) };
    loading.set.warnings = sources.doubts;
    if let Some(piped) = piped {
        let path = Path::new(source::PIPED);
        match source::text_of(path, piped) {
            Ok(text) => loading.add(path, &text),
            Err(error) => loading.errors.push(error),
        }
    }
    for file in &sources.files {
        loading.add(&file.path, &file.text);
    }
    loading.doubt();
    (loading.set, loading.errors)
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
    /// Of each policy of the set.
    sites: Vec<Sites>,
    errors: Vec<PolicyError>,
    /// Where each name was first used.
    names: BTreeMap<String, Origin>,
    /// The policies that documents of kind `PolicyTest` name, and where.
    tested: Vec<(String, PolicyError)>,
}

impl<'a> Loading<'a> {
    fn new(vocabulary: &'a Vocabulary) -> Self {
        let (set, names) = (PolicySet::default(), BTreeMap::new());
        Self { vocabulary, set, sites: Vec::new(), errors: Vec::new(), names, tested: Vec::new() }
    }

    fn add(&mut self, path: &Path, text: &str) {
        // Windows editors begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // To YAML a carriage return alone ends a line; so it must for whoever looks up the line of an error.
        let text = if text.contains('\r') { &text.replace("\r\n", "\n").replace('\r', "\n") } else { text };
        let before = self.errors.len();
        for document in documents(path, text) {
            // Each costs a search for its line: thousands of documents, each with a mistake, would hold everybody up.
            if self.errors.len() - before >= MOST_ERRORS {
                let hint = "mend those that are named first";
                let problem = format!("more than {MOST_ERRORS} problems; from here on the file was not read");
                let place = Place { line: document.line(), column: 1, width: 1 };
                self.errors.push(PolicyError::at(path, text, place, problem, hint).under(Rule::TooLarge));
                return;
            }
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
                let taken = document.error_at(&written.metadata().name, problem, hint).under(Rule::NameTaken);
                findings.errors.push(taken);
            }
            self.set.cases.extend(cases(written.tests(), std::slice::from_ref(&policy.name), &mut findings));
            self.names.entry(policy.name.clone()).or_insert_with(|| policy.origin.clone());
            // What is wrong has no meaning that could be doubted.
            let is_right = findings.errors.is_empty();
            let sites = if is_right { lint::document(&written, &policy, &mut findings) } else { Sites::default() };
            self.sites.push(sites);
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

    /// Policies that are right by themselves may be in each other's way.
    fn doubt(&mut self) {
        if self.errors.is_empty() {
            self.set.warnings.extend(lint::set(&self.set.policies, &self.sites));
        }
    }

    fn finish(mut self) -> Result<PolicySet, Vec<PolicyError>> {
        self.doubt();
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
