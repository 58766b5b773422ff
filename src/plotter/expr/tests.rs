use proptest::prelude::*;

use super::*;

fn variables() -> Variables {
    let mut variables = Variables::default();
    for (name, value) in [("k", 32.0), ("N", 4_294_967_296.0), ("threads", 4.0), ("buckets", 256.0), ("v", 8.0)] {
        variables.set_number(name, value);
    }
    variables.set_text("mode", "partial");
    variables
}

fn evaluate(text: &str) -> Option<f64> {
    Expr::parse(text).unwrap().number(&variables())
}

#[test]
fn computes_as_mathematics_does() {
    let table = [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("10 - 4 - 3", 3.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("2 ^ -1", 0.5),
        ("8 / 4 / 2", 1.0),
        ("1 << 8", 256.0),
        ("1 + 1 << 3", 16.0),
        ("1.225e12", 1.225e12),
        (".42", 0.42),
        ("3e-2 * 100", 3.0),
        ("2 ^ k == N", 1.0),
        ("v < 16 ? 1 << v : v", 256.0),
        ("0 ? 1 : 0 ? 2 : 3", 3.0),
        ("1 < 2 && 2 < 1 || 3 >= 3", 1.0),
        ("0 or 0 and 1", 0.0),
        ("!0 + !5", 1.0),
        ("min(3, 1, 2) + max(k, 40) + ceil(1.2) + floor(1.8)", 44.0),
        ("{64: 11.56, 128: 6.08, 256: 3.37}[buckets] * 100", 337.0),
        ("{\"partial\": 193, 'disk': 0}[mode]", 193.0),
        ("mode == 'partial' ? 5 : 6", 5.0),
        ("mode != \"partial\"", 0.0),
    ];
    for (text, expected) in table {
        let value = evaluate(text).unwrap();
        assert!((value - expected).abs() < 1e-9 * expected.abs().max(1.0), "{text} = {value}, expected {expected}");
    }
}

#[test]
fn a_missing_fact_is_not_zero() {
    assert_eq!(evaluate("unknown + 1"), None);
    assert_eq!(evaluate("{64: 1}[buckets]"), None, "a lookup that finds nothing");
    assert_eq!(evaluate("1 / 0"), None);
    assert_eq!(evaluate("10 ^ 400"), None);
    assert_eq!(evaluate("1 ? 5 : unknown"), Some(5.0), "the branch that is not taken does not matter");
    assert_eq!(evaluate("0 && unknown"), Some(0.0));
}

#[test]
fn says_what_is_wrong_and_at_which_byte() {
    let table = [
        ("", 0, "ends where a value"),
        ("1 +", 3, "ends where a value"),
        ("1 ** 2", 3, "expected, not `*`"),
        ("(1 + 2", 6, "closing `)`"),
        ("k ? 1", 5, "`:`"),
        ("{1: 2}", 6, "followed by its key"),
        ("sqrt(2)", 0, "no function `sqrt`"),
        ("ceil(1, 2)", 0, "takes one value"),
        ("k k", 2, "`k` does not belong"),
        ("mode == 'x", 8, "closing quote"),
        ("$p + 1", 0, "not `$`"),
        ("1 + é", 4, "not `é`"),
    ];
    for (text, at, problem) in table {
        let error = Expr::parse(text).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.problem.contains(problem), "{text}: {error}");
    }
}

#[test]
fn names_and_kinds_are_checked_before_use() {
    let kinds = |name: &str| match name {
        "k" => Some(Kind::Number),
        "mode" => Some(Kind::Text),
        _ => None,
    };
    let problem = |text: &str| Expr::parse(text).unwrap().check(&kinds).map_err(|error| (error.at, error.problem));
    assert_eq!(problem("mode == 'disk' ? k : 2 * k"), Ok(Kind::Number));
    assert_eq!(problem("1 ? 2 : threads"), Err((8, "the name `threads` is not known here".to_owned())));
    assert!(problem("mode + 1").is_err() && problem("mode == 1").is_err() && problem("{1: 2}[mode]").is_err());
}

#[test]
fn refuses_what_is_too_long_or_too_deep() {
    let long = "1+".repeat(600) + "1";
    assert!(Expr::parse(&long).unwrap_err().problem.contains("longer"));
    let deep = "(".repeat(200) + "1" + &")".repeat(200);
    assert!(Expr::parse(&deep).unwrap_err().problem.contains("deeper"));
    let signs = "-".repeat(500) + "1";
    assert!(Expr::parse(&signs).unwrap_err().problem.contains("deeper"));
    assert_eq!(evaluate(&("(".repeat(20) + "1" + &")".repeat(20))), Some(1.0));
}

proptest! {
    #[test]
    fn never_panics_on_any_text(text in ".{0,200}") {
        if let Ok(expression) = Expr::parse(&text) {
            let _ = expression.check(&|_| Some(Kind::Number));
            let _ = expression.number(&variables());
        }
    }

    #[test]
    fn never_panics_on_nearly_well_formed_text(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "1", "k", "mode", "(", ")", "{", "}", "[", "]", "?", ":", ",", "+", "-", "*", "/", "^", "<<", "<", "==",
                "&&", "or", "min(", "'x'", "!", ".5", "1e", " ", "é",
            ]),
            0..40,
        ),
    ) {
        let text = parts.concat();
        match Expr::parse(&text) {
            Ok(expression) => { let _ = expression.number(&variables()); }
            Err(error) => prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at)),
        }
    }
}
