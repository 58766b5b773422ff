//! Each doubt at its place, and silence about what is right.

use std::path::Path;

use crate::policy::{PolicySet, Rule, Vocabulary, from_text, shipped};

const HEAD: &str = "apiVersion: plotwarden/v1\n";

fn vocabulary() -> Vocabulary {
    Vocabulary { plotters: ["madmax", "chiapos"].map(str::to_owned).into(), prometheus: true, ..Vocabulary::default() }
}

fn load(text: &str) -> PolicySet {
    from_text(Path::new("p.yaml"), text, &vocabulary()).unwrap_or_else(|errors| panic!("{}\n{text}", errors[0]))
}

/// A policy of one line per section, so that places can be counted: `control` on line 4, the first of `lines` on line 5.
fn policy(kind: &str, name: &str, control: &str, lines: &[&str]) -> String {
    let lines = lines.iter().map(|line| format!("  {line}\n")).collect::<Vec<_>>().concat();
    format!("{HEAD}kind: {kind}\nmetadata: {{name: {name}}}\nspec:\n  control: {{mode: dryRun{control}}}\n{lines}")
}

fn power(name: &str, control: &str, actions: &str) -> String {
    policy("Power", name, control, &["stages:", &format!("- {{at: always, do: [{actions}]}}")])
}

fn guardrail(lines: &[&str]) -> String {
    let lines = lines.iter().map(|line| format!("  {line}\n")).collect::<Vec<_>>().concat();
    format!("---\n{HEAD}kind: Guardrail\nmetadata: {{name: bounds}}\nspec:\n{lines}")
}

/// What is said under `rule`, with places.
fn doubts(text: &str, rule: Rule) -> Vec<String> {
    let set = load(text);
    let of_rule = set.warnings.iter().filter(|doubt| doubt.rule == Some(rule));
    of_rule.map(|doubt| doubt.to_string().lines().next().unwrap().to_owned()).collect()
}

/// The one thing that is said under `rule` begins with `place` and has `part`.
fn expect(text: &str, rule: Rule, place: &str, part: &str) {
    let found = doubts(text, rule);
    let fits = |doubt: &String| doubt.starts_with(&format!("p.yaml:{place}: ")) && doubt.contains(part);
    assert!(found.len() == 1 && found.iter().all(fits), "wanted {place} `{part}`, found {found:?} in\n{text}");
}

fn expect_silence(text: &str) {
    let set = load(text);
    assert!(set.warnings.is_empty(), "{}\n{text}", set.warnings[0]);
}

#[test]
fn two_wishes_of_one_rank_for_one_knob() {
    let pair =
        |first: &str, second: &str| format!("{}---\n{}", power("a", "", first), power("b", ", priority: 500", second));
    let rivals = pair("{cpu-boost: {exactly: off}}", "{cpu-boost: {exactly: on}}");
    expect(&rivals, Rule::EqualRank, "15:23", "`a` (p.yaml:1) wants another value of `cpu-boost` exactly");
    let fans = pair("{fan: {exactly: 50%, of: ['hwmon0/*']}}", "{fan: {exactly: 60%, of: ['*/pwm1']}}");
    expect(&fans, Rule::EqualRank, "15:23", "`a` wins by its name");
    let own = power("a", "", "{cpu-boost: {exactly: on}}, {cpu-boost: {exactly: off}}");
    expect(&own, Rule::EqualRank, "7:51", "while both hold, `off` wins");
    for quiet in [
        pair("{cpu-boost: {exactly: off}}", "{cpu-boost: {exactly: off}}"),
        pair("{fan: {exactly: 50%, of: [cpu]}}", "{fan: {exactly: 60%, of: [case]}}"),
        pair("{power-limit: {atMost: 50W}}", "{power-limit: {atMost: 60W}}"),
        pair("{cpu-boost: {exactly: off}}", "{cpu-boost: {exactly: on}}").replace("priority: 500", "priority: 501"),
        pair("{cpu-boost: {exactly: off}}", "{cpu-boost: {exactly: on}}").replace("priority: 500", "class: slo"),
        pair("{cpu-boost: {exactly: off}}", "{cpu-boost: {exactly: on}}").replacen("dryRun", "disabled", 1),
    ] {
        expect_silence(&quiet);
    }
}

