//! Scrapes as Prometheus does: one connection that is kept, `OpenMetrics` preferred, gzip.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
                      text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/// A connection to one exporter, made when it is first needed.
pub struct Scraper {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Scraper {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    /// One scrape; the length of the answer.
    pub fn scrape(&mut self) -> usize {
        self.get(ACCEPT, "gzip").len()
    }

    /// How many series there are.
    pub fn series(&mut self) -> usize {
        let text = String::from_utf8(self.get("text/plain", "identity")).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).count()
    }

    fn get(&mut self, accept: &str, encoding: &str) -> Vec<u8> {
        let mut connection = self.connection.take().unwrap_or_else(|| connect(self.address));
        let (body, stays) = ask(&mut connection, self.address, accept, encoding);
        self.connection = stays.then_some(connection);
        body
    }
}

fn connect(address: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    BufReader::new(stream)
}

/// The body, and whether the connection can be used again.
fn ask(connection: &mut BufReader<TcpStream>, address: SocketAddr, accept: &str, encoding: &str) -> (Vec<u8>, bool) {
    let request =
        format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nAccept-Encoding: {encoding}\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes()).unwrap();
    let (mut length, mut chunked, mut stays, mut status) = (0, false, true, String::new());
    loop {
        let line = line(connection);
        if line.is_empty() {
            break;
        }
        if status.is_empty() {
            status.clone_from(&line);
        }
        let lower = line.to_ascii_lowercase();
        stays &= lower != "connection: close";
        if let Some(told) = lower.strip_prefix("content-length:") {
            length = told.trim().parse().unwrap();
        }
        chunked |= lower.starts_with("transfer-encoding:") && lower.contains("chunked");
    }
    assert!(status.contains(" 200 "), "{status}");
    let mut body = Vec::new();
    if !chunked {
        take(connection, length, &mut body);
        return (body, stays);
    }
    loop {
        let size = usize::from_str_radix(&line(connection), 16).unwrap();
        take(connection, size, &mut body);
        line(connection);
        if size == 0 {
            return (body, stays);
        }
    }
}

fn line(connection: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    connection.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn take(connection: &mut BufReader<TcpStream>, length: usize, body: &mut Vec<u8>) {
    let taken = connection.by_ref().take(length as u64).read_to_end(body).unwrap();
    assert_eq!(taken, length);
}
