//! What is right by itself and will hardly do what was meant: doubts about a policy, and about policies that are in force together.
//!
//! ```text
//! one document -> Sites (its actions and their places) and doubts about it
//! all of them  -> doubts about how they meet
//! ```
//!
//! A doubt is a warning under a [`Rule`], never an error: whoever knows better is not held up.

mod guardrail;
mod meet;
mod rank;
mod selector;
mod sites;
mod stages;
mod steps;
#[cfg(test)]
mod tests;

pub(super) use sites::Sites;

use super::document::WrittenPolicy;
use super::error::PolicyError;
use super::resolve::Findings;
use super::rules::{Policy, Rules};

/// Doubts about one policy without errors, and where its actions stand.
pub(super) fn document(written: &WrittenPolicy, policy: &Policy, findings: &mut Findings<'_>) -> Sites {
    let sites = Sites::of(written, policy, findings);
    selector::doubts(&sites, findings);
    if let (WrittenPolicy::Staged(_, document), Rules::Staged(_, rules)) = (written, &policy.rules) {
        stages::doubts(&document.spec, rules, findings);
        steps::doubts(&document.spec, rules, findings);
    }
    sites
}

/// Doubts about policies that are in force together; `sites` has one entry for each of `policies`.
pub(super) fn set(policies: &[Policy], sites: &[Sites]) -> Vec<PolicyError> {
    let mut doubts = rank::doubts(policies, sites);
    doubts.extend(guardrail::doubts(policies, sites));
    doubts
}
