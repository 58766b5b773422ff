//! Selectors and names that nothing can match: a policy that is about nobody looks just like one that has nothing to do.

use super::sites::{Site, Sites, Word};
use crate::policy::error::PolicyError;
use crate::policy::nearest::suggest;
use crate::policy::resolve::Findings;
use crate::policy::rule::Rule;

/// Sizes that plotters make; the network takes 32 and more, tests are smaller.
const SIZES: std::ops::RangeInclusive<u8> = 18..=50;

pub fn doubts(sites: &Sites, findings: &mut Findings<'_>) {
    let known: Vec<&str> = findings.vocabulary.plotters.iter().map(String::as_str).collect();
    let words = &sites.words;
    let mut doubts = Vec::new();
    for word in words.plotters.iter().chain(&words.never_paused) {
        // Without a list of plotters nobody can say which names are wrong.
        if !known.is_empty() && !known.contains(&word.text.as_str()) {
            let problem = format!("no plotter is known as `{}`, so this matches nothing", word.text);
            doubts.push(word.spot.saying(problem, suggest(&word.text, &known)));
        }
    }
    doubts.extend(words.owners.iter().filter(|owner| owner.text.is_empty()).map(|owner| nothing(&owner.spot)));
    let is_size = |word: &&Word| word.text.parse().is_ok_and(|size: u8| SIZES.contains(&size));
    for word in words.sizes.iter().filter(|word| !is_size(word)) {
        let problem = format!("no plotter makes plots of k {}, so this matches nothing", word.text);
        let hint = format!("write {} to {}; plots of the network have 32 or more", SIZES.start(), SIZES.end());
        doubts.push(word.spot.saying(problem, hint));
    }
    let names_nothing = |site: &&Site| {
        let mut patterns = site.wish.iter().flat_map(|wish| &wish.of);
        patterns.any(|pattern| pattern.as_str().is_empty())
    };
    let unnamed = sites.actions.iter().filter(names_nothing);
    doubts.extend(unnamed.map(|site| nothing(&site.spot)));
    findings.warnings.extend(doubts.into_iter().map(|doubt| doubt.under(Rule::MatchesNothing)));
}

fn nothing(spot: &PolicyError) -> PolicyError {
    spot.saying("an empty name matches nothing", "write a name, or leave the list out for all")
}
