//! A PromQL expression as a policy writes it: with variables, which stand inside its strings.
//!
//! `$` means nothing outside of strings in PromQL, and inside only at the end of a pattern; so `$` before a letter is ours.

use std::ops::Range;

/// What can stand in an expression for something that is known only later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// The `instance` label of this machine's series.
    Node,
    /// The `job_id` label of the job that is asked about.
    JobId,
}

/// An expression, and where its variables are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expression {
    text: String,
    blanks: Vec<Blank>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Blank {
    at: Range<usize>,
    variable: Variable,
    /// Inside of back-quotes nothing is escaped.
    raw: bool,
    /// The string is a pattern, in which the value must stand for itself.
    pattern: bool,
}

/// A `$name` that stands for nothing, or not where it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadVariable {
    /// Bytes of the expression.
    pub at: Range<usize>,
    pub problem: String,
    pub hint: String,
}

impl Variable {
    const ALL: [Self; 2] = [Self::Node, Self::JobId];

    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::JobId => "job_id",
        }
    }
}

impl Expression {
    /// # Errors
    /// The first variable that is not known, or that stands outside of a string.
    pub fn parse(text: &str) -> Result<Self, BadVariable> {
        let mut blanks = Vec::new();
        let mut quote = None;
        let mut rest = text.char_indices().peekable();
        while let Some((at, c)) = rest.next() {
            match (quote, c) {
                (None, '#') => while rest.next_if(|(_, c)| *c != '\n').is_some() {},
                (None, '"' | '\'' | '`') => quote = Some((c, at)),
                (Some((open, _)), c) if c == open => quote = None,
                (Some(('"' | '\'', _)), '\\') => drop(rest.next()),
                (_, '$') => {
                    let name = variable_name(&text[at + 1..]);
                    if !name.is_empty() {
                        blanks.push(blank(text, at, name, quote)?);
                    }
                }
                _ => {}
            }
        }
        Ok(Self { text: text.to_owned(), blanks })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn uses(&self, variable: Variable) -> bool {
        self.blanks.iter().any(|blank| blank.variable == variable)
    }

    /// The expression with its variables replaced; `None` if it is about a job and none is given.
    pub fn fill(&self, node: &str, job: Option<&str>) -> Option<String> {
        let mut filled = String::with_capacity(self.text.len());
        let mut from = 0;
        for blank in &self.blanks {
            let value = match blank.variable {
                Variable::Node => node,
                Variable::JobId => job?,
            };
            filled.push_str(self.text.get(from..blank.at.start)?);
            filled.push_str(&blank.quoted(value));
            from = blank.at.end;
        }
        filled.push_str(self.text.get(from..)?);
        Some(filled)
    }
}

impl Blank {
    fn quoted(&self, value: &str) -> String {
        let value = if self.pattern { regex::escape(value) } else { value.to_owned() };
        if self.raw {
            // Nothing can stand for it in such a string; no host or job is called so.
            return value.replace('`', "");
        }
        value.replace('\\', r"\\").replace('"', "\\\"").replace('\'', r"\'").replace('\n', r"\n")
    }
}

fn variable_name(text: &str) -> &str {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    if begins { &text[..end] } else { "" }
}

fn blank(text: &str, at: usize, name: &str, quote: Option<(char, usize)>) -> Result<Blank, BadVariable> {
    let place = at..at + 1 + name.len();
    let Some(variable) = Variable::ALL.into_iter().find(|variable| variable.name() == name) else {
        let known = Variable::ALL.map(|variable| format!("`${}`", variable.name())).join(" and ");
        let hint = format!("known here: {known}");
        return Err(BadVariable { at: place, problem: format!("there is no variable `${name}`"), hint });
    };
    let Some((open, begin)) = quote else {
        let hint = format!("write it as the value of a label, such as `{{instance=\"${name}\"}}`");
        return Err(BadVariable { at: place, problem: format!("`${name}` stands outside of a string"), hint });
    };
    let before = text[..begin].trim_end();
    let pattern = before.ends_with("=~") || before.ends_with("!~");
    Ok(Blank { at: place, variable, raw: open == '`', pattern })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, node: &str, job: Option<&str>) -> Option<String> {
        Expression::parse(text).unwrap().fill(node, job)
    }

    #[test]
    fn variables_become_values_that_stand_for_themselves() {
        for (text, expected) in [
            (r#"up{instance="$node"}"#, r#"up{instance="farm.1:9"}"#),
            (r#"up{instance=~"$node|x"}"#, r#"up{instance=~"farm\\.1:9|x"}"#),
            (r"up{instance !~ `$node$`}", r"up{instance !~ `farm\.1:9$`}"),
            ("up{a='$node',b='$job_id'} # $other\n", "up{a='farm.1:9',b='c-7-1'} # $other\n"),
            (r#"up{a="\"$node"}"#, r#"up{a="\"farm.1:9"}"#),
            (r#"up{a=~"x$"}"#, r#"up{a=~"x$"}"#),
        ] {
            assert_eq!(filled(text, "farm.1:9", Some("c-7-1")).as_deref(), Some(expected));
        }
        assert_eq!(filled(r#"up{a="$node"}"#, "a\"b\\", None).as_deref(), Some(r#"up{a="a\"b\\"}"#));
    }

    #[test]
    fn without_a_job_there_is_nothing_to_ask_about_it() {
        assert_eq!(filled(r#"up{job_id="$job_id"}"#, "n", None), None);
    }

    #[test]
    fn what_is_not_known_is_named_with_what_is() {
        let error = Expression::parse(r#"up{a="$nod"}"#).unwrap_err();
        assert_eq!(error.at, 6..10);
        assert_eq!(error.problem, "there is no variable `$nod`");
        assert_eq!(error.hint, "known here: `$node` and `$job_id`");
        let error = Expression::parse("up > $node").unwrap_err();
        assert!(error.problem.contains("outside of a string"), "{error:?}");
    }
}
