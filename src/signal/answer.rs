//! What a question comes to: a value with its age, or the reason why there is none.

use std::time::Duration;

use crate::plotter::JobId;

/// The answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What was asked of whom, such as `io.some of the jobs`; says so where something else had to stand in.
    pub source: String,
    /// A share, 0 to 1, or whatever a PromQL expression gives; or why there is none.
    pub value: Result<f64, String>,
    /// Of the newest sample; `None` if there never was one.
    pub age: Option<Duration>,
}

/// The highest answer of all jobs; missing if that of any job is, since the missing one may be the highest.
pub(super) fn worst(jobs: &[&JobId], phrase: &str, of: impl Fn(&JobId) -> Answer) -> Answer {
    let mut worst: Option<Answer> = None;
    for id in jobs {
        let answer = of(id);
        let Ok(value) = answer.value else { return answer };
        if worst.as_ref().is_none_or(|worst| worst.value.as_ref().is_ok_and(|highest| value > *highest)) {
            worst = Some(answer);
        }
    }
    worst.unwrap_or_else(|| Answer { source: phrase.to_owned(), value: Err("no job runs".to_owned()), age: None })
}

/// Why an answer of this age is none.
pub(super) fn too_old(age: Duration, most: Duration, why: &str) -> String {
    let age = humantime::format_duration(Duration::from_secs(age.as_secs()));
    format!("{age} old, more than {}: {why}", humantime::format_duration(most))
}
