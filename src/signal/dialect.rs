//! Which generation of PromQL the embedded history speaks: the one that was set, or that of the server which policies ask, so
//! that both answerers count a window alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::promql::{Engine, Semantics};

/// Shared by all who ask the history.
#[derive(Debug, Clone, Default)]
pub struct Dialect {
    is_newer: Arc<AtomicBool>,
    is_set: bool,
}

impl Dialect {
    /// `None` follows the server; without one, and until it has said what it is, that is 2.x.
    pub fn new(setting: Option<Semantics>) -> Self {
        let is_newer = setting == Some(Semantics::V3);
        Self { is_newer: Arc::new(AtomicBool::new(is_newer)), is_set: setting.is_some() }
    }

    pub fn semantics(&self) -> Semantics {
        if self.is_newer.load(Ordering::Relaxed) { Semantics::V3 } else { Semantics::V2 }
    }

    pub fn engine(&self) -> Engine {
        Engine { semantics: self.semantics(), ..Engine::default() }
    }

    /// What the server's build information says.
    pub(super) fn learn(&self, of_server: Semantics) {
        if !self.is_set {
            self.is_newer.store(of_server == Semantics::V3, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_stands_and_without_one_the_server_decides() {
        let follows = Dialect::new(None);
        let shared = follows.clone();
        assert_eq!(follows.semantics(), Semantics::V2);
        shared.learn(Semantics::V3);
        assert_eq!(follows.engine().semantics, Semantics::V3);
        for set in [Semantics::V2, Semantics::V3] {
            let dialect = Dialect::new(Some(set));
            dialect.learn(Semantics::V2);
            dialect.learn(Semantics::V3);
            assert_eq!(dialect.semantics(), set);
        }
    }
}
