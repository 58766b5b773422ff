//! Huge pages: pools that are set aside, and those that the kernel gives by itself.
//!
//! Source: `Documentation/admin-guide/mm/hugetlbpage.rst`, `Documentation/admin-guide/mm/transhuge.rst`.

use std::path::Path;

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::{KernelError, Roots, attribute};
use crate::sample::{huge_page_size, node_number};
use crate::units::Bytes;

/// The pool of pages of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HugePagePool {
    #[serde(rename = "page_size_bytes")]
    pub page_size: Bytes,
    pub pages: Option<u64>,
    pub free_pages: Option<u64>,
    pub nodes: Vec<NodePool>,
}

/// What of a pool is on one node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodePool {
    pub node: u32,
    pub pages: Option<u64>,
    pub free_pages: Option<u64>,
}

/// When programs get huge pages that have not asked for them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TransparentHugePages {
    /// `always`, `madvise` or `never`.
    pub enabled: Option<String>,
    /// How much work the kernel does for one: `always`, `defer`, `defer+madvise`, `madvise` or `never`.
    pub defrag: Option<String>,
}

impl TransparentHugePages {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Option<Self> {
        let directory = roots.sys("kernel/mm/transparent_hugepage");
        let mut chosen = |file: &str| survey.fact_if_there(attribute::chosen(&directory.join(file)));
        let (enabled, defrag) = (chosen("enabled"), chosen("defrag"));
        (enabled.is_some() || defrag.is_some()).then_some(Self { enabled, defrag })
    }
}

/// All pools, the smallest pages first.
pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Option<Vec<HugePagePool>> {
    let directory = roots.sys("kernel/mm/hugepages");
    let names = survey.fact_if_there(attribute::entries(&directory))?;
    let mut pools: Vec<HugePagePool> = names
        .iter()
        .filter_map(|name| {
            let (pages, free_pages) = counts(&directory.join(name), survey);
            Some(HugePagePool {
                page_size: huge_page_size(name)?,
                pages,
                free_pages,
                nodes: on_nodes(roots, name, survey),
            })
        })
        .collect();
    pools.sort_by_key(|pool| pool.page_size);
    Some(pools)
}

fn on_nodes(roots: &Roots, pool: &str, survey: &mut Survey) -> Vec<NodePool> {
    let directory = roots.sys("devices/system/node");
    let mut numbers: Vec<u32> =
        attribute::entries(&directory).unwrap_or_default().iter().filter_map(|name| node_number(name)).collect();
    numbers.retain(|node| directory.join(format!("node{node}/hugepages")).is_dir());
    let on_node = |node: u32| {
        let (pages, free_pages) = counts(&directory.join(format!("node{node}/hugepages/{pool}")), survey);
        NodePool { node, pages, free_pages }
    };
    numbers.into_iter().map(on_node).collect()
}

fn counts(pool: &Path, survey: &mut Survey) -> (Option<u64>, Option<u64>) {
    let count = |file: &str| -> Result<u64, KernelError> { attribute::decimal(&pool.join(file)) };
    (survey.fact(count("nr_hugepages")), survey.fact(count("free_hugepages")))
}
