//! Expressions to ask both: some chosen, most made up from the grammar.

use proptest::prelude::*;
use proptest::sample::select;

pub const CHOSEN: &[&str] = &[
    "cpu_seconds_total",
    "{job=~'node|api', instance!='a:9100'}",
    "sum by (instance) (rate(cpu_seconds_total[5m]))",
    "1 - avg by (instance) (rate(cpu_seconds_total{mode='idle'}[5m]))",
    "sum(rate(requests_total{code=~'5..'}[5m])) / sum(rate(requests_total[5m])) > 0.01",
    "histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m])))",
    "histogram_quantile(0.5, latency_seconds_bucket)",
    "predict_linear(memory_bytes[30m], 3600)",
    "deriv(memory_bytes[10m])",
    "holt_winters(temperature_celsius[10m], 0.3, 0.1)",
    "max_over_time(rate(cpu_seconds_total[1m])[10m:30s])",
    "avg_over_time(temperature_celsius[1h] offset 10m)",
    "temperature_celsius @ 1700003600.5 offset 3m",
    "temperature_celsius - temperature_celsius @ start()",
    "cpu_seconds_total / ignoring(mode) group_left sum without(mode) (cpu_seconds_total)",
    "temperature_celsius * on(instance) group_left(version) build_info",
    "build_info * on(instance) group_right(version) temperature_celsius",
    "temperature_celsius > on(instance, sensor) (temperature_celsius offset 5m)",
    "memory_bytes and on(instance) (up == 1)",
    "memory_bytes unless on(instance) flapping",
    "flapping or memory_bytes",
    "count_values('value', up)",
    "count_values by (instance) ('sensor', round(temperature_celsius, 10))",
    "topk(3, temperature_celsius)",
    "bottomk by (sensor) (1, temperature_celsius)",
    "quantile(0.3, temperature_celsius)",
    "stddev by (sensor) (temperature_celsius)",
    "stdvar(temperature_celsius)",
    "sort(temperature_celsius)",
    "sort_desc(odd)",
    "absent(nonexistent{a='b', c=~'d'})",
    "absent_over_time(flapping[2m])",
    "absent(flapping)",
    "label_replace(up, 'host', '$1', 'instance', '(.*):.*')",
    "label_join(temperature_celsius, 'place', '/', 'instance', 'sensor', 'missing')",
    "timestamp(up)",
    "timestamp(up offset 1m) - timestamp(up)",
    "time() - timestamp(flapping)",
    "day_of_week() + hour() / 100 + minute() / 10000",
    "days_in_month(vector(time())) + day_of_year(vector(time()))",
    "scalar(memory_bytes{instance='a:9100'}) * vector(2)",
    "scalar(memory_bytes)",
    "clamp(temperature_celsius, 30, 50)",
    "quantile_over_time(0.9, temperature_celsius[10m])",
    "stddev_over_time(odd[10m])",
    "changes(up[30m])",
    "resets(cpu_seconds_total[1h])",
    "idelta(odd[1m])",
    "sum by (job) (count_over_time({job!=''}[5m]))",
    "up == bool 1",
    "1 < bool 2",
    "temperature_celsius % 7 ^ 2",
    "odd atan2 2",
    "-odd",
    "2 ^ 3 ^ 2 - -1",
    "temperature_celsius == memory_bytes",
    "cpu_seconds_total + requests_total",
    "temperature_celsius + on(instance) memory_bytes",
    "temperature_celsius + on(job) group_left memory_bytes",
    "sum({__name__=~'.+'}) by (__name__)",
    "rate({__name__=~'cpu_seconds_total|requests_total'}[5m])",
    "abs({__name__=~'memory_bytes|up'})",
    "'text'",
    "temperature_celsius[1m]",
    "rate(cpu_seconds_total[5m])[2m:30s]",
    "sum_over_time(sum(up)[10m:] @ end())",
    "avg(avg_over_time(temperature_celsius[5m:10s] offset -1m))",
];

/// Any expression for an instant vector, up to a few levels deep.
///
/// Functions whose last bit differs between the mathematics of Go and of the C library stand outside only: a difference, a
/// comparison or a counter reset further out would show that bit enlarged. Sorting stands outside too, since the order of equal
/// elements is open.
pub fn vectors() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => exact_vectors(),
        1 => (select(vec!["sort(#)", "sort_desc(#)"]), exact_vectors()).prop_map(|(function, arg)| function.replace('#', &arg)),
        1 => (select(INEXACT), exact_vectors()).prop_map(|(function, arg)| function.replace('#', &arg)),
        1 => (exact_vectors(), select(vec!["^", "atan2"]), number()).prop_map(|(left, op, right)| format!("({left}) {op} {right}")),
        1 => (select(vec!["2 ^", "0.5 ^", "-3 atan2", "0 atan2"]), exact_vectors()).prop_map(|(left, right)| format!("{left} ({right})")),
    ]
}

