//! Checks `selector`: which jobs a policy is about.

use super::findings::Findings;
use crate::policy::glob::Glob;
use crate::policy::rules::Selector;
use crate::policy::schema;
use crate::policy::spanned::Spanned;

pub fn selector(written: &schema::JobSelector, findings: &mut Findings<'_>) -> Selector {
    let mut globs = |patterns: &[Spanned<String>]| {
        let mut parsed = Vec::new();
        for pattern in patterns {
            match Glob::parse(&pattern.value) {
                Ok(glob) => parsed.push(glob),
                Err(problem) => {
                    let (problem, hint) = problem.split_once("; ").unwrap_or((&problem, ""));
                    findings.error(pattern, problem, hint);
                }
            }
        }
        parsed
    };
    Selector {
        temp_dirs: globs(&written.temp_dir),
        final_dirs: globs(&written.final_dir),
        plotters: written.plotter.clone(),
        owners: written.owner.clone(),
        sizes: written.k.iter().map(|k| k.0).collect(),
    }
}
