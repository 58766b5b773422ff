//! Tells the service manager that started us how we are: ready, alive, about to end. Without one nothing is said.
//!
//! Source: `sd_notify(3)`, section "Notes": one datagram per message to the socket that `NOTIFY_SOCKET` names.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use super::KernelError;

/// The service manager, if there is one that wants to know.
#[derive(Debug, Default)]
pub struct ServiceManager {
    socket: Option<UnixDatagram>,
    knows_us_ready: bool,
}

impl ServiceManager {
    /// As the environment names it.
    pub fn of_environment() -> Result<Self, KernelError> {
        let Some(address) = std::env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty()) else {
            return Ok(Self::default());
        };
        Self::at(&address).map_err(|source| KernelError::io("reach the service manager at", address, source))
    }

    /// A path, or a name in the abstract namespace, which begins with `@`.
    fn at(address: &OsStr) -> io::Result<Self> {
        let address = match address.as_bytes().split_first() {
            Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(address)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        // A manager that is too busy to read must not hold us up.
        socket.set_nonblocking(true)?;
        Ok(Self { socket: Some(socket), knows_us_ready: false })
    }

    /// The loop has turned once more. The first time is when we are ready: metrics are published and policies in force.
    pub fn turned(&mut self) -> io::Result<()> {
        let message = if self.knows_us_ready { "WATCHDOG=1" } else { "READY=1\nWATCHDOG=1" };
        self.tell(message)?;
        self.knows_us_ready = true;
        Ok(())
    }

    /// We have begun to put everything back, after which we end.
    pub fn stopping(&self) -> io::Result<()> {
        self.tell("STOPPING=1")
    }

    fn tell(&self, message: &str) -> io::Result<()> {
        self.socket.as_ref().map_or(Ok(()), |socket| socket.send(message.as_bytes()).map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn it_says_once_that_we_are_ready_and_then_that_we_live() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut ours = ServiceManager::at(path.as_os_str()).unwrap();
        for _ in 0..2 {
            ours.turned().unwrap();
        }
        ours.stopping().unwrap();
        let said = [heard(&manager), heard(&manager), heard(&manager)];
        assert_eq!(said, ["READY=1\nWATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]);
    }

    #[test]
    fn a_name_without_a_file_is_reached_too() {
        let name = format!("plotwarden-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        ServiceManager::at(OsStr::new(&format!("@{name}"))).unwrap().stopping().unwrap();
        assert_eq!(heard(&manager), "STOPPING=1");
    }

    #[test]
    fn a_manager_that_does_not_read_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _deaf = UnixDatagram::bind(&path).unwrap();
        let mut ours = ServiceManager::at(path.as_os_str()).unwrap();
        let refused = (0..100_000).find_map(|_| ours.turned().err()).unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn without_one_nothing_is_said_and_a_wrong_address_is_an_error() {
        assert!(ServiceManager::default().turned().is_ok());
        assert!(ServiceManager::at(OsStr::new("/nonexistent/notify")).is_err());
    }
}
