//! Interfaces made of others: bonds and bridges.
//!
//! Source: `Documentation/networking/bonding.rst`, `Documentation/ABI/testing/sysfs-class-net`.

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::interface::{InterfaceDir, InterfaceName};
use crate::kernel::{KernelError, Roots, attribute};

/// Several links used as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bond {
    pub name: InterfaceName,
    /// Such as `802.3ad` or `active-backup`.
    pub mode: Option<String>,
    /// The member in use, of a mode that uses one at a time.
    pub active: Option<String>,
    /// State of the bond's link: `up` or `down`.
    pub link: Option<String>,
    pub members: Option<Vec<BondMember>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BondMember {
    pub name: String,
    /// `active` or `backup`.
    pub state: Option<String>,
    /// `up`, `down`, or on the way between them.
    pub link: Option<String>,
    pub link_failures: Option<u64>,
}

/// A switch in software.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bridge {
    pub name: InterfaceName,
    pub spanning_tree: Option<SpanningTree>,
    pub members: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanningTree {
    Off,
    /// Kept by the kernel.
    Kernel,
    /// Kept by a program.
    User,
}

impl Bond {
    pub(super) fn read(roots: &Roots, name: InterfaceName, survey: &mut Survey) -> Self {
        let dir = InterfaceDir::new(roots, name);
        let members = survey.fact(dir.bond_members());
        let member = |name: String| BondMember::read(roots, name, survey);
        Self {
            name,
            members: members.map(|members| members.into_iter().map(member).collect()),
            mode: survey.fact(first_word(&dir, "bonding/mode")),
            active: active(&dir),
            link: survey.fact_if_there(attribute::text(&dir.attribute("bonding/mii_status"))),
        }
    }
}

impl BondMember {
    fn read(roots: &Roots, name: String, survey: &mut Survey) -> Self {
        let Some(dir) = name.parse().ok().map(|name| InterfaceDir::new(roots, name)) else {
            return Self { name, state: None, link: None, link_failures: None };
        };
        Self {
            state: survey.fact_if_there(attribute::text(&dir.attribute("bonding_slave/state"))),
            link: survey.fact_if_there(dir.bond_link()),
            link_failures: survey.fact_if_there(attribute::decimal(&dir.attribute("bonding_slave/link_failure_count"))),
            name,
        }
    }
}

impl Bridge {
    pub(super) fn read(roots: &Roots, name: InterfaceName, survey: &mut Survey) -> Self {
        let dir = InterfaceDir::new(roots, name);
        let spanning_tree = match survey.fact(attribute::decimal(&dir.attribute("bridge/stp_state"))) {
            Some(0) => Some(SpanningTree::Off),
            Some(1) => Some(SpanningTree::Kernel),
            Some(2) => Some(SpanningTree::User),
            _ => None,
        };
        Self { name, spanning_tree, members: survey.fact(attribute::entries(&dir.attribute("brif"))) }
    }
}

/// `802.3ad 4` is the name of the mode and its number.
fn first_word(dir: &InterfaceDir, file: &str) -> Result<String, KernelError> {
    let text = attribute::text(&dir.attribute(file))?;
    Ok(text.split_whitespace().next().unwrap_or_default().to_owned())
}

/// Empty while no member is in use, and in modes that use all of them.
fn active(dir: &InterfaceDir) -> Option<String> {
    attribute::text(&dir.attribute("bonding/active_slave")).ok()
}
