//! How much of a part of the inventory a real source gave. Every fact passes through here on its way, so that confidence is
//! counted and not claimed.

use std::time::SystemTime;

use serde::{Serialize, Serializer};

use crate::kernel::KernelError;
use crate::units::{Ratio, float};

/// A part of the inventory, such as the CPU, with what is to be thought of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part<T> {
    #[serde(serialize_with = "as_rfc3339")]
    pub discovered_at: SystemTime,
    /// Share of the facts that a real source gave; `None` if this machine has nothing that could be known.
    #[serde(rename = "confidence_ratio")]
    pub confidence: Option<Ratio>,
    pub status: Status,
    /// What could not be read, and which facts contradict each other: what, where and why.
    pub problems: Vec<String>,
    #[serde(flatten)]
    pub facts: T,
}

/// What the facts of a part are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All facts are known, and agree.
    Valid,
    /// Some facts are not known.
    Partial,
    /// Facts contradict each other or cannot be true.
    Doubtful,
    /// Nothing is known of it.
    Failed,
    /// The machine has nothing of the kind.
    Absent,
}

/// Counts the facts of one part while they are read.
#[derive(Debug, Default)]
pub struct Survey {
    asked: u32,
    answered: u32,
    is_doubtful: bool,
    problems: Vec<String>,
}

impl Survey {
    /// A fact that every machine has. If it cannot be read it is unknown, and that is a problem.
    pub fn fact<T>(&mut self, read: Result<T, KernelError>) -> Option<T> {
        self.asked += 1;
        match read {
            Ok(value) => {
                self.answered += 1;
                Some(value)
            }
            Err(error) => {
                self.problems.push(error.to_string());
                None
            }
        }
    }

    /// A fact that only some machines have: where its file is not there, nothing is missing. Forbidden or malformed, it is a
    /// fact that is not known.
    pub fn fact_if_there<T>(&mut self, read: Result<T, KernelError>) -> Option<T> {
        match read {
            Err(error) if error.is_gone() => None,
            read => self.fact(read),
        }
    }

    /// A fact that is known from something read already, or is not to be found in it, which is no error.
    pub fn known<T>(&mut self, fact: Option<T>) -> Option<T> {
        self.asked += 1;
        self.answered += u32::from(fact.is_some());
        fact
    }

    /// Something went wrong that belongs to no single fact.
    pub fn problem(&mut self, what: impl Into<String>) {
        self.problems.push(what.into());
    }

    /// Facts contradict each other, or one cannot be true.
    pub fn doubt(&mut self, why: impl Into<String>) {
        self.is_doubtful = true;
        self.problems.push(why.into());
    }

    /// Ends the survey of a part.
    pub fn close<T>(self, discovered_at: SystemTime, facts: T) -> Part<T> {
        let (confidence, status) = (self.confidence(), self.status());
        Part { discovered_at, confidence, status, problems: self.problems, facts }
    }

    fn confidence(&self) -> Option<Ratio> {
        (self.asked > 0).then(|| Ratio(float(u64::from(self.answered)) / float(u64::from(self.asked))))
    }

    fn status(&self) -> Status {
        match self {
            Self { is_doubtful: true, .. } => Status::Doubtful,
            Self { asked: 0, problems, .. } if problems.is_empty() => Status::Absent,
            Self { answered: 0, .. } => Status::Failed,
            Self { asked, answered, .. } if answered < asked => Status::Partial,
            _ => Status::Valid,
        }
    }
}

impl Status {
    pub const ALL: [Self; 5] = [Self::Valid, Self::Partial, Self::Doubtful, Self::Failed, Self::Absent];

    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Partial => "partial",
            Self::Doubtful => "doubtful",
            Self::Failed => "failed",
            Self::Absent => "absent",
        }
    }
}

/// For lists that no machine can have empty: then they are not known.
pub(super) fn unless_empty<T: Serialize, S: Serializer>(list: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    if list.is_empty() { serializer.serialize_none() } else { list.serialize(serializer) }
}

fn as_rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_seconds(*at))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::UNIX_EPOCH;

    use super::*;

    fn failed(errno: i32) -> Result<u32, KernelError> {
        Err(KernelError::io("read", "/sys/x", io::Error::from_raw_os_error(errno)))
    }

    #[test]
    fn confidence_is_the_share_of_facts_that_were_found() {
        let mut survey = Survey::default();
        assert_eq!(survey.fact(Ok(1)), Some(1));
        assert_eq!(survey.fact(failed(libc::EIO)), None);
        assert_eq!(survey.fact_if_there(failed(libc::ENOENT)), None);
        assert_eq!(survey.known(Some(2)), Some(2));
        assert_eq!(survey.known::<u32>(None), None);
        let part = survey.close(UNIX_EPOCH, ());
        assert_eq!((part.confidence, part.status), (Some(Ratio(0.5)), Status::Partial));
        assert_eq!(part.problems.len(), 1, "{:?}", part.problems);
    }

    #[test]
    fn nothing_there_is_not_the_same_as_nothing_known() {
        assert_eq!(Survey::default().close(UNIX_EPOCH, ()).status, Status::Absent);
        let mut forbidden = Survey::default();
        forbidden.fact_if_there(failed(libc::EACCES));
        let part = forbidden.close(UNIX_EPOCH, ());
        assert_eq!((part.status, part.confidence), (Status::Failed, Some(Ratio(0.0))));
    }

    #[test]
    fn a_contradiction_is_worth_more_than_completeness() {
        let mut survey = Survey::default();
        survey.fact(Ok(1));
        survey.doubt("two sockets, but three packages");
        assert_eq!(survey.close(UNIX_EPOCH, ()).status, Status::Doubtful);
    }
}
