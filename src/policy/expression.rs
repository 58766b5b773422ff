//! A PromQL expression as a policy writes it: with variables, which stand inside its strings.
//!
//! `$` means nothing outside of strings in PromQL, and inside only at the end of a pattern; so `$` before a letter is ours.

use std::ops::Range;

use super::nearest::nearest;

/// What can stand in an expression for something that is known only later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// The `instance` label of this machine's series.
    Node,
    /// The `job` label of this machine's series: the scrape job, not a plotting job.
    Job,
    /// The block devices behind the temp directories of the jobs that are asked about.
    Device,
    /// The `job_id` label of the job that is asked about.
    JobId,
}

/// What the variables stand for, now and for whom is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Meanings<'a> {
    pub node: &'a str,
    pub job: &'a str,
    /// `None` where nobody in particular is asked about.
    pub job_id: Option<&'a str>,
    /// Or why they are not known.
    pub devices: Result<&'a [String], &'a str>,
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
    const ALL: [Self; 4] = [Self::Node, Self::Job, Self::JobId, Self::Device];

    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Job => "job",
            Self::Device => "device",
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

    /// Where a variable that may stand for several values is no pattern, and so has room for one only.
    pub(super) fn room_for_one_device(&self) -> Option<Range<usize>> {
        let single = self.blanks.iter().find(|blank| blank.variable == Variable::Device && !blank.pattern)?;
        Some(single.at.clone())
    }

    /// The expression with its variables replaced.
    ///
    /// # Errors
    /// In plain words: a variable stands for nothing now, or for several values where there is room for one.
    pub fn fill(&self, meanings: &Meanings<'_>) -> Result<String, String> {
        let mut filled = String::with_capacity(self.text.len());
        let mut from = 0;
        for blank in &self.blanks {
            filled.push_str(&self.text[from..blank.at.start]);
            filled.push_str(&blank.filled(meanings)?);
            from = blank.at.end;
        }
        filled.push_str(&self.text[from..]);
        Ok(filled)
    }
}

impl Blank {
    fn filled(&self, meanings: &Meanings<'_>) -> Result<String, String> {
        match self.variable {
            Variable::Node => Ok(self.quoted(meanings.node)),
            Variable::Job => Ok(self.quoted(meanings.job)),
            Variable::JobId => {
                meanings.job_id.map(|id| self.quoted(id)).ok_or_else(|| "`$job_id` is nobody".to_owned())
            }
            Variable::Device => self.devices(meanings.devices.map_err(str::to_owned)?),
        }
    }

    fn devices(&self, names: &[String]) -> Result<String, String> {
        match names {
            [] => Err("`$device` is none: the temp directories lie on no block device".to_owned()),
            [name] => Ok(self.quoted(name)),
            several if self.pattern => {
                let choices: Vec<String> = several.iter().map(|name| self.quoted(name)).collect();
                Ok(format!("(?:{})", choices.join("|")))
            }
            several => {
                Err(format!("`$device` is several, {}: match them with `device=~\"$device\"`", several.join(", ")))
            }
        }
    }

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
        let hint = match nearest(name, Variable::ALL.map(Variable::name)) {
            Some(candidate) => format!("did you mean `${candidate}`?"),
            None => {
                format!("known here: {}", Variable::ALL.map(|variable| format!("`${}`", variable.name())).join(", "))
            }
        };
        return Err(BadVariable { at: place, problem: format!("there is no variable `${name}`"), hint });
    };
    let Some((open, begin)) = quote else {
        let label = if variable == Variable::Node { "instance" } else { name };
        let hint = format!("write it as the value of a label, such as `{{{label}=\"${name}\"}}`");
        return Err(BadVariable { at: place, problem: format!("`${name}` stands outside of a string"), hint });
    };
    let before = text[..begin].trim_end();
    let pattern = before.ends_with("=~") || before.ends_with("!~");
    Ok(Blank { at: place, variable, raw: open == '`', pattern })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, node: &str, job_id: Option<&str>) -> Option<String> {
        let meanings = Meanings { node, job: "farm", job_id, devices: Err("unknown") };
        Expression::parse(text).unwrap().fill(&meanings).ok()
    }

    fn on(devices: Result<&[&str], &str>, text: &str) -> Result<String, String> {
        let names: Vec<String> = devices.unwrap_or_default().iter().map(|name| (*name).to_owned()).collect();
        let devices = devices.map(|_| names.as_slice());
        Expression::parse(text).unwrap().fill(&Meanings { node: "n", job: "j", job_id: None, devices })
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
            (r#"up{job="$job",a="$job_id"}"#, r#"up{job="farm",a="c-7-1"}"#),
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
    fn several_devices_are_a_pattern_and_one_is_a_name() {
        let (plain, pattern) = (r#"x{device="$device"}"#, r#"x{device=~"$device|md.*"}"#);
        assert_eq!(on(Ok(&["sda"]), plain).unwrap(), r#"x{device="sda"}"#);
        assert_eq!(on(Ok(&["sda"]), pattern).unwrap(), r#"x{device=~"sda|md.*"}"#);
        assert_eq!(on(Ok(&["cciss/c0d0", "dm-0"]), pattern).unwrap(), r#"x{device=~"(?:cciss/c0d0|dm\\-0)|md.*"}"#);
        assert!(on(Ok(&["sda", "sdb"]), plain).unwrap_err().contains("sda, sdb: match them with `device=~"));
        assert!(on(Ok(&[]), pattern).unwrap_err().contains("no block device"));
        assert_eq!(on(Err("the disk sleeps"), pattern).unwrap_err(), "the disk sleeps");
        assert_eq!(on(Err("the disk sleeps"), "up").unwrap(), "up", "who does not ask need not know");
        assert_eq!(Expression::parse(plain).unwrap().room_for_one_device(), Some(10..17));
        assert_eq!(Expression::parse(pattern).unwrap().room_for_one_device(), None);
    }

    #[test]
    fn what_is_not_known_is_named_with_what_is() {
        let error = Expression::parse(r#"up{a="$nod"}"#).unwrap_err();
        assert_eq!(error.at, 6..10);
        assert_eq!(error.problem, "there is no variable `$nod`");
        assert_eq!(error.hint, "did you mean `$node`?");
        let error = Expression::parse(r#"up{a="$hostname"}"#).unwrap_err();
        assert_eq!(error.hint, "known here: `$node`, `$job`, `$job_id`, `$device`");
        let error = Expression::parse("up > $node").unwrap_err();
        assert!(error.problem.contains("outside of a string") && error.hint.contains("instance"), "{error:?}");
    }
}
