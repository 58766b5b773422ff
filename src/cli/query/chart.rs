//! A chart for a terminal: one line for each series, eight heights, a blank where there is no value.

use super::answer::{Row, series};

/// Most columns of a chart.
const WIDTH: u8 = 60;
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Chart, least, greatest and last value, and the name of each series; all charts over the same time.
pub fn rows(rows: &[Row]) -> Vec<Vec<String>> {
    let axis = Axis::of(rows);
    rows.iter()
        .map(|row| {
            let points: Vec<(f64, f64)> =
                row.values.iter().filter_map(|(at, text)| Some((*at, text.parse().ok()?))).collect();
            let (low, high) = bounds(points.iter().map(|(_, value)| *value));
            let newest = points.last().map_or(f64::NAN, |(_, value)| *value);
            vec![chart(&axis.means(&points)), number(low), number(high), number(newest), series(&row.metric)]
        })
        .collect()
}

fn chart(means: &[Option<f64>]) -> String {
    let (low, high) = bounds(means.iter().flatten().copied());
    let height = |value: f64| {
        if high <= low {
            return HEIGHTS[HEIGHTS.len() / 2];
        }
        let share = (value - low) / (high - low);
        let place = HEIGHTS.iter().zip(1_u8..).find(|(_, nth)| share * 8.0 <= f64::from(*nth));
        place.map_or(HEIGHTS[HEIGHTS.len() - 1], |(height, _)| *height)
    };
    means.iter().map(|mean| mean.map_or(' ', height)).collect()
}

/// Time from left to right, seconds since 1970.
struct Axis {
    start: f64,
    end: f64,
    columns: u8,
}

impl Axis {
    /// Reaches over all series. Where there are few steps, each has its column.
    fn of(rows: &[Row]) -> Self {
        let mut times: Vec<f64> = rows.iter().flat_map(|row| row.values.iter().map(|(at, _)| *at)).collect();
        times.sort_by(f64::total_cmp);
        times.dedup();
        let (start, end) = (times.first().copied().unwrap_or(0.0), times.last().copied().unwrap_or(0.0));
        Self { start, end, columns: u8::try_from(times.len()).unwrap_or(WIDTH).clamp(1, WIDTH) }
    }

    /// The mean of the finite values in each column.
    fn means(&self, points: &[(f64, f64)]) -> Vec<Option<f64>> {
        let mut columns = vec![(0.0, 0.0); self.columns.into()];
        for (at, value) in points.iter().filter(|(_, value)| value.is_finite()) {
            let (sum, count) = &mut columns[self.column(*at)];
            (*sum, *count) = (*sum + value, *count + 1.0);
        }
        columns.into_iter().map(|(sum, count)| (count > 0.0).then_some(sum / count)).collect()
    }

    fn column(&self, at: f64) -> usize {
        let last = self.columns - 1;
        let share = if self.end > self.start { (at - self.start) / (self.end - self.start) } else { 0.0 };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of the width; casts saturate"
        )]
        let column = (share * f64::from(last)).round() as u8;
        column.min(last).into()
    }
}

/// Least and greatest finite value; NaN if there is none.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values
        .filter(|value| value.is_finite())
        .fold((f64::NAN, f64::NAN), |(low, high), value| (low.min(value), high.max(value)))
}

/// Short enough for a column: six digits or so.
fn number(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        return "-".to_owned();
    }
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        return format!("{value:.4e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn row(values: &[(f64, &str)]) -> Row {
        let values = values.iter().map(|(at, value)| (*at, (*value).to_owned())).collect();
        Row { metric: BTreeMap::from([("__name__".to_owned(), "x".to_owned())]), values }
    }

    #[test]
    fn a_rise_rises_and_a_gap_is_blank() {
        let rising: Vec<(f64, String)> = (0..60_u8).map(|at| (f64::from(at), f64::from(at).to_string())).collect();
        let rising: Vec<(f64, &str)> = rising.iter().map(|(at, value)| (*at, value.as_str())).collect();
        let gap = [(0.0, "5"), (59.0, "5")];
        let width = usize::from(WIDTH);
        let shown = rows(&[row(&rising), row(&gap)]);
        assert!(shown[0][0].starts_with("▁▁▁▁▁▁▁") && shown[0][0].ends_with("████"), "{}", shown[0][0]);
        assert!(shown[0][0].chars().is_sorted() && shown[0][0].chars().count() == width);
        assert_eq!(shown[0][1..], ["0", "59", "59", "x"]);
        assert_eq!(shown[1][0], format!("▅{}▅", " ".repeat(width - 2)));
    }

    #[test]
    fn a_few_steps_make_a_narrow_chart() {
        assert_eq!(rows(&[row(&[(1.0, "1"), (2.0, "8"), (3.0, "1")]), row(&[(2.0, "7")])])[0][0], "▁█▁");
    }

    #[test]
    fn what_is_not_finite_is_not_drawn() {
        let shown = &rows(&[row(&[(0.0, "NaN"), (1.0, "+Inf"), (2.0, "3"), (3.0, "NaN")])])[0];
        assert_eq!(shown[1..4], ["3", "3", "-"]);
        assert_eq!(shown[0].trim(), "▅");
        assert_eq!(rows(&[row(&[])])[0][1..4], ["-", "-", "-"]);
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (1.0 / 3.0, "0.3333"),
            (123_456.789, "123456.789"),
            (1.36e12, "1.3600e12"),
            (-2e-5, "-2.0000e-5"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
