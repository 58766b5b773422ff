//! Carries PromQL questions from the policies to those who answer, and the answers back, once a tick and without waiting.

use std::sync::{Arc, RwLock};

use super::service::RunError;
use crate::history::{History, Target};
use crate::kernel::clock;
use crate::policy::Policy;
use crate::signal::{Access, Asker, Clock, Dialect, Embedded, Names, Oracle, Server, Signals, Tally, inquiries};
use crate::world::World;

/// The threads that ask, and who we are in their questions.
pub struct Questions {
    asker: Asker,
    /// The labels of this machine's series.
    target: Target,
}

impl Questions {
    /// # Errors
    /// The server's address or files cannot be used, or a thread cannot be started.
    pub fn start(
        history: Arc<RwLock<History>>,
        dialect: &Dialect,
        target: Target,
        server: Option<&Access>,
    ) -> Result<Self, RunError> {
        let now: Clock = Arc::new(clock::now);
        let mut oracles: Vec<Box<dyn Oracle>> =
            vec![Box::new(Embedded::new(history, Arc::clone(&now)).speaking(dialect.clone()))];
        if let Some(access) = server {
            for warning in access.warnings() {
                tracing::warn!("{warning}");
            }
            oracles.push(Box::new(Server::new(access, Arc::clone(&now))?.teaching(dialect.clone())));
        }
        Ok(Self { asker: Asker::start(oracles, &now)?, target })
    }

    /// Says what the policies want to know now, and hands over what has been answered so far.
    pub fn exchange(&self, policies: &[Policy], world: &World, signals: &mut Signals) {
        let names = Names::of(&self.target, world);
        self.asker.want(&inquiries(policies, world, &names));
        signals.hear(names, self.asker.heard());
    }

    pub fn tally(&self) -> Tally {
        self.asker.tally()
    }
}
