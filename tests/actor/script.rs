//! Exists to keep what is known of each plotter's outside in files that a person can read and correct.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

/// One plotter's behaviour.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Script {
    /// Name of the process where it is not the one it was started by, such as the interpreter of a script.
    pub comm: Option<String>,
    /// Values that the steps use as `{name}`, found in the arguments.
    #[serde(default)]
    pub arguments: BTreeMap<String, Argument>,
    /// Number of plots, as the name of an argument; one without it, and for ever if it is negative.
    pub count: Option<String>,
    /// SIGTERM ends it only after the present plot, unless it comes twice.
    #[serde(default)]
    pub finishes_plot_on_sigterm: bool,
    /// Bytes that the plotter writes for one plot, over the 2^k entries of a table.
    #[serde(default)]
    pub entry_bytes: EntryBytes,
    #[serde(default)]
    pub steps: Vec<Step>,
    /// A wrapper plays no steps: it starts the plotter.
    pub wraps: Option<Wraps>,
}

/// Plotters write much the same for each entry; what grows with k are the entries' own sizes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EntryBytes {
    #[serde(default)]
    pub fixed: f64,
    #[serde(default)]
    pub per_k: f64,
}

impl EntryBytes {
    pub fn of_plot(&self, k: u8) -> f64 {
        (self.fixed + self.per_k * f64::from(k)) * f64::from(k).exp2()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Argument {
    #[serde(default)]
    pub flags: Vec<String>,
    /// Position among all arguments, 0 being the program; negative from the end.
    pub at: Option<i32>,
    /// May name another argument in braces.
    #[serde(default)]
    pub default: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// These helper threads run from now on, and no others.
    Threads(Vec<String>),
    /// Opens temporary files and keeps them open.
    Open(Files),
    /// Closes and removes temporary files whose names contain this.
    Remove(String),
    /// The finished plot.
    Plot(Files),
    Rename {
        from: String,
        to: String,
    },
    /// Writes this share of the plot's bytes.
    Write(f64),
    /// Holds this many bytes of memory, all of it touched.
    Memory(u64),
    /// A line of the log.
    Log(String),
    /// Text without an end of line, such as a progress bar.
    Print(String),
    /// A line on standard error.
    Error(String),
    /// Seconds.
    Wait(f64),
    /// Ends the process with this code.
    Exit(u8),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    pub name: String,
    /// How many, counted by `{n}`, or `{nnn}` with three digits.
    #[serde(default = "one")]
    pub count: u32,
    /// Real size of each.
    #[serde(default)]
    pub bytes: u64,
}

fn one() -> u32 {
    1
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wraps {
    /// The child's script, beside the wrapper's.
    pub script: String,
    /// The child's command line, argv[0] first.
    pub argv: Vec<String>,
    /// Lines of the child that make the wrapper report progress.
    #[serde(default)]
    pub progress: Vec<Mark>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    pub line: String,
    pub progress: f64,
}

/// The values that stand for `{name}` in a script.
#[derive(Debug, Clone)]
pub struct Words(BTreeMap<String, String>);

impl Words {
    pub fn new(script: &Script, arguments: &[String]) -> Result<Self, String> {
        let id = match std::env::var("PLOTTER_ID") {
            Ok(id) => id,
            Err(_) => new_id(),
        };
        let mut words = BTreeMap::new();
        words.insert("id".to_owned(), id);
        words.insert("pid".to_owned(), std::process::id().to_string());
        words.insert("minute".to_owned(), "2026-11-23-06-47".to_owned());
        let cwd = std::env::current_dir().map_err(|error| format!("working directory: {error}"))?;
        words.insert("cwd".to_owned(), cwd.display().to_string());
        for (name, argument) in &script.arguments {
            if let Some(value) = find(argument, arguments) {
                // MadMax wants directories with a slash at the end, and names in open files have but one.
                words
                    .insert(name.clone(), if value.len() > 1 { value.trim_end_matches('/') } else { value }.to_owned());
            }
        }
        let mut words = Self(words);
        let mut missing: Vec<_> = script.arguments.iter().filter(|(name, _)| words.get(name).is_none()).collect();
        while !missing.is_empty() {
            let before = missing.len();
            let mut problem = String::new();
            // A default may refer to what was given, or to another default.
            missing.retain(|(name, argument)| match words.fill(&argument.default) {
                Ok(value) => words.0.insert((*name).clone(), value).is_some(),
                Err(error) => {
                    problem = error;
                    true
                }
            });
            if missing.len() == before {
                return Err(problem);
            }
        }
        Ok(words)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Another plot of the same process has another id.
    pub fn next_plot(&mut self, number: i64) {
        self.0.insert("plot".to_owned(), number.to_string());
        if number > 1 {
            self.0.insert("id".to_owned(), new_id());
        }
    }

    pub fn with_number(&self, number: u32) -> Self {
        let mut words = self.clone();
        words.0.insert("n".to_owned(), number.to_string());
        words.0.insert("nnn".to_owned(), format!("{number:03}"));
        words
    }

    pub fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(|| format!("{text}: a brace is not closed"))?;
            filled += before;
            filled += self.get(name).ok_or_else(|| format!("{text}: there is no {{{name}}}"))?;
            rest = after;
        }
        Ok(filled + rest)
    }
}

fn find<'a>(argument: &Argument, arguments: &'a [String]) -> Option<&'a str> {
    if let Some(at) = argument.at {
        let length = i32::try_from(arguments.len()).ok()?;
        let index = usize::try_from(if at < 0 { length + at } else { at }).ok()?;
        return arguments.get(index).map(String::as_str);
    }
    let rest = arguments.get(1..)?;
    let spaced = rest.windows(2).find(|pair| argument.flags.contains(&pair[0])).map(|pair| pair[1].as_str());
    spaced.or_else(|| {
        // `--size=32` and `-k32`
        argument.flags.iter().find_map(|flag| {
            rest.iter().find_map(|word| {
                let value = word.strip_prefix(flag.as_str())?;
                if flag.starts_with("--") { value.strip_prefix('=') } else { Some(value).filter(|v| !v.is_empty()) }
            })
        })
    })
}

/// 64 hexadecimal digits that no other actor has.
fn new_id() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_nanos();
    format!("{:016x}{now:032x}{:016x}", std::process::id(), 0x0070_6c6f_7477_6172_u64)
}
