//! With which other machines a process is connected: who is at the far end may give up when nothing comes for a while.
//!
//! Source: `Documentation/networking/proc_net_tcp.rst`.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::{KernelError, text};
use super::ProcessDir;

const ESTABLISHED: u64 = 1;
/// Under way: asked for by us, or by the other side.
const BEGUN: [u64; 2] = [2, 3];

/// One line of `/proc/PID/net/tcp`.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    local: SocketAddr,
    remote: SocketAddr,
    state: u64,
    inode: u64,
}

impl ProcessDir {
    /// The far ends of the TCP connections that the process holds open, without those that end on this machine.
    ///
    /// # Errors
    /// As [`ProcessDir::open_files`]; and a table of connections that is not in its format.
    pub fn connections(&self) -> Result<BTreeSet<SocketAddr>, KernelError> {
        let sockets: BTreeSet<u64> = self.open_files()?.iter().filter_map(|file| inode(file.link.to_str()?)).collect();
        let mut far = BTreeSet::new();
        if sockets.is_empty() {
            return Ok(far);
        }
        for table in [c"net/tcp", c"net/tcp6"] {
            let rows = self.table(table)?;
            let ours = rows.iter().filter(|row| sockets.contains(&row.inode) && row.is_open() && !row.stays_here());
            far.extend(ours.map(|row| row.remote));
        }
        Ok(far)
    }

    /// A kernel without the protocol has no table of it.
    fn table(&self, name: &CStr) -> Result<Vec<Row>, KernelError> {
        match self.read(name, parse) {
            Err(error) if error.is_gone() => Ok(Vec::new()),
            read => read,
        }
    }
}

impl Row {
    fn is_open(&self) -> bool {
        self.state == ESTABLISHED || BEGUN.contains(&self.state)
    }

    fn stays_here(&self) -> bool {
        let remote = self.remote.ip().to_canonical();
        remote.is_loopback() || remote == self.local.ip().to_canonical()
    }
}

/// `socket:[8059765]`
fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The first line names the columns.
fn parse(bytes: &[u8]) -> Result<Vec<Row>, String> {
    text::lines(bytes)
        .skip(1)
        .map(|line| parse_row(line).ok_or_else(|| format!("no connection: `{}`", text::lossy(line))))
        .collect()
}

fn parse_row(line: &[u8]) -> Option<Row> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, remote) = (address(fields.next()?)?, address(fields.next()?)?);
    let state = u64::from_str_radix(fields.next()?, 16).ok()?;
    let inode = fields.nth(5)?.parse().ok()?;
    Some(Row { local, remote, state, inode })
}

/// `0100007F:1F90`: words as the machine keeps them of an address as the network has it, and the port.
fn address(field: &str) -> Option<SocketAddr> {
    let (ip, port) = field.split_once(':')?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (place, at) in bytes.chunks_exact_mut(4).zip([0, 8, 16, 24]) {
                place.copy_from_slice(&word(at)?);
            }
            IpAddr::from(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::kernel::fixture::{FakeProcess, Fixture};

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn line(local: &str, remote: &str, state: &str, inode: u64) -> String {
        format!(
            "   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100\n"
        )
    }

    /// As this machine would write it.
    fn hex(ip: &str, port: u16) -> String {
        let bytes = match ip.parse::<IpAddr>().unwrap() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let words = bytes.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap()));
        let mut text = String::new();
        words.for_each(|word| write!(text, "{word:08X}").unwrap());
        format!("{text}:{port:04X}")
    }

    fn scene() -> Fixture {
        let fixture = Fixture::new();
        fixture.process(&FakeProcess::IDLE).link("proc/7/fd/3", "socket:[31]").link("proc/7/fd/4", "socket:[32]");
        fixture.link("proc/7/fd/5", "/mnt/plot.tmp");
        fixture
    }

    fn far(fixture: &Fixture) -> Result<Vec<String>, KernelError> {
        let connections = ProcessDir::open(&fixture.roots, 7)?.connections()?;
        Ok(connections.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn only_open_connections_of_its_own_to_other_machines_count() {
        let (here, nas) = (hex("192.168.1.2", 40_000), hex("192.168.1.7", 873));
        let fixture = scene();
        let rows = [
            line(&here, &nas, "01", 31),
            line(&here, &hex("192.168.1.8", 22), "01", 99),
            line(&here, &hex("192.168.1.9", 22), "0A", 31),
            line(&hex("127.0.0.1", 1), &hex("127.0.0.1", 2), "01", 32),
            line(&here, &hex("192.168.1.2", 80), "01", 32),
        ];
        fixture.file("proc/7/net/tcp", HEAD.to_owned() + &rows.concat());
        let rows = [
            line(&hex("::ffff:10.0.0.1", 5), &hex("::ffff:127.0.0.1", 6), "01", 32),
            line(&hex("fd00::2", 5), &hex("fd00::7", 445), "02", 32),
        ];
        fixture.file("proc/7/net/tcp6", HEAD.to_owned() + &rows.concat());
        assert_eq!(far(&fixture).unwrap(), ["192.168.1.7:873", "[fd00::7]:445"]);
    }

    #[test]
    fn without_sockets_or_without_the_protocol_there_is_none() {
        let fixture = scene();
        assert_eq!(far(&fixture).unwrap(), Vec::<String>::new(), "no table");
        fixture.file("proc/7/net/tcp", "garbage\nmore of it\n").remove("proc/7/fd");
        fixture.link("proc/7/fd/5", "/mnt/plot.tmp");
        assert_eq!(far(&fixture).unwrap(), Vec::<String>::new(), "nobody asks for the table");
    }

    #[test]
    fn a_table_in_another_format_is_refused() {
        let fixture = scene();
        for bad in ["0: 1:2 3:4 01", "0: 0100007F:1F90 0100007F 01 0 0 0 0 0 31", "0: zz:1 zz:1 01 0 0 0 0 0 31"] {
            fixture.file("proc/7/net/tcp", format!("{HEAD}{bad}\n"));
            assert!(far(&fixture).unwrap_err().to_string().contains("proc/7/net/tcp"), "{bad}");
        }
    }
}
