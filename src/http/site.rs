//! What all connections share: the last snapshot, the history, the clock, and the text that was made of the snapshot already.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use crate::clock::Moment;
use crate::history::SharedHistory;
use crate::metrics::Snapshot;
use crate::signal::Dialect;
use crate::units::Bytes;

use super::api::Turns;
use super::exposition::Exposition;

/// Reads the clocks, at the edge; tests bring their own.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// Asks for a reload of the policies; the answer comes when it is done: what is wrong with them, if it failed.
pub type Reload = Arc<dyn Fn(oneshot::Sender<Result<(), String>>) + Send + Sync>;

/// The published site.
pub struct Site {
    snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    pub(super) clock: Clock,
    /// Where metrics are served, with its leading slash.
    pub(super) telemetry_path: String,
    pub(super) exposition: Exposition,
    pub(super) history: SharedHistory,
    /// In which questions to it are understood.
    pub(super) dialect: Dialect,
    pub(super) turns: Turns,
    /// `None` where nothing can be asked for.
    pub(super) reload: Option<Reload>,
}

impl Site {
    /// `snapshots` holds `None` until the first tick. A `telemetry_path` without a leading slash gets one.
    pub fn new(
        snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
        history: SharedHistory,
        clock: Clock,
        telemetry_path: &str,
    ) -> Self {
        let telemetry_path = format!("/{}", telemetry_path.trim_start_matches('/'));
        let (exposition, turns) = (Exposition::default(), Turns::default());
        Self { snapshots, clock, telemetry_path, exposition, history, dialect: Dialect::default(), turns, reload: None }
    }

    /// Metrics that are shorter are sent as they are, whatever the client can read.
    #[must_use]
    pub fn compressing_from(self, least: Bytes) -> Self {
        Self { exposition: Exposition::compressing_from(least), ..self }
    }

    #[must_use]
    pub fn speaking(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// Lets whoever reaches the site have the policies reloaded.
    #[must_use]
    pub fn reloading_by(self, reload: Reload) -> Self {
        Self { reload: Some(reload), ..self }
    }

    pub(super) fn latest(&self) -> Option<Arc<Snapshot>> {
        self.snapshots.borrow().clone()
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("telemetry_path", &self.telemetry_path).finish_non_exhaustive()
    }
}
