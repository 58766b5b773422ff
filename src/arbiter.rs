//! The arbiter joins the claims of all policies on one knob to one wanted value, or none; losers are kept with the reason.

use std::collections::BTreeMap;

use crate::claim::{Claim, Claimant, KnobKind, Setting, Target};

/// What the machine should look like, as far as anybody wants anything of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub settings: BTreeMap<(Target, KnobKind), Want>,
    /// What policies in dry run would have added; never written.
    pub rehearsed: BTreeMap<(Target, KnobKind), Want>,
    pub denied: Vec<Denied>,
}

/// The joined value of one knob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    pub setting: Setting,
    /// Everybody whose claim holds the knob; it is free only when the last one leaves.
    pub holders: Vec<Claimant>,
    /// Of the claim that decided the value.
    pub reason: &'static str,
}

/// A claim that did not get its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    pub claim: Claim,
    /// The policy or the law that won.
    pub by: String,
    pub reason: String,
}
