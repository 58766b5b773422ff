//! Numbers and quoted texts, with the spellings that Prometheus inherited from Go.

/// Takes out the underscores that 3.x allows between digits, and behind `0x`; `None` if one stands elsewhere.
pub(super) fn without_separators(text: &str) -> Option<String> {
    let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_hexdigit);
    let prefix = |at: usize| at == 1 && matches!(text.as_bytes().get(at), Some(b'x' | b'X'));
    let between_digits = |at: usize| digit(at + 1) && at.checked_sub(1).is_some_and(|at| digit(at) || prefix(at));
    text.match_indices('_').all(|(at, _)| between_digits(at)).then(|| text.replace('_', ""))
}

/// Reads `1e6`, `.5`, `0x1F`, and `017`, which is 15; `None` if it is not a finite number.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    let whole = if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i64::from_str_radix(hex, 16).ok().map(crate::promql::calc::float);
    } else if text.len() > 1 && text.starts_with('0') {
        i64::from_str_radix(text, 8).ok()
    } else {
        None
    };
    whole.map(crate::promql::calc::float).or_else(|| text.parse().ok()).filter(|number: &f64| number.is_finite())
}

/// The meaning of a quoted text, its quotes included; the error says what is wrong with it.
pub(super) fn unquote(quoted: &str) -> Result<String, String> {
    let quote = quoted.chars().next().ok_or("an empty text has no quotes")?;
    let inner =
        quoted.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).ok_or("the quotes do not match")?;
    if quote == '`' {
        return Ok(inner.to_owned());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            escape(&mut chars, quote, &mut bytes)?;
        } else {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    String::from_utf8(bytes).map_err(|_| "its escapes do not make valid UTF-8".to_owned())
}

/// Reads what follows a backslash.
fn escape(chars: &mut std::str::Chars<'_>, quote: char, bytes: &mut Vec<u8>) -> Result<(), String> {
    let letter = chars.next().ok_or("it ends with a backslash")?;
    let plain = match letter {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' | '\'' if letter == quote => quote as u8,
        'x' => byte(digits(chars, 2, 16)?)?,
        '0'..='7' => {
            let rest = digits(chars, 2, 8)?;
            byte(letter.to_digit(8).unwrap_or(0) * 64 + rest)?
        }
        'u' | 'U' => {
            let code = digits(chars, if letter == 'u' { 4 } else { 8 }, 16)?;
            let c = char::from_u32(code).ok_or_else(|| format!("U+{code:04X} is not a character"))?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(());
        }
        other => return Err(format!("`\\{other}` is not an escape; write `\\\\{other}` for a backslash")),
    };
    bytes.push(plain);
    Ok(())
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize, radix: u32) -> Result<u32, String> {
    (0..count).try_fold(0_u32, |value, _| {
        let digit = chars.next().and_then(|c| c.to_digit(radix)).ok_or("an escape has too few digits")?;
        value
            .checked_mul(radix)
            .and_then(|value| value.checked_add(digit))
            .ok_or_else(|| "an escape is too large".to_owned())
    })
}

fn byte(code: u32) -> Result<u8, String> {
    u8::try_from(code).map_err(|_| "an octal escape is larger than a byte".to_owned())
}

/// A text in double quotes that [`unquote`] reads back.
pub(in crate::promql) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.extend(format!("\\U{:08x}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_spelt_as_in_go() {
        for (text, number) in
            [("12.5e-1", 1.25), (".5", 0.5), ("2.", 2.0), ("0x1F", 31.0), ("017", 15.0), ("08", 8.0), ("0", 0.0)]
        {
            assert_eq!(parse_number(text), Some(number), "{text}");
        }
        for wrong in [".", "1e", "1e400", "0x", "0x1.8", "1_000"] {
            assert_eq!(parse_number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn separators_stand_between_digits_only() {
        assert_eq!(without_separators("1_000_000").as_deref(), Some("1000000"));
        assert_eq!(without_separators("0x_1F_FF").as_deref(), Some("0x1FFF"));
        for wrong in ["1__0", "1_", "1_.5", "1._5", "0_x1", "0x1_"] {
            assert_eq!(without_separators(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn escapes_mean_what_they_mean_in_go() {
        assert_eq!(unquote(r#""a\tb\x41\101\u00e9""#).as_deref(), Ok("a\tbAAé"));
        assert_eq!(unquote(r"'\''").as_deref(), Ok("'"));
        assert_eq!(unquote(r"`a\n`").as_deref(), Ok(r"a\n"));
        for wrong in [r#""\d""#, r#""\'""#, r#""\xff""#, r#""\777""#, r#""\x1""#] {
            assert!(unquote(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_its_quotes(text: String) {
            prop_assert_eq!(unquote(&quote(&text)), Ok(text));
        }
    }
}
