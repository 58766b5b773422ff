//! Numbers of attributes: between what they lie, what the kernel makes of them, and those that it spells otherwise.

use std::path::Path;

use crate::claim::Setting;
use crate::kernel::attribute;

/// A number that an attribute holds.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    pub least: Limit,
    pub most: Limit,
    pub rounding: Rounding,
    /// Numbers that are not shown as themselves. `Setting::NO_LIMIT` among them is a number as any other.
    pub spelling: &'static [(&'static str, u64)],
    pub open: Open,
    /// What an attribute beside it counts does not count.
    pub less: Option<&'static str>,
}

/// A limit of a number.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    Fixed(u64),
    /// What an attribute beside it says; where there is none, the kernel judges.
    Beside(&'static str),
}

/// What the kernel may make of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// It is kept as it is.
    None,
    /// To a step of the hardware, which are at most so far apart, or by less than a hundredth.
    Step(u64),
    /// To any lower number: as much as there is room for.
    Room,
    /// Of the numbers that the attributes beside it list, to the next lower one.
    ListedBelow(&'static [&'static str]),
    /// As `ListedBelow`, to the next higher one.
    ListedAbove(&'static [&'static str]),
}

/// A limit that is no limit: a number there is kept as "none at all", so that what goes back stays so when the limit moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    Neither,
    /// The greatest number is `Setting::NO_LIMIT`.
    Above,
    /// The least number is 0.
    Below,
}

impl Number {
    /// One that the kernel keeps as it is written.
    pub const fn between(least: u64, most: u64) -> Self {
        let (least, most) = (Limit::Fixed(least), Limit::Fixed(most));
        Self {
            least,
            most,
            rounding: Rounding::None,
            spelling: &[("max", Setting::NO_LIMIT)],
            open: Open::Neither,
            less: None,
        }
    }

    /// What `word` at `path` stands for.
    pub fn parse(&self, word: &str, path: Option<&Path>) -> Option<u64> {
        if let Some((_, number)) = self.spelling.iter().find(|(shown, _)| *shown == word) {
            return Some(*number);
        }
        let shown: u64 = word.parse().ok()?;
        match (self.less, path) {
            (Some(name), Some(path)) => {
                // Where nobody counts them there are none.
                let less = attribute::decimal(&path.with_file_name(name)).unwrap_or(0);
                Some(shown.saturating_sub(less))
            }
            _ => Some(self.opened(shown, path)),
        }
    }

    pub fn text(&self, number: u64) -> String {
        let spelled = self.spelling.iter().find(|(_, meant)| *meant == number);
        spelled.map_or_else(|| number.to_string(), |(shown, _)| (*shown).to_owned())
    }

    /// The nearest number that the machine allows.
    pub fn normalise(&self, number: u64, path: Option<&Path>) -> u64 {
        let is_spelled = self.open == Open::Neither && self.spelling.iter().any(|(_, meant)| *meant == number);
        if is_spelled {
            return number;
        }
        let most = self.most.at(path).unwrap_or(u64::MAX);
        let number = number.max(self.least.at(path).unwrap_or(0)).min(most);
        self.opened(self.listed(number, path), path)
    }

    /// Whether the kernel may show `found` after `written` was written.
    pub fn rounds(&self, written: u64, found: u64) -> bool {
        match self.rounding {
            _ if written == found => true,
            Rounding::None | Rounding::ListedBelow(_) | Rounding::ListedAbove(_) => false,
            Rounding::Step(step) => written.abs_diff(found) <= step.max(written / 100),
            Rounding::Room => found <= written,
        }
    }

    fn opened(&self, number: u64, path: Option<&Path>) -> u64 {
        match self.open {
            Open::Above if self.most.at(path).is_some_and(|most| number >= most) => Setting::NO_LIMIT,
            Open::Below if self.least.at(path).is_some_and(|least| number <= least) => 0,
            _ => number,
        }
    }

    /// The kernel chooses among what is listed by itself, but shows its choice only in newer versions.
    fn listed(&self, number: u64, path: Option<&Path>) -> u64 {
        let (Rounding::ListedBelow(files) | Rounding::ListedAbove(files), Some(path)) = (self.rounding, path) else {
            return number;
        };
        let lists = files.iter().filter_map(|name| attribute::text(&path.with_file_name(name)).ok());
        let listed: Vec<u64> = lists
            .flat_map(|list| list.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>())
            .collect();
        let next = match self.rounding {
            Rounding::ListedAbove(_) => listed.into_iter().filter(|&step| step >= number).min(),
            _ => listed.into_iter().filter(|&step| step <= number).max(),
        };
        next.unwrap_or(number)
    }