#[test]
fn wishes_for_plots_meet_where_selectors_do() {
    let pair = |first: &str, second: &str| {
        let of = |name: &str, jobs: &str, weight: u32| {
            let selector = format!("selector: {{jobs: {{role: plotter, {jobs}}}}}");
            policy(
                "Cpu",
                name,
                "",
                &[&selector, "stages:", &format!("- {{at: always, do: [{{cpu-weight: {{exactly: {weight}}}}}]}}")],
            )
        };
        format!("{}---\n{}", of("a", first, 10), of("b", second, 20))
    };
    for (first, second) in [
        ("plotter: [madmax]", "k: [32]"),
        ("tempDir: ['/mnt/ssd*']", "tempDir: ['/mnt/*1/tmp']"),
        ("owner: ['1000']", "owner: [chia]"),
        ("plotter: [madmax, chiapos]", "plotter: [chiapos]"),
    ] {
        expect(&pair(first, second), Rule::EqualRank, "17:23", "`cpu-weight`");
    }
    for (first, second) in [
        ("plotter: [madmax]", "plotter: [chiapos]"),
        ("k: [32]", "k: [33]"),
        ("owner: [chia]", "owner: [bob]"),
        ("tempDir: [/mnt/ssd1]", "tempDir: [/mnt/ssd2]"),
        ("finalDir: [/plots/a]", "finalDir: [/plots/b]"),
    ] {
        expect_silence(&pair(first, second));
    }
}

#[test]
fn names_that_match_nothing() {
    let of = |jobs: &str| {
        let selector = format!("selector: {{jobs: {{role: plotter, {jobs}}}}}");
        policy("Cpu", "a", "", &[&selector, "stages:", "- {at: always, do: [{cpu-weight: {atMost: 20}}]}"])
    };
    expect(&of("plotter: [madmacs]"), Rule::MatchesNothing, "6:46", "no plotter is known as `madmacs`");
    expect(&of("k: [32, 3]"), Rule::MatchesNothing, "6:44", "no plotter makes plots of k 3,");
    expect(&of("owner: ['']"), Rule::MatchesNothing, "6:44", "an empty name matches nothing");
    expect_silence(&of("plotter: [madmax], k: [32], owner: [chia]"));
    let spares =
        policy("Cpu", "a", "", &["stages:", "- {at: always, do: [pause]}", "guardrails: {neverPause: [bladebid]}"]);
    expect(&spares, Rule::MatchesNothing, "8:29", "`bladebid`");
    expect(&power("a", "", "{fan: {atLeast: 50%, of: ['']}}"), Rule::MatchesNothing, "7:23", "an empty name");
    let set = from_text(Path::new("p.yaml"), &of("plotter: [madmacs]"), &Vocabulary::default()).unwrap();
    assert!(set.warnings.is_empty(), "without a list of plotters no name is wrong");
}

#[test]
fn what_a_guardrail_always_denies() {
    let under = |actions: &str, lines: &[&str]| power("a", "", actions) + &guardrail(lines);
    let denied = |actions: &str, lines: &[&str], part: &str| {
        expect(&under(actions, lines), Rule::DeniedByGuardrail, "7:23", part);
    };
    denied("pause", &["never: [pause]"], "`pause` is always denied: the guardrail `bounds` says `never`");
    denied("{cpu-boost: {exactly: off}}", &["never: [cpu-boost]"], "`cpu-boost` is always denied");
    denied("{power-limit: {atMost: 30W}}", &["knobs: [{power-limit: {atLeast: 35W}}]"], "says `atLeast: 35W`");
    denied(
        "{power-limit: {atMost: 30W, from: 90W}}",
        &["knobs: [{power-limit: {atLeast: 35W}}]"],
        "before it gets there",
    );
    let of_all = ["knobs: [{power-limit: {atLeast: 35W, of: ['intel-rapl:*']}}]"];
    denied("{power-limit: {atMost: 30W, of: ['intel-rapl:0:0']}}", &of_all, "is always denied");
    for (actions, lines) in [
        ("{power-limit: {atMost: 40W}}", &["knobs: [{power-limit: {atLeast: 35W}}]"][..]),
        ("{power-limit: {atMost: 30W}}", &of_all),
        ("{power-limit: {atMost: 30W, of: [dram]}}", &of_all),
        ("closeAdmission", &["never: [pause]"]),
    ] {
        expect_silence(&under(actions, lines));
    }
}

#[test]
fn jobs_of_users_whom_a_guardrail_leaves_alone() {
    let of = |owners: &str, allowed: &str| {
        let selector = format!("selector: {{jobs: {{role: plotter, owner: {owners}}}}}");
        let lines = [selector.as_str(), "stages:", "- {at: always, do: [{cpu-weight: {atMost: 20}}]}"];
        policy("Cpu", "a", "", &lines) + &guardrail(&[&format!("protected: {{usersAllowed: {allowed}}}")])
    };
    expect(&of("[bob, eve]", "[chia]"), Rule::DeniedByGuardrail, "6:44", "leaves all jobs of these users alone");
    expect_silence(&of("[bob, chia]", "[chia]"));
    expect_silence(&of("[bob]", "['1000']"));
}

