//! `plotwarden policy explain`: what policies do, in plain English.

use crate::cli::exit;
use crate::cli::options::PolicyExplainOptions;
use crate::metrics;
use crate::policy::{self, Vocabulary};

pub fn explain(options: &PolicyExplainOptions) -> u8 {
    let vocabulary = Vocabulary { metrics: metrics::names(), prometheus: true, ..Vocabulary::default() };
    let loaded =
        if options.paths.is_empty() { policy::shipped(&vocabulary) } else { policy::load(&options.paths, &vocabulary) };
    let set = match loaded {
        Ok(set) => set,
        Err(errors) => {
            for error in &errors {
                eprintln!("error: {error}");
            }
            return if errors.iter().any(|error| error.unreadable) { exit::CANNOT } else { exit::PROBLEM };
        }
    };
    let wanted = |name: &String| options.policy.as_ref().is_none_or(|wanted| wanted == name);
    let explained: Vec<String> = set
        .policies
        .iter()
        .filter(|policy| wanted(&policy.name))
        .map(|policy| policy::explain(policy).join("\n"))
        .collect();
    if explained.is_empty() {
        let names: Vec<&str> = set.policies.iter().map(|policy| policy.name.as_str()).collect();
        eprintln!("error: there is no such policy; there are: {}", names.join(", "));
        return exit::PROBLEM;
    }
    println!("{}", explained.join("\n\n"));
    exit::OK
}
