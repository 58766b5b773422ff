//! Evaluates the alerting rules beside the loop: two dozen queries over the history take longer than a tick should.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use crate::alert::{ActiveAlert, Alerts, Rules};
use crate::history::History;
use crate::kernel::clock;
use crate::promql::{Engine, Labels, StopReason, Value, VectorSample};
use crate::signal::Live;

/// Between two evaluations. The rules look at minutes.
const EVERY: Duration = Duration::from_secs(30);
/// A rule that takes longer is given up for this time.
const LONGEST: Duration = Duration::from_secs(1);

/// The alerts as of the last evaluation. The thread ends when this is dropped.
pub struct AlertWatch {
    active: Arc<Mutex<Arc<[ActiveAlert]>>>,
    _alive: SyncSender<()>,
}

impl AlertWatch {
    /// # Errors
    /// There is no room for another thread.
    pub fn start(rules: Rules, history: Arc<RwLock<History>>) -> std::io::Result<Self> {
        let active = Arc::new(Mutex::new(Arc::default()));
        let (alive, end) = sync_channel(0);
        let evaluator = Evaluator { rules, history, alerts: Alerts::default(), failing: Vec::new() };
        let told = Arc::clone(&active);
        thread::Builder::new().name("alerts".to_owned()).spawn(move || evaluator.follow(&end, &told))?;
        Ok(Self { active, _alive: alive })
    }

    pub fn active(&self) -> Arc<[ActiveAlert]> {
        Arc::clone(&self.active.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A number alone is an alert without labels, as with a server.
fn vector(value: Value) -> Vec<VectorSample> {
    match value {
        Value::Vector(samples) => samples,
        Value::Scalar(point) => vec![VectorSample { labels: Labels::default(), point }],
        Value::Text(_) | Value::Matrix(_) => Vec::new(),
    }
}

struct Evaluator {
    rules: Rules,
    history: Arc<RwLock<History>>,
    alerts: Alerts,
    /// Rules whose failure has been said.
    failing: Vec<usize>,
}

impl Evaluator {
    fn follow(mut self, end: &Receiver<()>, told: &Mutex<Arc<[ActiveAlert]>>) {
        while end.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            self.evaluate();
            *told.lock().unwrap_or_else(PoisonError::into_inner) = self.alerts.active(&self.rules).into();
        }
    }

    fn evaluate(&mut self) {
        let Self { rules, history, alerts, failing } = self;
        for (place, rule) in rules.iter().enumerate() {
            let began = clock::now();
            let too_long = || (clock::now().since(began.boot) > LONGEST).then_some(StopReason::TimeLimit);
            let at = began.stamp();
            match Engine::default().instant(&rule.query, at, &Live(history), &too_long) {
                Ok(answer) => alerts.follow(place, rule, &vector(answer.value), at),
                Err(error) if failing.contains(&place) => tracing::debug!(rule = rule.name, %error, "not evaluated"),
                Err(error) => {
                    tracing::warn!(rule = rule.name, %error, "an alerting rule cannot be evaluated; its alerts stay as they are");
                    failing.push(place);
                }
            }
        }
    }
}
