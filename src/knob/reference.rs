//! The page that lists every knob, `docs/knobs.md`. It is made from the knobs themselves, so that it cannot tell of others than
//! a machine has.

use std::fmt::Write as _;

use super::listing::Described;
use super::proof::Proof;

const HEAD: &str = "# Knobs

Everything that plotwarden can change on a machine. This page is made by `plotwarden knobs --output markdown`; a test holds that it is
up to date. `plotwarden knobs` says which of them work on the machine at hand, or why not and what mends it, and what they are set to.

Whatever a knob was before the first change is written down before that change, and goes back when no policy wants the knob any more, when
plotwarden ends, when it is killed and when it hangs. What somebody else has set since is left alone and reported. They are applied
in this order and put back in reverse.

Proven: in `memory`, the dealings of the knob with the actuator; `played`, its own code over files, a disk or a library that are
played; on the kernel of the `host` that runs the tests, as far as its hardware goes; on Debian's kernel in a virtual machine, the
`guest`, partly with made-up hardware behind the kernel's real frameworks; on a real `GPU`.

| knob | of | meaning | path or call | unit | range | what becomes of a value | who else writes it | on a foreign write | proven | source |
|---|---|---|---|---|---|---|---|---|---|---|
";

/// The page.
pub fn markdown(knobs: &[Described]) -> String {
    let mut page = HEAD.to_owned();
    for knob in knobs {
        let Described { name, meaning, of, place, unit, range, normalisation, source, on_foreign_write, .. } = knob;
        let others = if knob.others.is_empty() { "nobody by itself".to_owned() } else { knob.others.join(", ") };
        let proven = knob.proven.iter().map(|&proof| Proof::name(proof)).collect::<Vec<_>>().join(", ");
        let cells = [meaning, place.as_str(), unit, range, normalisation, &others, on_foreign_write, &proven, source];
        let cells = cells.map(in_a_cell).join(" | ");
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{name}` | {of} | {cells} |");
    }
    page
}

/// A bar would end the cell, and a star might begin emphasis.
fn in_a_cell(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "\\<")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::KnobKind;
    use crate::kernel::Roots;
    use crate::knob::listing::describe;
    use crate::knob::{GroupUse, Linux};

    fn page() -> String {
        markdown(&describe(&Linux::new(&Roots::standard(), GroupUse::Free)))
    }

    #[test]
    fn the_page_in_the_repository_is_the_one_that_the_code_makes() {
        let kept = include_str!("../../docs/knobs.md");
        let made = page();
        let unlike = made.lines().zip(kept.lines().chain(std::iter::repeat(""))).find(|(made, kept)| made != kept);
        assert!(
            kept == made,
            "docs/knobs.md is not up to date; write it with\n\n    cargo run -- knobs --output markdown > docs/knobs.md\n\n\
             First line that differs, made and kept: {unlike:?}"
        );
    }

    #[test]
    fn every_knob_stands_in_the_page_once() {
        for kind in KnobKind::ALL {
            assert_eq!(page().matches(&format!("| `{}` |", kind.name())).count(), 1, "{}", kind.name());
        }
    }
}
