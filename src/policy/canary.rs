//! Which nodes or jobs a policy with `canary: 10%` applies to: a share that is the same on every tick, after every restart and
//! on every machine that is asked, without anybody keeping a list.
//!
//! Each member has a fixed place between 0 and 1, drawn from its name and that of the policy, and belongs to the share if its
//! place lies below it. So a larger share holds every member of a smaller one, and two policies do not try themselves out on
//! the same members.

use crate::units::Ratio;

/// Whether `member` belongs to the `share` of all that `policy` is tried out on. A member is named by what does not change while it
/// lives: a node by its name, a job by its id.
pub fn includes(share: Ratio, policy: &str, member: &str) -> bool {
    place(policy, member) < share.0
}

/// From 0 to just below 1.
fn place(policy: &str, member: &str) -> f64 {
    // A name holds no NUL, so that no two pairs are written alike.
    let text = policy.bytes().chain([0]).chain(member.bytes());
    let hash =
        text.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // As many bits as a float holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let place = (spread(hash) >> 11) as f64 / (1_u64 << 53) as f64;
    place
}

/// FNV leaves names that differ in their last digit, `plot-01` and `plot-02`, side by side; this spreads them: the last steps of
/// `MurmurHash3`, 64 bits.
fn spread(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chosen(share: f64, policy: &str) -> Vec<String> {
        let nodes = (0..1000).map(|number| format!("plot-{number:03}"));
        nodes.filter(|node| includes(Ratio(share), policy, node)).collect()
    }

    proptest! {
        #[test]
        fn a_larger_share_only_adds_members(a in 0.0..=1.0, b in 0.0..=1.0, policy in "[a-z-]{1,20}", member in ".{0,40}") {
            let (small, large) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(!includes(Ratio(small), &policy, &member) || includes(Ratio(large), &policy, &member));
        }

        #[test]
        fn nobody_is_in_nothing_and_everybody_is_in_all(policy in ".{0,20}", member in ".{0,40}") {
            prop_assert!(!includes(Ratio(0.0), &policy, &member));
            prop_assert!(includes(Ratio(1.0), &policy, &member));
        }

        #[test]
        fn of_many_members_about_the_share_is_in(share in 0.0..=1.0, policy in "[a-z-]{1,20}") {
            // Six standard deviations of a thousand draws.
            let count = f64::from(u32::try_from(chosen(share, &policy).len()).unwrap());
            prop_assert!((count - share * 1000.0).abs() < 95.0, "{count} of 1000 at {share}");
        }
    }

    /// A release that chose others would move every canary of every farm at once.
    #[test]
    fn the_members_are_those_that_they_have_always_been() {
        let nodes: Vec<String> = (1..=20).map(|number| format!("plot-{number:02}")).collect();
        let of = |policy: &str| -> Vec<&str> {
            let is_in = |node: &&String| includes(Ratio(0.2), policy, node);
            nodes.iter().filter(is_in).map(String::as_str).collect()
        };
        assert_eq!(of("protect-harvester"), ["plot-03", "plot-09", "plot-17", "plot-18", "plot-20"]);
        assert_eq!(of("evening-power-cap"), ["plot-03", "plot-06", "plot-07", "plot-09", "plot-19", "plot-20"]);
    }

    #[test]
    fn two_policies_are_tried_out_on_different_members() {
        let (one, other) = (chosen(0.1, "one"), chosen(0.1, "other"));
        let both = one.iter().filter(|node| other.contains(node)).count();
        assert!(both < one.len() / 2, "{both} of {} are in both", one.len());
    }
}
