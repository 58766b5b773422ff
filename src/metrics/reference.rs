//! The page that lists every metric, `docs/metrics.md`. It is made from the families themselves, so that it cannot tell of
//! others than a scrape.

use std::fmt::Write as _;

use super::FamilyDescription;

const HEAD: &str = "# Metrics

Every family that a scrape of plotwarden can show. This page is made by `plotwarden metrics --output markdown`; a test
holds that it is up to date.

A fact that cannot be read here has no series: it is never 0. Counters begin at 0 with the boot, the device or this program,
so use `rate()` on them. Infos are 1, and their labels are the facts.
";

/// The page.
pub fn markdown(families: &[FamilyDescription]) -> String {
    let mut page = HEAD.to_owned();
    for topic in families.chunk_by(|one, other| one.topic == other.topic) {
        let name = topic.first().map_or("", |family| family.topic);
        page.push_str(&section(name, topic));
    }
    page
}

fn section(topic: &str, families: &[FamilyDescription]) -> String {
    let mut text =
        format!("\n## {topic}\n\n| name | type | unit | labels | meaning | source |\n|---|---|---|---|---|---|\n");
    for FamilyDescription { name, help, unit, kind, labels, source, .. } in families {
        let unit = unit.map_or("", super::Unit::name);
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let (kind, labels) = (kind.name(), labels.join(", "));
        let (help, source) = (in_a_cell(help), in_a_cell(source));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| `{name}` | {kind} | {unit} | {labels} | {help} | {source} |");
    }
    text
}

/// A bar would end the cell, and a star might begin emphasis.
fn in_a_cell(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "\\<")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalogue;

    #[test]
    fn the_page_in_the_repository_is_the_one_that_the_code_makes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        let made = markdown(&catalogue());
        let unlike = made.lines().zip(kept.lines().chain(std::iter::repeat(""))).find(|(made, kept)| made != kept);
        assert!(
            kept == made,
            "docs/metrics.md is not up to date; write it with\n\n    cargo run -- metrics --output markdown > docs/metrics.md\n\n\
             First line that differs, made and kept: {unlike:?}"
        );
    }

    #[test]
    fn every_family_stands_in_the_page_once() {
        let page = markdown(&catalogue());
        for family in catalogue() {
            assert_eq!(page.matches(&format!("| `{}` |", family.name)).count(), 1, "{}", family.name);
        }
    }

    #[test]
    fn no_text_breaks_the_table() {
        let mut odd = catalogue().remove(0);
        (odd.help, odd.source) = ("Either a|b.", "/sys/class/net/*/speed");
        let page = markdown(&[odd]);
        assert!(page.contains(r"| Either a\|b. | /sys/class/net/\*/speed |"), "{page}");
    }
}
