//! Keeps the policies in force and what each of them remembers; takes over what was read of their files when it is good.

mod files;
mod keeper;
mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use super::RunError;
use super::orders::{Bell, OrderSender, Orders};
use crate::decide::{self, Decision};
use crate::mode::Mode;
use crate::policy::{Commit, OnExit, Outcome, Policy, PolicyError, Reloader};
use crate::signal::Signals;
use crate::world::World;

use files::{Files, News};
use kept::Kept;

pub use files::{Ask, Reply, Wanted as WantedPolicies};

/// A network file system that does not answer within this time is taken for one that is broken.
const FIRST_READ: Duration = Duration::from_secs(10);

/// What is published of a policy as text; made when it comes into force, and shared by all ticks.
pub struct Words {
    pub name: Arc<str>,
    pub hash: Arc<str>,
}

/// The policies of this node.
pub struct Policies {
    reloader: Reloader,
    /// Of each policy in force.
    words: Vec<Words>,
    states: BTreeMap<String, decide::State>,
    news: mpsc::Receiver<News>,
    asks: OrderSender<Ask>,
    pub loaded_at: SystemTime,
    /// Why the last reload was refused, if it was.
    pub refused: Option<String>,
    /// That the policies in force were read from.
    pub commits: Vec<Commit>,
}

impl Policies {
    /// Loads the policies, and follows their files from then on; rings `bell` when they are to be looked at. What is wrong with
    /// them is no reason not to start where an earlier run has kept the last good ones.
    ///
    /// # Errors
    /// All that is wrong with any of them, if nothing is kept to fall back on.
    pub fn load(
        wanted: &WantedPolicies,
        (asks, asked): (OrderSender<Ask>, Orders<Ask>),
        bell: Bell,
    ) -> Result<Self, RunError> {
        let kept = Kept::read(&wanted.run, &wanted.paths).unwrap_or_else(|error| {
            tracing::warn!(%error, "what was kept of the policies cannot be used");
            None
        });
        let news = Files::follow(wanted.clone(), kept.clone(), asked, bell)?;
        let (good, errors) = match news.recv_timeout(FIRST_READ) {
            Ok(News::Read { read: Ok(good), .. }) => (good, Vec::new()),
            Ok(News::Read { read: Err(errors), .. }) => (fall_back(wanted, kept, &errors)?, errors),
            Ok(News::Commits(_)) | Err(_) => {
                let errors = vec![unanswered(wanted)];
                (fall_back(wanted, kept, &errors)?, errors)
            }
        };
        for warning in &good.set.warnings {
            tracing::warn!("{warning}");
        }
        Ok(Self {
            words: words(&good.set.policies),
            reloader: Reloader::new(good.set),
            states: BTreeMap::new(),
            news,
            asks,
            loaded_at: good.read_at,
            refused: errors.first().map(ToString::to_string),
            commits: good.commits,
        })
    }

    /// From now on, when the run directory is ours, the last good policies are kept there.
    pub fn keep(&self) {
        self.asks.give(Ask::Keep);
    }

    pub fn in_force(&self) -> &[Policy] {
        &self.reloader.in_force().policies
    }

    /// The policies in force, with what is published of each.
    pub fn with_words(&self) -> impl Iterator<Item = (&Policy, &Words)> {
        self.in_force().iter().zip(&self.words)
    }

    /// Puts in force what was read since the last call.
    pub fn follow_files(&mut self) {
        while let Ok(news) = self.news.try_recv() {
            match news {
                News::Commits(commits) => self.commits = commits,
                News::Read { read, replies } => {
                    let answer = self.take(read);
                    for reply in replies {
                        // Who does not wait for it any more needs no answer.
                        let _ = reply.send(answer.clone());
                    }
                }
            }
        }
    }

    /// Has the files read again on the operator's demand.
    pub fn reload(&self) {
        self.asks.give(Ask::Read(None));
    }

    /// Names of the policies whose settings outlive a clean exit.
    pub fn kept_on_exit(&self) -> BTreeSet<String> {
        let keeps = |policy: &&Policy| policy.control.on_exit == OnExit::Keep;
        self.in_force().iter().filter(keeps).map(|policy| policy.name.clone()).collect()
    }

    /// One decision of each policy that is not off. What one remembered that is off or gone is forgotten; its claims lapse with it.
    pub fn decide(&mut self, world: &World, signals: &Signals) -> Vec<Decision> {
        let policies = &self.reloader.in_force().policies;
        let awake = || policies.iter().filter(|policy| policy.control.mode != Mode::Off);
        self.states.retain(|name, _| awake().any(|policy| policy.name == *name));
        awake()
            .map(|policy| {
                let state = self.states.entry(policy.name.clone()).or_default();
                decide::decide(policy, state, world, signals, world.now)
            })
            .collect()
    }

    fn take(&mut self, read: Result<files::Good, Vec<PolicyError>>) -> Result<(), String> {
        let read = read.map(|good| {
            let known = &self.reloader.in_force().warnings;
            for warning in good.set.warnings.iter().filter(|warning| !known.contains(warning)) {
                tracing::warn!("{warning}");
            }
            (self.loaded_at, self.refused, self.commits) = (good.read_at, None, good.commits);
            good.set
        });
        match self.reloader.offer(read) {
            Outcome::Replaced { added, removed, changed } => {
                self.words = words(self.in_force());
                tracing::info!(?added, ?removed, ?changed, commit = self.commit(), "policies reloaded");
            }
            Outcome::Same => tracing::info!("policies read again: nothing has changed"),
            Outcome::Refused(errors) => {
                say(&errors);
                tracing::error!(problems = errors.len(), "policies not reloaded: the last good ones stay in force");
                self.refused = errors.first().map(ToString::to_string);
                return Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
            }
        }
        Ok(())
    }

    fn commit(&self) -> Option<&str> {
        self.commits.first().map(|commit| commit.id.as_str())
    }
}

fn words(policies: &[Policy]) -> Vec<Words> {
    let words =
        |policy: &Policy| Words { name: policy.name.as_str().into(), hash: format!("{:016x}", policy.hash).into() };
    policies.iter().map(words).collect()
}

fn say(errors: &[PolicyError]) {
    for error in errors {
        tracing::error!("{error}");
    }
}

/// What an earlier run kept, where the files are wrong at the start.
fn fall_back(wanted: &WantedPolicies, kept: Option<Kept>, errors: &[PolicyError]) -> Result<files::Good, RunError> {
    let refused = || RunError::Policies(errors.to_vec());
    let kept = kept.ok_or_else(refused)?;
    let set = wanted.load(&kept.sources()).map_err(|unloadable| {
        say(&unloadable);
        refused()
    })?;
    say(errors);
    let of = humantime::format_rfc3339_seconds(kept.read_at()).to_string();
    tracing::error!(
        problems = errors.len(),
        of,
        "policies not loaded: the last good ones, kept in the run directory, are in force"
    );
    Ok(files::Good { set, read_at: kept.read_at(), commits: kept.commits })
}

fn unanswered(wanted: &WantedPolicies) -> PolicyError {
    let path = wanted.paths.first().cloned().unwrap_or_default();
    let problem = format!("does not answer within {}", humantime::format_duration(FIRST_READ));
    PolicyError::unreadable(&path, problem, "is it on a network file system that cannot be reached?")
}