fn exact_vectors() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => selector(),
        4 => (range_function(), range_selector()).prop_map(|(function, range)| function.replace('#', &range)),
        1 => number().prop_map(|number| format!("vector({number})")),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            3 => (select(FUNCTIONS), inner.clone()).prop_map(|(function, arg)| function.replace('#', &arg)),
            4 => (select(AGGREGATIONS), grouping(), inner.clone()).prop_map(|(op, grouping, arg)| {
                op.replace('@', &grouping).replace('#', &arg)
            }),
            2 => (inner.clone(), select(ARITHMETIC), number()).prop_map(|(left, op, right)| format!("({left}) {op} {right}")),
            2 => (number(), select(ARITHMETIC), inner.clone()).prop_map(|(left, op, right)| format!("{left} {op} ({right})")),
            3 => (inner.clone(), select(ARITHMETIC), matching(), inner.clone())
                .prop_map(|(left, op, matching, right)| format!("({left}) {op} {matching} ({right})")),
            2 => (inner.clone(), select(vec!["and", "or", "unless"]), set_matching(), inner.clone())
                .prop_map(|(left, op, matching, right)| format!("({left}) {op} {matching} ({right})")),
            1 => (range_function(), inner.clone(), select(vec!["10m:1m", "5m:", "3m:17s", "20m:2m"]), modifier())
                .prop_map(|(function, arg, range, modifier)| function.replace('#', &format!("({arg})[{range}]{modifier}"))),
            1 => inner.prop_map(|arg| format!("-({arg})")),
        ]
    })
}

const INEXACT: &[&str] =
    &["exp(# / 1e10)", "ln(#)", "log2(#)", "log10(#)", "sin(# / 1e10)", "cos(# / 1e10)", "atan(#)", "tanh(#)"];

const FUNCTIONS: &[&str] = &[
    "abs(#)",
    "ceil(#)",
    "floor(#)",
    "sqrt(#)",
    "sgn(#)",
    "deg(#)",
    "rad(#)",
    "round(#)",
    "round(#, 0.5)",
    "clamp(#, 1, 60)",
    "clamp_min(#, 10)",
    "clamp_max(#, 50)",
    "absent(#)",
    "timestamp(#) - time()",
    "vector(scalar(#))",
    "label_replace(#, 'x', '$1', 'instance', '(.).*')",
    "label_replace(#, 'instance', '', 'mode', 'idle')",
    "label_join(#, 'y', '-', 'job', 'mode')",
    "histogram_quantile(0.7, #)",
];

const AGGREGATIONS: &[&str] = &[
    "sum@(#)",
    "avg@(#)",
    "min@(#)",
    "max@(#)",
    "count@(#)",
    "group@(#)",
    "stddev@(#)",
    "stdvar@(#)",
    "quantile@(0.25, #)",
];

const ARITHMETIC: &[&str] =
    &["+", "-", "*", "/", "%", ">", "<", ">=", "<=", "==", "!=", "> bool", "== bool", "<= bool", "< bool", "!= bool"];

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("0".to_owned()),
        Just("(time() - 1700000000)".to_owned()),
        Just("Inf".to_owned()),
        (-100_i32..100).prop_map(|tenths| format!("({})", f64::from(tenths) / 10.0)),
    ]
}

fn selector() -> impl Strategy<Value = String> {
    (selection(), modifier()).prop_map(|(selection, modifier)| format!("{selection}{modifier}"))
}

fn range_selector() -> impl Strategy<Value = String> {
    let range = select(vec!["15s", "1m", "2m30s", "5m", "10m", "1h"]);
    (selection(), range, modifier()).prop_map(|(selection, range, modifier)| format!("{selection}[{range}]{modifier}"))
}

fn selection() -> impl Strategy<Value = String> {
    select(vec![
        "cpu_seconds_total",
        "cpu_seconds_total{mode='idle'}",
        "cpu_seconds_total{mode!~'i.*', instance=~'[ab].*'}",
        "requests_total",
        "requests_total{code='200'}",
        "temperature_celsius",
        "temperature_celsius{sensor='cpu'}",
        "memory_bytes",
        "odd",
        "flapping",
        "up",
        "build_info",
        "latency_seconds_bucket",
        "{job='node', mode!='idle', sensor=''}",
        "{__name__=~'flapping|up', instance='a:9100'}",
    ])
    .prop_map(str::to_owned)
}

fn modifier() -> impl Strategy<Value = &'static str> {
    let some = vec![
        " offset 5m",
        " offset -4m",
        " @ 1700004000",
        " @ end()",
        " @ start() offset 1m",
        " offset 77s @ 1700003000.25",
    ];
    prop_oneof![6 => Just(""), 2 => select(some)]
}

fn range_function() -> impl Strategy<Value = String> {
    select(vec![
        "rate(#)",
        "increase(#)",
        "delta(#)",
        "irate(#)",
        "idelta(#)",
        "deriv(#)",
        "predict_linear(#, 600)",
        "avg_over_time(#)",
        "min_over_time(#)",
        "max_over_time(#)",
        "sum_over_time(#)",
        "count_over_time(#)",
        "stddev_over_time(#)",
        "stdvar_over_time(#)",
        "last_over_time(#)",
        "present_over_time(#)",
        "absent_over_time(#)",
        "quantile_over_time(0.8, #)",
        "changes(#)",
        "resets(#)",
        "holt_winters(#, 0.5, 0.2)",
    ])
    .prop_map(str::to_owned)
}

fn grouping() -> impl Strategy<Value = String> {
    select(vec![
        "",
        " by (instance) ",
        " by (job, mode) ",
        " without (instance) ",
        " by () ",
        " by (le) ",
        " without (le, mode) ",
    ])
    .prop_map(str::to_owned)
}

fn matching() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "",
        "",
        "on(instance)",
        "on(instance) group_left",
        "on(instance) group_right(mode)",
        "ignoring(mode, sensor)",
        "ignoring(mode) group_left(version)",
        "on()",
        "on(job, instance) group_left()",
    ])
}

fn set_matching() -> impl Strategy<Value = &'static str> {
    select(vec!["", "on(instance)", "ignoring(mode, sensor)", "on()"])
}
