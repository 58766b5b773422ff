//! How far away the peers are that the operator names. Each is asked on a thread of its own: one that does not answer, or
//! whose name does not resolve, delays nobody.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::kernel::peer::{PATIENCE, Peer};
use crate::sample::background::{Background, Crew};

/// Between two questions to a peer.
const PERIOD: Duration = Duration::from_secs(30);

/// What a peer said when it was asked last.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerSample {
    /// `HOST:PORT`.
    pub peer: Arc<str>,
    /// Time that TCP took to connect; `None` of a peer that could not be reached.
    pub latency: Option<Duration>,
}

#[derive(Debug, Default)]
pub(super) struct Peers {
    asked: Vec<(Peer, Background<Option<Duration>>)>,
}

impl Peers {
    pub(super) fn new(mut peers: Vec<Peer>) -> Self {
        peers.sort();
        peers.dedup();
        let crew = Crew::default();
        Self { asked: peers.into_iter().map(|peer| (peer, Background::new(PERIOD, &crew))).collect() }
    }

    /// Takes the answers there are, and asks again whom it is time to ask; never waits.
    pub(super) fn sample(&mut self, now: Moment) -> Vec<PeerSample> {
        self.asked.iter_mut().filter_map(|(peer, question)| answer(peer, question, now)).collect()
    }
}

fn answer(peer: &Peer, question: &mut Background<Option<Duration>>, now: Moment) -> Option<PeerSample> {
    question.poll(now, || {
        let peer = peer.clone();
        move || match peer.connect_time() {
            Ok(time) => Some(time),
            Err(error) => {
                tracing::debug!(%error, "a peer is not reachable");
                None
            }
        }
    });
    let said = |latency| Some(PeerSample { peer: Arc::clone(peer.name()), latency });
    if question.running_for(now).is_some_and(|time| time > PATIENCE) {
        // Whatever it said before, now it does not answer.
        return said(None);
    }
    said(question.answer()?.value)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::kernel::fixture::at;

    /// Polls until all peers have answered.
    fn sample(peers: &mut Peers, second: u64) -> Vec<PeerSample> {
        for _ in 0..5000 {
            let samples = peers.sample(at(Duration::from_secs(second)));
            let is_done =
                peers.asked.iter().all(|(_, question)| question.running_for(at(Duration::from_secs(second))).is_none());
            if is_done && samples.len() == peers.asked.len() {
                return samples;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("no answer");
    }

    #[test]
    fn a_peer_is_up_while_something_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut peers = Peers::new(vec![address.parse().unwrap(), address.parse().unwrap()]);
        let [PeerSample { peer, latency: Some(_) }] = &sample(&mut peers, 1)[..] else { panic!("one peer that is up") };
        assert_eq!(**peer, *address);
        drop(listener);
        assert!(peers.sample(at(Duration::from_secs(20)))[0].latency.is_some(), "asked again too early");
        peers.sample(at(Duration::from_secs(31)));
        assert_eq!(sample(&mut peers, 32)[0].latency, None);
    }

    #[test]
    fn what_has_not_answered_yet_is_neither_up_nor_down() {
        let mut peers = Peers::new(vec!["192.0.2.1:1".parse().unwrap()]);
        let (_hold, never) = std::sync::mpsc::channel::<()>();
        peers.asked[0].1.poll(at(Duration::from_secs(1)), || {
            move || {
                let _ = never.recv();
                None
            }
        });
        assert_eq!(peers.sample(at(Duration::from_secs(5))), []);
        assert_eq!(peers.sample(at(Duration::from_secs(10)))[0].latency, None, "hangs, so it is down");
    }
}
