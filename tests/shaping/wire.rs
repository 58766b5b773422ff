//! Two machines and a cable: a network of our own, one beyond it, and between them `near0` and `far0`, with addresses of both
//! versions. What the far one receives is counted there.

use std::io::Read;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, setsockopt, socket, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::support::namespace::ip;

pub const NEAR: &str = "192.0.2.1";
pub const FAR: &str = "192.0.2.2";
pub const NEAR6: &str = "2001:db8::1";
pub const FAR6: &str = "2001:db8::2";
/// Connections have filled their queues by then.
const SETTLE: Duration = Duration::from_millis(700);
const MEASURE: Duration = Duration::from_millis(1500);

type Work = Box<dyn FnOnce() + Send>;

/// The machine at the other end; gone when this is dropped.
pub struct Far {
    work: Sender<Work>,
}

impl Far {
    /// Makes the cable as well. To be called in a network of one's own.
    pub fn plug_in() -> Self {
        let (work, orders) = channel::<Work>();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            tell.send(nix::unistd::gettid()).unwrap();
            for work in orders {
                work();
            }
        });
        let far = Self { work };
        ip("link add near0 type veth peer name far0");
        ip(&format!("link set far0 netns {}", told.recv().unwrap()));
        ip(&format!("addr add {NEAR}/24 dev near0"));
        ip(&format!("-6 addr add {NEAR6}/64 dev near0 nodad"));
        ip("link set near0 up");
        far.run(|| {
            ip("link set lo up");
            ip(&format!("addr add {FAR}/24 dev far0"));
            ip(&format!("-6 addr add {FAR6}/64 dev far0 nodad"));
            ip("link set far0 up");
        });
        let start = Instant::now();
        while !ip("link show near0").contains("state UP") {
            assert!(start.elapsed() < Duration::from_secs(30), "no carrier");
        }
        far
    }

    /// Does something there, and waits for it.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = channel();
        self.work.send(Box::new(move || tell.send(work()).unwrap())).unwrap();
        told.recv().unwrap()
    }

    /// Listens there on a port, and measures what each connection brings.
    pub fn counting(&self, port: u16) -> Counting {
        self.run(move || counting_here(port))
    }

    /// The first bytes of IP headers of packets to that port, as they come in.
    pub fn headers(&self, port: u16) -> Receiver<[u8; 2]> {
        let (tell, told) = channel();
        self.run(move || {
            let packets =
                socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), SockProtocol::EthAll).unwrap();
            setsockopt(&packets, sockopt::ReceiveTimeout, &TimeVal::seconds(30)).unwrap();
            std::thread::spawn(move || {
                let mut packet = [0; 2000];
                while let Ok(length) = recv(std::os::fd::AsRawFd::as_raw_fd(&packets), &mut packet, MsgFlags::empty()) {
                    let header = &packet[14..length];
                    let ports = if header[0] >> 4 == 4 { 20 } else { 40 };
                    let is_to = header.get(ports + 2..ports + 4) == Some(&port.to_be_bytes()[..]);
                    if is_to && tell.send([header[0], header[1]]).is_err() {
                        return;
                    }
                }
            });
        });
        told
    }
}

/// What connections to a port bring.
pub struct Counting {
    told: Receiver<f64>,
}

impl Counting {
    /// Bits per second of the next connection that was measured.
    pub fn rate(&self) -> f64 {
        self.told.recv_timeout(Duration::from_mins(1)).unwrap()
    }
}

/// Listens on a port of the network that we are in.
pub fn counting_here(port: u16) -> Counting {
    let (tell, told) = channel();
    let listener = TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).unwrap();
    std::thread::spawn(move || measure(&listener, &tell));
    Counting { told }
}

fn measure(listener: &TcpListener, tell: &Sender<f64>) {
    for connection in listener.incoming() {
        let mut connection = connection.unwrap();
        let tell = tell.clone();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            let mut read_for = |time: Duration| {
                let (start, mut bytes) = (Instant::now(), 0);
                while start.elapsed() < time {
                    match connection.read(&mut buffer) {
                        Ok(0) | Err(_) => break,
                        Ok(length) => bytes += length,
                    }
                }
                (bytes, start.elapsed())
            };
            read_for(SETTLE);
            let (bytes, took) = read_for(MEASURE);
            #[allow(clippy::cast_precision_loss, reason = "a rate")]
            let _ = tell.send(bytes as f64 * 8.0 / took.as_secs_f64());
        });
    }
}
