//! Which processes a group takes, and what the group is then called.

use regex::{Captures, Regex};

/// Names of processes are no longer than this in the kernel.
pub(super) const LONGEST_COMM: usize = 15;
/// A name of a group is a label of some thirty series.
const LONGEST_NAME: usize = 128;

/// Takes a process that fits each kind of condition that is given: one of the names, one of the programs, all patterns.
#[derive(Debug)]
pub(super) struct Rule {
    pub name: Template,
    pub comm: Vec<String>,
    /// A path with a slash is the whole path, anything else the last part of it.
    pub exe: Vec<String>,
    /// Of the arguments with blanks between them.
    pub cmdline: Vec<Regex>,
}

/// What rules look at. Only what [`Wants`] asks for is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Subject {
    pub comm: String,
    pub exe: Option<String>,
    pub user: Option<String>,
    pub cgroup: Option<String>,
    pub cmdline: Option<String>,
}

/// What of a process the rules look at, beside its short name and its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wants {
    pub exe: bool,
    pub cgroup: bool,
    pub cmdline: bool,
}

/// `plots of {user}`: text with parts that each process fills in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Comm,
    Exe,
    User,
    Cgroup,
    Match(String),
}

impl Rule {
    pub fn wants(&self) -> Wants {
        Wants {
            exe: !self.exe.is_empty() || self.name.has(&Piece::Exe),
            cgroup: self.name.has(&Piece::Cgroup),
            cmdline: !self.cmdline.is_empty(),
        }
    }

    /// The name of the group that takes the process. A process that cannot fill in the name is not taken.
    pub fn group_of(&self, subject: &Subject) -> Option<String> {
        let fits_comm = self.comm.is_empty() || self.comm.contains(&subject.comm);
        if !fits_comm || !self.fits_exe(subject.exe.as_deref()) {
            return None;
        }
        if self.cmdline.is_empty() {
            return self.name.fill(subject, &[]);
        }
        let cmdline = subject.cmdline.as_deref()?;
        let found = self.cmdline.iter().map(|pattern| pattern.captures(cmdline)).collect::<Option<Vec<_>>>()?;
        self.name.fill(subject, &found)
    }

    fn fits_exe(&self, exe: Option<&str>) -> bool {
        let fits = |exe: &str| {
            self.exe.iter().any(|wanted| if wanted.contains('/') { wanted == exe } else { wanted == base(exe) })
        };
        self.exe.is_empty() || exe.is_some_and(fits)
    }
}

impl Template {
    /// # Errors
    /// What is wrong, and what to write.
    pub fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        const HINT: &str = "write {comm}, {exe}, {user}, {cgroup} or {match.NAME}";
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (name, after) = behind.split_once('}').ok_or_else(|| ("a `{` without its `}`".to_owned(), HINT))?;
            pieces.push(match name {
                "comm" => Piece::Comm,
                "exe" => Piece::Exe,
                "user" => Piece::User,
                "cgroup" => Piece::Cgroup,
                name => match name.strip_prefix("match.") {
                    Some(part) if !part.is_empty() => Piece::Match(part.to_owned()),
                    _ => return Err((format!("`{{{name}}}` is not known"), HINT)),
                },
            });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        if pieces.is_empty() { Err(("an empty name".to_owned(), "give the group a name")) } else { Ok(Self(pieces)) }
    }

    /// The parts of patterns that the name is made of.
    pub fn matches(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| if let Piece::Match(part) = piece { Some(part.as_str()) } else { None })
    }

    fn has(&self, wanted: &Piece) -> bool {
        self.0.contains(wanted)
    }

    fn fill(&self, subject: &Subject, found: &[Captures<'_>]) -> Option<String> {
        let mut name = String::new();
        for piece in &self.0 {
            name.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Comm => &subject.comm,
                Piece::Exe => base(subject.exe.as_deref()?),
                Piece::User => subject.user.as_deref()?,
                Piece::Cgroup => subject.cgroup.as_deref()?,
                Piece::Match(part) => found.iter().find_map(|found| found.name(part))?.as_str(),
            });
        }
        let cut = name.char_indices().nth(LONGEST_NAME).map_or(name.len(), |(index, _)| index);
        name.truncate(cut);
        (!name.is_empty()).then_some(name)
    }
}

impl Wants {
    pub fn or(self, other: Self) -> Self {
        Self { exe: self.exe || other.exe, cgroup: self.cgroup || other.cgroup, cmdline: self.cmdline || other.cmdline }
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
