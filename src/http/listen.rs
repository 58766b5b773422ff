//! Opening the sockets, with errors that say who else could hold the port and which flag to change.

use std::io;

use tokio::net::TcpListener;

/// Loopback only, since metrics name users and paths. The port lies below 9100 to 9999, the range that Prometheus
/// exporters share out among themselves: all of it is taken, some of it by Chia's own services (9256, 9914).
pub const DEFAULT_LISTEN: &str = "127.0.0.1:9037";

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error(
        "--web.listen-address={address}: {source}; write host:port such as {DEFAULT_LISTEN}, [::1]:9037, or :9037 for all interfaces"
    )]
    Malformed { address: String, source: io::Error },
    #[error("cannot listen on {address}: {source}{}", hint(source, address))]
    Bind { address: String, source: io::Error },
}

/// Opens all addresses, or none: `host:port`, or `:port` for all interfaces.
pub async fn bind(addresses: &[String]) -> Result<Vec<TcpListener>, ListenError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        listeners.push(open(address).await?);
    }
    Ok(listeners)
}

async fn open(address: &str) -> Result<TcpListener, ListenError> {
    let failed = |source: io::Error| {
        let address = address.to_owned();
        match source.kind() {
            io::ErrorKind::InvalidInput => ListenError::Malformed { address, source },
            _ => ListenError::Bind { address, source },
        }
    };
    let Some(port) = address.strip_prefix(':') else {
        return TcpListener::bind(address).await.map_err(failed);
    };
    match TcpListener::bind(format!("[::]:{port}")).await {
        // A kernel without IPv6 has no address that stands for both.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)) => {
            TcpListener::bind(format!("0.0.0.0:{port}")).await.map_err(failed)
        }
        result => result.map_err(failed),
    }
}

fn hint(error: &io::Error, address: &str) -> String {
    let port = address.rsplit(':').next().unwrap_or_default();
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("; `ss -ltnp 'sport = :{port}'` shows who holds the port, --web.listen-address chooses another")
        }
        io::ErrorKind::AddrNotAvailable => {
            "; no interface has this address (`ip address` lists them), --web.listen-address chooses another".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need root or CAP_NET_BIND_SERVICE, --web.listen-address chooses another".to_owned()
        }
        _ => "; --web.listen-address chooses another address".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(address: &str) -> String {
        bind(&[address.to_owned()]).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_port_in_use_names_the_address_the_question_and_the_flag() {
        let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = held.local_addr().unwrap();
        let said = refusal(&address.to_string()).await;
        let port = address.port();
        for part in [address.to_string(), format!("ss -ltnp 'sport = :{port}'"), "--web.listen-address".to_owned()] {
            assert!(said.contains(&part), "{said}");
        }
    }

    #[tokio::test]
    async fn what_is_no_address_is_shown_how_one_looks() {
        for wrong in ["9037", "", "127.0.0.1", "127.0.0.1:http", ":", "127.0.0.1:99999"] {
            let said = refusal(wrong).await;
            assert!(said.contains(DEFAULT_LISTEN) && said.contains(&format!("={wrong}:")), "{said}");
        }
        assert!(refusal("203.0.113.7:0").await.contains("ip address"));
    }

    #[tokio::test]
    async fn a_port_alone_means_all_interfaces() {
        let listeners = bind(&[":0".to_owned(), "127.0.0.1:0".to_owned()]).await.unwrap();
        assert!(listeners[0].local_addr().unwrap().ip().is_unspecified());
        assert!(listeners[1].local_addr().unwrap().ip().is_loopback());
    }
}
