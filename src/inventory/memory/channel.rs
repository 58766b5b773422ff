//! On which memory channel a module is: firmware has no field for it, but nearly always says so in the names of slots and banks.

/// The channel as the names say it, with what stands before it (`P1-DIMMA`, `P0 CHANNEL A`, `Controller0-ChannelA`), so that
/// channels of two sockets are two. The bank is asked first; `None` if neither says.
pub(super) fn channel(bank: Option<&str>, locator: Option<&str>) -> Option<String> {
    let spelled = [bank, locator].into_iter().flatten().find_map(spelled_out);
    // What the bank leaves open, the locator may tell: `CHANNEL A` of one socket is not that of the other.
    spelled.or_else(|| locator.and_then(of_slot))
}

/// Everything up to the letter or number behind the word channel.
fn spelled_out(name: &str) -> Option<String> {
    let after = name.to_ascii_lowercase().find("channel")? + "channel".len();
    let rest = name.get(after..)?;
    let gap = rest.len() - rest.trim_start_matches([' ', '_', '-', ':', '#']).len();
    let id = rest.get(gap..)?;
    let length = if id.starts_with(|c: char| c.is_ascii_digit()) {
        id.find(|c: char| !c.is_ascii_digit()).unwrap_or(id.len())
    } else {
        usize::from(id.starts_with(|c: char| c.is_ascii_alphabetic()))
    };
    (length > 0).then(|| name[..after + gap + length].to_owned())
}

/// A slot that is named after its channel by a letter and the place in it by a number: `DIMM_A1`, `P1-DIMMA1`, `A1`.
fn of_slot(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let stem = upper.trim_end_matches(|c: char| c.is_ascii_digit());
    let letter = stem.chars().next_back().filter(char::is_ascii_uppercase)?;
    let before = stem.strip_suffix(letter)?;
    let is_alone = before.is_empty() || before.ends_with([' ', '_', '-']) || before.ends_with("DIMM");
    (is_alone && stem.len() < upper.len()).then(|| name[..stem.len()].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_have_many_ways_to_say_it() {
        for (bank, locator, expected) in [
            ("P0 CHANNEL A", "DIMM 0", Some("P0 CHANNEL A")),
            ("P0_Node1_Channel3_Dimm0", "P1-DIMMD1", Some("P0_Node1_Channel3")),
            ("BANK 0", "Controller0-ChannelA-DIMM0", Some("Controller0-ChannelA")),
            ("BANK 0", "ChannelB-DIMM1", Some("ChannelB")),
            ("NODE 1", "CPU1_DIMM_A1", Some("CPU1_DIMM_A")),
            ("NODE 2", "P2-DIMMB2", Some("P2-DIMMB")),
            ("", "A12", Some("A")),
            ("Channel 10", "x", Some("Channel 10")),
            ("BANK 0", "DIMM 0", None),
            ("BANK 0", "DIMM1", None),
            ("Not Specified", "RAM slot #0", None),
            ("channel", "channel_", None),
            ("", "PROC 1 DIMM 12", None),
            ("", "DIMM_A", None),
            ("Ķchannelß", "ÄA1ö", None),
        ] {
            assert_eq!(channel(Some(bank), Some(locator)).as_deref(), expected, "{bank} | {locator}");
        }
        assert_eq!(channel(None, None), None);
    }

    proptest::proptest! {
        #[test]
        fn any_name_is_survived(bank in "[ -~ßĶ]{0,20}", locator in "[ -~ßĶ]{0,9}[cC]hannel[ -~ßĶ]{0,9}") {
            let found = channel(Some(&bank), Some(&locator));
            proptest::prop_assert!(found.is_none_or(|found| bank.starts_with(&found) || locator.starts_with(&found)));
        }
    }
}
