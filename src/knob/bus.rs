//! Calls a method over D-Bus. One method of one service is all that we ever call, from a thread that may wait; for that the few
//! lines of the protocol are less than an asynchronous library with its thirty dependencies.
//!
//! Source: `https://dbus.freedesktop.org/doc/dbus-specification.html`.

mod message;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

pub use message::Body;
use message::{Kind, Message};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// No answer that concerns us is longer.
const LONGEST: usize = 1 << 20;

/// A connection to a bus.
#[derive(Debug)]
pub struct Bus {
    stream: BufReader<UnixStream>,
    serial: u32,
}

/// What is called.
#[derive(Debug, Clone, Copy)]
pub struct Method<'a> {
    pub destination: &'a str,
    pub path: &'a str,
    pub interface: &'a str,
    pub member: &'a str,
}

const HELLO: Method<'_> = Method {
    destination: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
    member: "Hello",
};

impl Bus {
    /// Connects, says who we are by the socket's own credentials, and greets the bus.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut bus = Self { stream: BufReader::new(stream), serial: 0 };
        let uid = nix::unistd::geteuid().to_string();
        let hex: Vec<String> = uid.bytes().map(|byte| format!("{byte:02x}")).collect();
        bus.send(format!("\0AUTH EXTERNAL {}\r\n", hex.join("")).as_bytes())?;
        let mut answer = String::new();
        bus.stream.by_ref().take(512).read_line(&mut answer)?;
        if !answer.starts_with("OK ") {
            return Err(io::Error::other(format!("the bus does not let us in: {}", answer.trim())));
        }
        bus.send(b"BEGIN\r\n")?;
        bus.call(HELLO, &Body::default())?;
        Ok(bus)
    }

    /// Calls and waits for the answer, whose content nobody needs. An error of the service is one with its name and message.
    pub fn call(&mut self, method: Method<'_>, body: &Body) -> io::Result<()> {
        self.serial += 1;
        let call = message::call(self.serial, method, body);
        self.send(&call)?;
        loop {
            let answer = self.receive()?;
            if answer.reply_to != Some(self.serial) {
                continue;
            }
            return match answer.kind {
                Kind::Error => Err(io::Error::other(format!(
                    "{}: {}",
                    answer.error_name.unwrap_or_default(),
                    answer.first_text.unwrap_or_default()
                ))),
                _ => Ok(()),
            };
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    fn receive(&mut self) -> io::Result<Message> {
        let mut start = [0; message::FIXED];
        self.stream.read_exact(&mut start)?;
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, "the bus says what is no message");
        let rest = message::length_of_rest(&start).filter(|rest| *rest <= LONGEST).ok_or_else(malformed)?;
        let mut bytes = start.to_vec();
        bytes.resize(message::FIXED + rest, 0);
        self.stream.read_exact(&mut bytes[message::FIXED..])?;
        Message::parse(&bytes).ok_or_else(malformed)
    }
}
