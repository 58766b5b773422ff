//! Expressions by chance, and samples with everything that samples can have.

use plotwarden::promql::{Labels, METRIC_NAME, Millis, STALE};
use proptest::prelude::*;

use crate::promql_support::Memory;

pub fn labels(name: &str, pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied().chain([(METRIC_NAME, name)]))
}

/// Samples every 10 s from 0 on.
pub fn every_10_s(values: impl IntoIterator<Item = f64>) -> Vec<(Millis, f64)> {
    (0..).step_by(10_000).zip(values).collect()
}

pub fn load(series: &[(Labels, Vec<(Millis, f64)>)]) -> Memory {
    let mut memory = Memory::default();
    for (labels, samples) in series {
        memory.add(labels.clone(), samples.iter().copied());
    }
    memory
}

pub fn counting_up() -> Memory {
    load(&[(labels("x_total", &[("a", "1")]), every_10_s((0..=60).map(f64::from)))])
}

/// Words of the language in any order: mostly not queries, sometimes strange ones.
pub fn word_salad() -> impl Strategy<Value = String> {
    let words = "x y_total sum by without ( ) ( ) { } [ ] , 5m 1h 1m: : @ offset - + * / % ^ == > bool and or unless on ignoring \
                 group_left rate( increase( sum_over_time( quantile_over_time(0.5, topk(1, histogram_quantile( 'a' \"b\" = =~ != 1 \
                 0.5 1e9 Inf NaN start() end() time() vector( absent( label_replace( a le __name__ # \\ ` é";
    let words: Vec<&str> = words.split_whitespace().collect();
    prop::collection::vec(prop::sample::select(words), 0..16).prop_map(|words| words.join(" "))
}

/// Words put together by the grammar, but without regard to types.
pub fn nested() -> impl Strategy<Value = String> {
    let leaves = "x_total ¦ x_total[1m] ¦ {a=~'.*1'} ¦ {a!=''}[5m] ¦ y{le!='2'} ¦ 1 ¦ -0.5 ¦ 1e300 ¦ NaN ¦ Inf ¦ 'a' ¦ time() ¦ x_total @ 300 ¦ \
                  y[10m] offset -1h ¦ y @ end() offset 292y ¦ x_total[292y] ¦ minute()";
    let templates = "rate(#) ¦ irate(#) ¦ deriv(#) ¦ predict_linear(#, $) ¦ holt_winters(#, 0.5, $) ¦ quantile_over_time($, #) ¦ stddev_over_time(#) ¦ \
                     avg_over_time(#) ¦ absent_over_time(#) ¦ changes(#) ¦ (#)[5m:] ¦ #[1h:7s] offset 1m ¦ #[5m:1m] @ start() ¦ sum by (a) (#) ¦ \
                     avg without (le) (#) ¦ topk($, #) ¦ bottomk by (a) ($, #) ¦ quantile($, #) ¦ count_values('a', #) ¦ stdvar(#) ¦ # + $ ¦ \
                     (#) / on(a) ($) ¦ (#) > bool ($) ¦ (#) * on(a) group_left(le) ($) ¦ (#) == ignoring(le) group_right ($) ¦ (#) and ($) ¦ \
                     (#) or on() ($) ¦ (#) unless ($) ¦ -(#) ¦ # ^ $ ¦ # % $ ¦ histogram_quantile($, #) ¦ label_replace(#, 'le', '$1', 'a', '(.)') ¦ \
                     label_join(#, 'b', $, 'a') ¦ scalar(#) ¦ vector(#) ¦ sort(#) ¦ clamp(#, $, 5) ¦ round(#, $) ¦ year(#) ¦ day_of_year(#) ¦ \
                     timestamp(#) ¦ absent(#) ¦ exp(#)";
    let choose = |texts: &'static str| prop::sample::select(texts.split('¦').map(str::trim).collect::<Vec<_>>());
    choose(leaves).prop_map(str::to_owned).prop_recursive(5, 20, 2, move |inner| {
        (choose(templates), inner.clone(), inner)
            .prop_map(|(template, first, second)| template.replace('#', &first).replace('$', &second))
    })
}

/// Two metrics with buckets, gaps, ends, NaN and infinities.
pub fn rough_samples() -> Memory {
    let value = |nth: u32| match nth % 11 {
        3 => f64::NAN,
        5 => f64::INFINITY,
        7 => STALE,
        _ => f64::from(nth % 17) * 1e3 - 5e3,
    };
    let mut memory = counting_up();
    for (a, le) in [("1", "1"), ("1", "2"), ("1", "+Inf"), ("2", "1"), ("2", "+Inf"), ("21", "x")] {
        let shift = u32::try_from(a.len() * 7 + le.len()).unwrap_or(0);
        memory.add(labels("y", &[("a", a), ("le", le)]), every_10_s((0..60).map(|nth| value(nth + shift))));
    }
    memory
}
