//! How far away the machines are that the operator names.

use serde::Serialize;

use super::Network;
use crate::kernel::peer::{self, Peer};

/// What one attempt to connect to a peer said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeerDistance {
    /// `HOST:PORT`.
    pub peer: String,
    pub reachable: bool,
    /// Time that TCP took to connect.
    #[serde(rename = "latency_seconds")]
    pub latency: Option<f64>,
    /// Why it cannot be reached.
    pub problem: Option<String>,
}

impl Network {
    /// Asks the peers, all at once; takes as long as [`peer::PATIENCE`] if one of them does not answer.
    pub fn ask_peers(&mut self, peers: &[Peer]) {
        let told = |(peer, answer): (Peer, Result<_, peer::Unreachable>)| PeerDistance {
            peer: peer.to_string(),
            reachable: answer.is_ok(),
            problem: answer.as_ref().err().map(ToString::to_string),
            latency: answer.ok().map(|time: std::time::Duration| time.as_secs_f64()),
        };
        self.peers = peer::connect_times(peers).into_iter().map(told).collect();
    }
}
