//! Who uses most, so that a competitor has a name. Each name is a new series, so that only who uses a notable amount is named, and
//! who is named stays until he is clearly beaten or uses half of that.

/// So many are named by each measure.
const NAMED: usize = 5;
/// Who is named already counts for so much more than he uses.
const HOLD: f64 = 1.25;
/// Below this share of the threshold he is named no more.
const LEAVE: f64 = 0.5;

/// The leaders by one measure, from sweep to sweep.
#[derive(Debug, Default)]
pub(super) struct Leaders {
    named: Vec<i32>,
    /// Candidates of the present sweep: what they use, and what that counts for.
    ranked: Vec<(i32, f64, f64)>,
}

impl Leaders {
    /// Enters what a process uses, if that is notable.
    pub fn consider(&mut self, pid: i32, value: f64, threshold: f64) {
        if value < threshold * LEAVE {
            return;
        }
        let is_named = self.named.contains(&pid);
        if is_named || value >= threshold {
            self.ranked.push((pid, value, if is_named { value * HOLD } else { value }));
        }
    }

    /// Ends a sweep: the leaders and what they use, who uses most first.
    pub fn settle(&mut self) -> Vec<(i32, f64)> {
        self.ranked.sort_unstable_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
        self.ranked.truncate(NAMED);
        self.ranked.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        self.named.clear();
        self.named.extend(self.ranked.iter().map(|(pid, ..)| pid));
        self.ranked.drain(..).map(|(pid, value, _)| (pid, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(leaders: &mut Leaders, values: &[(i32, f64)]) -> Vec<i32> {
        for (pid, value) in values {
            leaders.consider(*pid, *value, 1.0);
        }
        leaders.settle().into_iter().map(|(pid, _)| pid).collect()
    }

    #[test]
    fn only_a_notable_use_is_named() {
        let mut leaders = Leaders::default();
        assert_eq!(sweep(&mut leaders, &[(1, 0.9), (2, 1.0), (3, 5.0)]), [3, 2]);
        assert_eq!(sweep(&mut leaders, &[(1, 0.9), (2, 0.6), (3, 0.4)]), [2], "who is named leaves at half of it");
        assert_eq!(sweep(&mut leaders, &[]), [0; 0]);
    }

    #[test]
    fn five_are_named_and_change_only_for_a_reason() {
        let mut leaders = Leaders::default();
        let use_of = |sixth: f64| [(1, 6.0), (2, 5.0), (3, 4.0), (4, 3.0), (5, 2.0), (6, sixth)];
        assert_eq!(sweep(&mut leaders, &use_of(1.9)), [1, 2, 3, 4, 5]);
        assert_eq!(sweep(&mut leaders, &use_of(2.1)), [1, 2, 3, 4, 5], "a little more is no reason");
        assert_eq!(sweep(&mut leaders, &use_of(2.6)), [1, 2, 3, 4, 6]);
        assert_eq!(sweep(&mut leaders, &use_of(1.9)), [1, 2, 3, 4, 6]);
    }
}
