//! Recognition: which processes are plotters, or the wrappers of one, by nothing but their command line.
//!
//! Command lines lie in both directions: editors and searches name plotters, and two plotters share one name. Every rule therefore
//! starts from the program itself, or from the script behind an interpreter, never from a word somewhere in the arguments.

use regex_lite::Regex;

use super::profile::Match;
use super::profiles::Profiles;

/// What a command line says about a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    pub plotter: Option<Plotter>,
    /// Profiles, by index, that this process may be the wrapper of.
    pub(super) wraps: Vec<usize>,
}

/// The profile that a command line fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plotter {
    /// Index into the profiles.
    pub(super) profile: usize,
    /// Index of the first word that belongs to the plotter's arguments.
    pub(super) first_argument: usize,
}

impl Role {
    /// The process has nothing to do with plotting.
    pub fn is_none(&self) -> bool {
        self.plotter.is_none() && self.wraps.is_empty()
    }
}

impl Profiles {
    /// What the command line of a process says. An empty one (a kernel thread, a zombie) says nothing.
    pub fn recognise(&self, argv: &[String]) -> Role {
        let mut role = Role::default();
        for (profile, rules) in self.iter().enumerate() {
            if role.plotter.is_none() {
                let first_argument = rules.matches.iter().find_map(|rule| rule.first_argument(argv));
                role.plotter = first_argument.map(|first_argument| Plotter { profile, first_argument });
            }
            if rules.wrappers.iter().any(|rule| rule.first_argument(argv).is_some()) {
                role.wraps.push(profile);
            }
        }
        role
    }
}

impl Match {
    /// The index of the first argument behind the program, if the rule fits.
    fn first_argument(&self, argv: &[String]) -> Option<usize> {
        let first = if self.argv_seq.is_empty() {
            any(&self.argv0, program_name(argv)).then_some(1)?
        } else {
            self.sequence_end(argv)?
        };
        let arguments = argv.get(first..).unwrap_or_default();
        let holds = (self.argv_any.is_empty() || arguments.iter().any(|word| any(&self.argv_any, word)))
            && !arguments.iter().any(|word| any(&self.not_argv_any, word))
            && self.argv_n.iter().all(|(index, re)| argv.get(*index).is_some_and(|word| re.is_match(word)));
        holds.then_some(first)
    }

    /// The index behind the sequence, at the beginning of argv or behind an interpreter and its options.
    fn sequence_end(&self, argv: &[String]) -> Option<usize> {
        let fits = |start: usize| {
            let words = argv.get(start..start + self.argv_seq.len())?;
            let all = self.argv_seq.iter().zip(words).all(|(re, word)| re.is_match(word));
            all.then_some(start + self.argv_seq.len())
        };
        if let Some(end) = fits(0) {
            return Some(end);
        }
        if !any(&self.interpreters, program_name(argv)) {
            return None;
        }
        // Behind the interpreter's own options only: `python3 backup.py chia plots create` is another program.
        let script = 1 + argv.iter().skip(1).take_while(|word| word.starts_with('-')).count();
        fits(script)
    }
}

/// The program name without directories; empty if there is none.
pub(super) fn program_name(argv: &[String]) -> &str {
    let program = argv.first().map_or("", String::as_str);
    program.rsplit('/').next().unwrap_or(program)
}

fn any(regexes: &[Regex], text: &str) -> bool {
    regexes.iter().any(|re| re.is_match(text))
}