    /// For the table of knobs: `1 to 3000`, `1 to 10000000, 0 as none`.
    pub fn range(&self) -> String {
        let spelled = self.spelling.iter().filter(|(shown, _)| self.open == Open::Neither && *shown != "max");
        let spelled = spelled.map(|&(shown, number)| match number {
            Setting::NO_LIMIT => format!("none as {shown}"),
            number => format!("{number} as {shown}"),
        });
        let between = format!("{} to {}", self.least.name(), self.most.name());
        std::iter::once(between).chain(spelled).collect::<Vec<_>>().join(", ")
    }

    /// For the table of knobs.
    pub fn normalisation(&self) -> &'static str {
        match self.rounding {
            Rounding::None => "kept as written",
            Rounding::Step(_) => "rounded to a step of the hardware",
            Rounding::Room => "as much as there is room for",
            Rounding::ListedBelow(_) => "the next lower one that is listed; the highest is no limit",
            Rounding::ListedAbove(_) => "the next higher one that is listed; the lowest is no limit",
        }
    }
}

impl Limit {
    fn at(self, path: Option<&Path>) -> Option<u64> {
        match self {
            Self::Fixed(number) => Some(number),
            Self::Beside(name) => attribute::decimal(&path?.with_file_name(name)).ok(),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Fixed(Setting::NO_LIMIT) => "max".to_owned(),
            Self::Fixed(number) => number.to_string(),
            Self::Beside(name) => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the highest frequency of a policy is described.
    const TOP: Number = Number {
        least: Limit::Beside("low"),
        most: Limit::Beside("high"),
        rounding: Rounding::ListedBelow(&["steps", "boosted"]),
        spelling: &[("2147483647", Setting::NO_LIMIT)],
        open: Open::Above,
        less: None,
    };

    #[test]
    fn numbers_stay_within_what_the_machine_allows_and_has() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in
            [("low", "1200\n"), ("high", "4000\n"), ("steps", "3000 1800 1200\n"), ("boosted", "4000\n")]
        {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let path = dir.path().join("it");
        let normal = |number| TOP.normalise(number, Some(&path));
        assert_eq!([1, 1799, 2999, 3999].map(normal), [1200, 1200, 1800, 3000]);
        assert_eq!([4000, 5000, Setting::NO_LIMIT].map(normal), [Setting::NO_LIMIT; 3], "the top is no limit");
        let bottom = Number { rounding: Rounding::ListedAbove(&["steps"]), open: Open::Below, ..TOP };
        assert_eq!([0, 1200, 1300].map(|number| bottom.normalise(number, Some(&path))), [0, 0, 1800]);
    }

    #[test]
    fn no_limit_is_written_so_that_it_stays_none_when_the_top_moves() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("high"), "4000\n").unwrap();
        let path = dir.path().join("it");
        assert_eq!(TOP.parse("4000", Some(&path)), Some(Setting::NO_LIMIT));
        assert_eq!(TOP.parse("3000", Some(&path)), Some(3000));
        assert_eq!(TOP.text(Setting::NO_LIMIT), "2147483647");
    }

    #[test]
    fn what_is_spelled_otherwise_is_read_and_written_so() {
        let latency = Number { spelling: &[("0", Setting::NO_LIMIT), ("n/a", 0)], ..Number::between(1, 1000) };
        for (shown, meant) in [("0", Setting::NO_LIMIT), ("n/a", 0), ("20", 20)] {
            assert_eq!(latency.parse(shown, None), Some(meant));
            assert_eq!(latency.text(meant), shown);
            assert_eq!(latency.normalise(meant, None), meant);
        }
        assert_eq!(latency.parse("-1", None), None);
        assert_eq!(latency.normalise(5000, None), 1000);
        assert_eq!(latency.range(), "1 to 1000, none as 0, 0 as n/a");
    }

    #[test]
    fn what_is_lent_for_a_while_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("surplus"), "12\n").unwrap();
        let pages = Number { less: Some("surplus"), ..Number::between(0, 1 << 32) };
        assert_eq!(pages.parse("512", Some(&dir.path().join("it"))), Some(500));
    }

    #[test]
    fn rounding_is_told_from_a_foreign_write() {
        let watts = Number { rounding: Rounding::Step(1_000_000), ..Number::between(1, 1 << 40) };
        assert!(watts.rounds(8_000_000, 7_875_000), "an eighth of a watt");
        assert!(!watts.rounds(65_000_000, 60_000_000));
        let room = Number { rounding: Rounding::Room, ..Number::between(0, 1 << 40) };
        assert!(room.rounds(512, 300) && !room.rounds(512, 513));
        assert!(!Number::between(0, 9).rounds(3, 4));
    }
}
