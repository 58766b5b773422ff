//! The text of a scrape: what describes and names the series is made once and copied, and only values are written anew.

use super::gather::{Gathered, TopicSeries};
use super::{Format, classic, key, line, openmetrics};

/// What stays the same from scrape to scrape of the series of one topic.
#[derive(Debug, Default)]
pub(super) struct Text {
    fixed: String,
    /// Where the value of each series belongs.
    gaps: Vec<usize>,
}

impl Text {
    pub fn of(topic: &TopicSeries, format: Format) -> Self {
        let (mut text, mut headed) = (Self::default(), None);
        for series in topic.series() {
            if headed.replace(series.place) != Some(series.place) {
                match format {
                    Format::OpenMetrics => openmetrics::push_head(&mut text.fixed, series.place),
                    Format::Classic => classic::push_head(&mut text.fixed, series.family),
                }
            }
            line::push_name(&mut text.fixed, series.family, key::labels(series.key));
            text.gaps.push(text.fixed.len());
        }
        text.fixed.shrink_to_fit();
        text.gaps.shrink_to_fit();
        text
    }
}

pub(super) fn write(gathered: &Gathered, format: Format, out: &mut String) {
    let mut values = gathered.values.iter();
    for topic in gathered.topics.iter() {
        let Text { fixed, gaps } = topic.text(format);
        let mut from = 0;
        for (to, value) in gaps.iter().zip(&mut values) {
            out.push_str(&fixed[from..*to]);
            line::push_value(out, *value);
            from = *to;
        }
    }
    if format == Format::OpenMetrics {
        out.push_str(openmetrics::END);
    }
}
