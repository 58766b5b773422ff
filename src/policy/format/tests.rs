use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::policy::tests::GOOD;

const PATH: &str = "p.yaml";

/// What the text becomes; a text that is in form already stays.
fn formatted(text: &str) -> String {
    match format(Path::new(PATH), text) {
        Formatted::Changed(new) => new,
        Formatted::Same => text.to_owned(),
        other => panic!("{other:?}\n{text}"),
    }
}

/// The shipped policies, and texts with all that policies may be written with.
fn texts() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let shipped = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let shipped = shipped.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut texts: Vec<String> = shipped.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert!(texts.len() >= 3);
    texts.extend([GOOD, SKETCH].map(str::to_owned));
    texts
}

/// Two documents in the wrong order, with comments everywhere.
const SKETCH: &str = "\
# yaml-language-server: $schema=policy.schema.json

# Caps the power in the evening.
kind: Power
apiVersion:   plotwarden/v1
metadata: { name:  evening-peak }
tests:
- name: opens   # on time
  input_series:
  - {series: wall,values: '520x60 440x420'}
  # one more could stand here
spec:

  guardrails: {never: [ stop,kill ]}
  # Only the evening.
  schedule: {timezone: Europe/Paris, windows: [{days: mon-fri, from: '17:00', to: \"21:00\"}]}


  control: {mode: dryRun}
  stages:
  - at: window
    do:
    - deferStarts: {}
    - epp: {to: balance_power}   # half
  # about the second
  - {at: fired, do: [
      {raplLimit: {zone: package, min: 65W}},  # never below
      {turbo: {allow: false}}
    ]}
  strategy: balanced
  # Nothing is said of signals.

  selector:
    # later
  note: several words
    on two lines
  expr: |
    sum(
      rate(x[5m])
    )
---
first: &limits {min: 5, max: 6}
second: *limits
";

const SKETCH_IN_FORM: &str = "\
# yaml-language-server: $schema=policy.schema.json

# Caps the power in the evening.
apiVersion: plotwarden/v1
kind: Power
metadata: {name: evening-peak}
spec:
  control: {mode: dryRun}

  selector:
    # later
  # Only the evening.
  schedule: {timezone: Europe/Paris, windows: [{days: mon-fri, from: '17:00', to: \"21:00\"}]}
  stages:
    - at: window
      do:
        - deferStarts: {}
        - epp: {to: balance_power}  # half
    # about the second
    - {at: fired, do: [
        {raplLimit: {zone: package, min: 65W}},  # never below
        {turbo: {allow: false}}
      ]}
  guardrails: {never: [stop, kill]}
  strategy: balanced
  # Nothing is said of signals.

  note: several words
    on two lines
  expr: |
    sum(
      rate(x[5m])
    )
tests:
  - name: opens  # on time
    input_series:
      - {series: wall, values: '520x60 440x420'}
      # one more could stand here
---
first: &limits {min: 5, max: 6}
second: *limits
";

#[test]
fn a_file_is_laid_out_as_the_manual_says() {
    assert_eq!(formatted(SKETCH), SKETCH_IN_FORM);
}

#[test]
fn each_matter_of_form() {
    for (before, after) in [
        ("\u{feff}a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"),
        ("a:\t1 \t\nb :  2", "a: 1\nb: 2\n"),
        ("\n\na: 1\n\n\n\nb: 2\n\n\n", "a: 1\n\nb: 2\n"),
        ("a:\n\n      b: 1\n      c:\n       - x\n", "a:\n  b: 1\n  c:\n    - x\n"),
        ("-   a: 1\n    b: 2\n-\n  - x\n  -   - y\n", "- a: 1\n  b: 2\n- - x\n  - - y\n"),
        ("a: { b: [1,2 , 3],\"c\":d, e: {} }\n", "a: {b: [1, 2, 3], \"c\": d, e: {}}\n"),
        ("a: 1 # one\nbcd: 2    # two\n\ne: 3 #three\n", "a: 1    # one\nbcd: 2  # two\n\ne: 3  #three\n"),
        ("a: 'it''s # no comment'   # but this\n", "a: 'it''s # no comment'  # but this\n"),
        ("a: x#y   # c\n", "a: x#y  # c\n"),
        ("a: >-\n        one\n          two\n\n\nb: 1\n", "a: >-\n  one\n    two\n\nb: 1\n"),
        ("a: |+\n    kept\n\n\n", "a: |+\n  kept\n\n\n"),
        ("a: \"x\n\n      y\"\nb: one\n      two\n", "a: \"x\n\n  y\"\nb: one\n  two\n"),
        ("a:\n        {b: 1}\n", "a:\n  {b: 1}\n"),
        ("a: &x   {b:   1}\nc:   &y\n  d: *x\n", "a: &x {b: 1}\nc: &y\n  d: *x\n"),
        ("a: 1\n---   # two\nb: 2\n...\n", "a: 1\n---  # two\nb: 2\n...\n"),
        ("a: {'x':   http://y:1, z: t}\n", "a: {'x': http://y:1, z: t}\n"),
        ("spec: 1\nkind: x\n", "spec: 1\nkind: x\n"),
    ] {
        assert_eq!(formatted(before), after, "{before:?}");
        assert_eq!(formatted(after), after, "{before:?}");
    }
}

#[test]
fn an_order_in_which_an_alias_would_come_first_is_not_made() {
    let text = "spec: {a: &x 1}\nkind: *x\napiVersion: plotwarden/v1\n";
    assert_eq!(formatted(text), text);
}

#[test]
fn what_no_policy_needs_is_left_alone_with_the_reason() {
    for (text, line, part) in [
        ("a: 1\nb:\n  ? c\n  : d\n", 3, "begins with `?`"),
        ("a: &x one\nb:\n  *x : 2\n", 3, "`*`"),
        ("a: |2\n    b\n", 1, "how far it is indented"),
        ("{a: 1}\n", 1, "neither a key nor an item"),
        ("--- {a: 1}\n", 1, "document marker"),
        ("%YAML 1.2\n---\na: 1\n", 1, "a directive"),
        ("a: 1\nb: {c: \"d\n  e\"}\n", 2, "over several lines within brackets"),
        ("a:\n  # why\n  b\n", 3, "between a key and its value"),
        ("a: 1\rb: 2\n", 1, "carriage return"),
    ] {
        match format(Path::new(PATH), text) {
            Formatted::Left(left) => assert!(left.line == line && left.why.contains(part), "{text:?}: {left:?}"),
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_yaml_is_named_at_its_place() {
    for (text, place) in [("a:\n\tb: 2\n", "p.yaml:2:"), ("a: [\n", "p.yaml:"), ("a: 1\na: 2\n", "p.yaml:2:1: `a`")] {
        match format(Path::new(PATH), text) {
            Formatted::NotYaml(error) => assert!(error.to_string().starts_with(place), "{error}"),
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn the_proof_sees_what_must_not_happen() {
    let path = Path::new(PATH);
    let old = "a: '1'  # why\nb: [2, x y]\n";
    let data = proof::data(path, old).unwrap();
    assert!(proof::holds(path, (old, &data), "b: [2,   x y]\n# why\na: '1'\n"));
    for new in [
        "a: 1  # why\nb: [2, x y]\n",
        "a: '1'\nb: [2, x y]\n",
        "a: '1'  # why\nb: [2, x  y]\n",
        "a: '1'  # why\nb: [x y, 2]\n",
        "a: '1'  # why\n",
        "a: '1'  # why\nb: [2, x y\n",
    ] {
        assert!(!proof::holds(path, (old, &data), new), "{new}");
    }
}

#[test]
fn a_diff_shows_the_lines_that_change_and_three_around() {
    let lines: Vec<String> = (1..=20).map(|number| format!("line {number}\n")).collect();
    let old = lines.concat();
    let new = old.replace("line 2\n", "").replace("line 19\n", "line 19\nmore\n").replace("line 20\n", "line 20");
    let expected = "--- p\n+++ p\n@@ -1,5 +1,4 @@\n line 1\n-line 2\n line 3\n line 4\n line 5\n\
                    @@ -17,4 +16,5 @@\n line 17\n line 18\n line 19\n-line 20\n+more\n+line 20\n\\ No newline at end of file\n";
    assert_eq!(unified("p", &old, &new), expected);
    assert_eq!(unified("p", &old, &old), "");
}

/// The same text as somebody else would have written it: another step, line ends, blank lines, spaces.
fn rewritten(text: &str, step: usize, windows: bool, dirt: &[u8]) -> String {
    let mut out = String::new();
    for (line, dirt) in text.lines().zip(dirt.iter().cycle()) {
        let content = line.trim_start_matches(' ');
        out += &" ".repeat((line.len() - content.len()) / 2 * step);
        // What stands behind a dash has to stand in the column of what goes on below it.
        match content.strip_prefix("- ") {
            Some(item) => out.extend(["-", &" ".repeat(step - 1), item]),
            None => out += content,
        }
        if dirt & 1 != 0 && !content.is_empty() {
            out += "  ";
        }
        out += if windows { "\r\n" } else { "\n" };
        // Where one blank line is, two are the same.
        if content.is_empty() && dirt & 2 != 0 {
            out += "\n";
        }
    }
    out
}

proptest! {
    #[test]
    fn whoever_wrote_it_the_form_is_one(
        which in any::<prop::sample::Index>(),
        step in 2..6_usize,
        windows: bool,
        dirt in prop::collection::vec(any::<u8>(), 1..50),
    ) {
        let texts = texts();
        let text = which.get(&texts);
        let once = formatted(text);
        prop_assert_eq!(&formatted(&once), &once, "formatting twice is formatting once");
        let again = formatted(&rewritten(&once, step, windows, &dirt));
        // Within a block of text spaces are data, and so they are not taken back.
        if !once.contains(": |") {
            prop_assert_eq!(again, once);
        }
    }

    #[test]
    fn no_edit_makes_it_lose_anything(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        removed in 0..12_usize,
        insert in "[ \t\r\n#:,{}'\"&*|>?-]{0,4}[a-z]{0,2}",
    ) {
        let texts = texts();
        let mut text: Vec<char> = which.get(&texts).chars().collect();
        let from = at.index(text.len());
        text.splice(from..(from + removed).min(text.len()), insert.chars());
        let text: String = text.into_iter().collect();
        if let Formatted::Changed(new) = format(Path::new(PATH), &text) {
            let before = proof::data(Path::new(PATH), text.trim_start_matches('\u{feff}')).unwrap();
            prop_assert_eq!(proof::data(Path::new(PATH), &new).unwrap(), before);
            prop_assert_eq!(format(Path::new(PATH), &new), Formatted::Same, "{}", new);
        }
    }
}
