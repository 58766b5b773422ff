//! Clients of the metrics may be broken or hostile; those beside them are served all the same.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::daemon::{Daemon, Options, get};

#[test]
fn a_hundred_clients_that_send_half_a_request_and_stay_keep_nobody_from_scraping() {
    let mut daemon = Daemon::start(&Options { max_mode: Some("off"), ..Options::default() });
    let ticks = daemon.ticks();
    let half_a_request = |_| {
        let mut stream = TcpStream::connect(daemon.address()).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: pl").unwrap();
        stream
    };
    let stalled: Vec<TcpStream> = (0..100).map(half_a_request).collect();
    for path in ["/metrics", "/-/healthy", "/-/ready", "/", "/metrics"] {
        let asked = Instant::now();
        let answer = get(daemon.address(), path);
        // It takes 1 s; a client with half a request alone is waited for 5 s.
        assert!(asked.elapsed() < Duration::from_secs(4), "{path} was answered after {:?}", asked.elapsed());
        assert!(answer.is_some_and(|(status, body)| status == 200 && !body.is_empty()), "{path} was not answered");
    }
    daemon.wait_for("the loop turns beside it", Duration::from_secs(10), |_| {
        (daemon.ticks() >= ticks + 3.0).then_some(())
    });
    assert!(daemon.stop().success(), "an end is not held up either");
    drop(stalled);
}