/// A policy with these stages; the first is on line 10.
fn staged(stages: &[&str]) -> String {
    let mut lines = vec![
        "signals:",
        "  used: {local: memory.used, window: 10s, maxAge: 15s, onMissing: hold}",
        "  disk: {local: io.some, window: 10s, maxAge: 15s, onMissing: hold}",
        "stages:",
    ];
    lines.extend(stages);
    policy("Memory", "a", "", &lines)
}

#[test]
fn stages_that_never_begin() {
    const ON_DISK: &str = "- {at: {signal: disk, above: 10%, clear: 5%, for: 1s}, do: [pause]}";
    let never = |stages: &[&str], place: &str, part: &str| expect(&staged(stages), Rule::NeverBegins, place, part);
    let full = "- {name: full, at: {signal: used, above: 100%, clear: 90%, for: 1s}, do: [pause]}";
    never(&[full, ON_DISK], "10:22", "`full` can never begin: `used` is never above 100%");
    let torn = "- {at: {all: [{signal: used, above: 80%, clear: 70%}, {signal: used, below: 60%, clear: 65%}], for: 1s}, do: [pause]}";
    never(&[torn, ON_DISK], "10:10", "never above 80% and below 60% at once");
    let above = "- {name: high, at: {signal: used, above: 80%, clear: 70%, for: 1s}, do: [closeAdmission]}";
    let below = "- {name: low, at: {signal: used, below: 50%, clear: 60%, for: 1s}, do: [pause]}";
    never(
        &[above, below, ON_DISK],
        "11:21",
        "`low` begins only while `high` is in force, but where it would begin, `high` ends",
    );
    for quiet in [
        [above, "- {at: {signal: used, above: 90%, clear: 85%, for: 1s}, do: [pause]}", ON_DISK],
        [above, "- {at: {signal: used, below: 75%, clear: 78%, for: 1s}, do: [pause]}", ON_DISK],
        [
            above,
            "- {at: {any: [{signal: used, below: 50%, clear: 60%}, {signal: disk, above: 50%, clear: 20%}], for: 1s}, do: [pause]}",
            ON_DISK,
        ],
    ] {
        expect_silence(&staged(&quiet));
    }
}

#[test]
fn ramps_longer_than_their_window() {
    let of = |window: &str| {
        let window = format!("schedule: {{timezone: UTC, windows: [{window}]}}");
        policy(
            "Power",
            "a",
            "",
            &[&window, "stages:", "- {at: window, do: [{power-limit: {atMost: 95W, from: 200W}}]}"],
        )
    };
    let long = of("{from: '23:30', to: '00:30', rampIn: 40m, rampOut: 30m}");
    expect(&long, Rule::NeverBegins, "6:46", "ramps of 1h 10m do not fit into a window of 1h");
    expect_silence(&of("{from: '23:30', to: '00:30', rampIn: 30m, rampOut: 30m}"));
}

#[test]
fn values_that_go_the_wrong_way_or_by_what_nobody_watches() {
    let of = |actions: &str| {
        staged(&[
            &format!("- {{at: {{signal: used, above: 80%, clear: 70%, for: 1s}}, do: [{actions}]}}"),
            "- {at: {signal: used, above: 90%, clear: 80%, for: 1s}, do: [pause]}",
        ])
        .replace("    disk: {local: io.some, window: 10s, maxAge: 15s, onMissing: hold}\n", "")
    };
    let up = of("{memory-high: {atMost: 8GiB, from: 4GiB}}");
    expect(&up, Rule::WrongWay, "9:99", "`from` is stricter than `atMost`");
    expect(&of("{memory-low: {atLeast: 1GiB, from: 2GiB}}"), Rule::WrongWay, "9:99", "`atLeast`");
    expect_silence(&of("{memory-high: {atMost: 4GiB, from: 8GiB}}"));
    let toward = |signal: &str| {
        staged(&[&format!(
            "- {{at: {{signal: used, above: 80%, clear: 70%, for: 1s}}, do: [{{memory-high: {{atMost: 4GiB, from: 8GiB, \
             toward: {{signal: {signal}, above: 75%}}}}}}]}}"
        )])
    };
    expect(&toward("disk"), Rule::Unwatched, "10:122", "no stage begins or ends by `disk`");
    let own = toward("used").replace("    disk: {local: io.some, window: 10s, maxAge: 15s, onMissing: hold}\n", "");
    expect_silence(&own);
}

#[test]
fn the_shipped_policies_are_beyond_doubt() {
    let known = Vocabulary { metrics: crate::metrics::names(), plotters: names(), prometheus: true };
    let set = shipped(&known).unwrap();
    let named: Vec<String> =
        set.warnings.iter().filter(|doubt| doubt.rule.is_some()).map(ToString::to_string).collect();
    assert_eq!(named, Vec::<String>::new());
}

fn names() -> Vec<String> {
    crate::plotter::Profiles::shipped().unwrap().names()
}
