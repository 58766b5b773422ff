//! Which temp files belong to a job: patterns that hold its plot id, so that they can never match the files of another job.

use std::path::PathBuf;

use regex_lite::Regex;

use super::command_line::CommandLine;
use super::profile::Profile;

/// Files of one job in one directory.
#[derive(Debug, Clone)]
pub struct TempPattern {
    /// Absolute and reachable for us.
    pub directory: PathBuf,
    name: Regex,
    glob: String,
    plot_id: Option<String>,
}

impl TempPattern {
    /// `glob` as in a shell: `*`, `?` and `[0-9]`. `None` if it cannot be understood.
    pub fn new(directory: PathBuf, glob: &str) -> Option<Self> {
        Some(Self { directory, name: regex_of(glob)?, glob: glob.to_owned(), plot_id: None })
    }

    /// Files of one plot only: `glob` holds the id, and so must the names.
    pub fn of_plot(directory: PathBuf, glob: &str, plot_id: &str) -> Option<Self> {
        let plot_id = Some(plot_id.to_owned()).filter(|id| glob.contains(id.as_str()));
        Some(Self { plot_id: Some(plot_id?), ..Self::new(directory, glob)? })
    }

    /// As in the profile, with the plot id in its place.
    pub fn glob(&self) -> &str {
        &self.glob
    }

    /// The id that names of matching files hold; none where the plotter's names do not tell one plot from another.
    pub fn plot_id(&self) -> Option<&str> {
        self.plot_id.as_deref()
    }

    /// Whether a file of this name, in that directory, belongs to the job.
    pub fn matches(&self, file_name: &str) -> bool {
        self.name.is_match(file_name)
    }
}

/// Patterns for a job. Those that need the plot id are absent while it is not known.
pub(super) fn patterns(profile: &Profile, command_line: &CommandLine, plot_id: Option<&str>) -> Vec<TempPattern> {
    let mut patterns: Vec<TempPattern> = Vec::new();
    for rule in &profile.temp {
        let (glob, plot_id) = match (rule.file_name.contains("{id}"), plot_id) {
            (true, None) => continue,
            (true, Some(id)) => (rule.file_name.replace("{id}", id), Some(id.to_owned())),
            (false, _) => (rule.file_name.clone(), None),
        };
        let Some(name) = regex_of(&glob) else { continue };
        let directories = command_line.directories.iter().filter(|(argument, _)| *argument == rule.argument);
        for (_, directory) in directories {
            let known = |other: &TempPattern| other.directory == *directory && other.name.as_str() == name.as_str();
            if !patterns.iter().any(known) {
                let (name, glob, plot_id) = (name.clone(), glob.clone(), plot_id.clone());
                patterns.push(TempPattern { directory: directory.clone(), name, glob, plot_id });
            }
        }
    }
    patterns
}

/// `*`, `?` and `[a-c]` as in a shell; everything else is literal.
pub(super) fn regex_of(glob: &str) -> Option<Regex> {
    let mut pattern = String::from("^");
    for c in glob.chars() {
        match c {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            '[' | ']' | '-' => pattern.push(c),
            other => pattern.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    pattern.push('$');
    Regex::new(&pattern).ok()
}
