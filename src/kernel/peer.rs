//! How far away another machine is: the time that TCP takes to connect to it. Asking may take long, and the system's
//! resolver of names may hang: whoever asks does it on a thread of its own.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longest time for connecting, over all addresses of a name.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// After this the resolver is believed to hang, and nobody waits any longer.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// A name with more addresses is tried with the first ones only.
const MOST_ADDRESSES: usize = 4;

/// A peer named by the operator: a host and a TCP port where something listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    /// As it was written: `farmer:8447`, `192.0.2.7:22`, `[2001:db8::7]:22`.
    name: Arc<str>,
    port: u16,
}

/// Why a text names no peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host and port; write `farmer:8447` or `[2001:db8::7]:8447`")]
pub struct NotAPeer(String);

/// Why a peer could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    #[error("cannot resolve {peer}: {source}")]
    Unresolved { peer: Peer, source: io::Error },
    #[error("cannot connect to {peer}: {source}")]
    Refused { peer: Peer, source: io::Error },
    #[error("no answer about {peer} within {} s; its name may hang in the resolver", PATIENCE.as_secs())]
    Hangs { peer: Peer },
}

impl Peer {
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The host as the resolver wants it, without brackets.
    fn host(&self) -> &str {
        let host = self.name.rsplit_once(':').map_or(&*self.name, |(host, _)| host);
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// Connects once and hangs up: the time from the first packet to the answer, without that of resolving the name. Of
    /// several addresses the first that answers counts.
    pub fn connect_time(&self) -> Result<Duration, Unreachable> {
        let unresolved = |source| Unreachable::Unresolved { peer: self.clone(), source };
        let addresses: Vec<SocketAddr> =
            (self.host(), self.port).to_socket_addrs().map_err(unresolved)?.take(MOST_ADDRESSES).collect();
        let mut rest = CONNECT_LIMIT;
        let mut last = unresolved(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        for (number, address) in addresses.iter().enumerate() {
            let remaining = u32::try_from(addresses.len() - number).unwrap_or(1);
            let start = Instant::now();
            match TcpStream::connect_timeout(address, rest / remaining) {
                Ok(_) => return Ok(start.elapsed()),
                Err(source) => last = Unreachable::Refused { peer: self.clone(), source },
            }
            rest = rest.saturating_sub(start.elapsed()).max(Duration::from_millis(1));
        }
        Err(last)
    }
}

/// Asks all peers at once, and waits for none of them longer than [`PATIENCE`].
pub fn connect_times(peers: &[Peer]) -> Vec<(Peer, Result<Duration, Unreachable>)> {
    let ask = |peer: &Peer| {
        let (sender, answer) = channel();
        let asked = peer.clone();
        // Nobody listens any more if it took too long; without a thread there is no answer either.
        let _ = thread::Builder::new().name("peer".to_owned()).spawn(move || sender.send(asked.connect_time()));
        answer
    };
    let answers: Vec<_> = peers.iter().map(ask).collect();
    let start = Instant::now();
    let waited_for = |(peer, answer): (&Peer, Receiver<_>)| {
        let rest = PATIENCE.saturating_sub(start.elapsed());
        (peer.clone(), answer.recv_timeout(rest).unwrap_or_else(|_| Err(Unreachable::Hangs { peer: peer.clone() })))
    };
    peers.iter().zip(answers).map(waited_for).collect()
}

impl FromStr for Peer {
    type Err = NotAPeer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotAPeer(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?;
        let is_bracketed = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
        let is_plain =
            !host.is_empty() && !host.contains(['[', ']', ':', '/', '@']) && !host.contains(char::is_whitespace);
        if is_bracketed || is_plain { Ok(Self { name: text.into(), port }) } else { Err(bad()) }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_peer_is_a_host_and_a_port() {
        let host = |text: &str| text.parse::<Peer>().map(|peer| (peer.host().to_owned(), peer.port));
        assert_eq!(host("farmer:8447"), Ok(("farmer".to_owned(), 8447)));
        assert_eq!(host("[2001:db8::7]:22"), Ok(("2001:db8::7".to_owned(), 22)));
        for bad in
            ["", "farmer", "farmer:", ":8447", "farmer:0", "farmer:65536", "2001:db8::7:22", "http://f:80", "[]:1"]
        {
            assert!(bad.parse::<Peer>().is_err(), "{bad}");
        }
    }

    #[test]
    fn who_listens_is_reached_and_who_does_not_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer: Peer = address.to_string().parse().unwrap();
        let time = peer.connect_time().unwrap();
        assert!(time > Duration::ZERO && time < CONNECT_LIMIT);
        drop(listener);
        let [(_, answer)] = &connect_times(&[peer])[..] else { panic!("one answer for one peer") };
        let said = answer.as_ref().unwrap_err().to_string();
        assert!(said.contains(&format!("cannot connect to {address}")) && said.contains("refused"), "{said}");
    }
}
