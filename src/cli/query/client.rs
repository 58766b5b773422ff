//! One question over HTTP/1.0, which ends with the connection: all that asking a server on this machine takes.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const CONNECT_TIME: Duration = Duration::from_secs(5);
/// A little longer than a server lets a query run.
const ANSWER_TIME: Duration = Duration::from_secs(35);
const LARGEST_ANSWER: u64 = 256 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("--url={url}: {why}; write it like http://127.0.0.1:9037")]
    Url { url: String, why: &'static str },
    #[error(
        "cannot ask {url}: {source}; is `plotwarden run` running, and is this the address that it listens on (--url)?"
    )]
    Connect { url: String, source: io::Error },
    #[error("{url} did not answer: {source}")]
    Exchange { url: String, source: io::Error },
    #[error("{url} answered with something that is not HTTP, or not all of it")]
    Malformed { url: String },
    #[error("{url} answered with status {status} and no JSON: {text}")]
    Status { url: String, status: u16, text: String },
}

/// Sends a form and returns the JSON of the answer, whatever its status.
pub fn post(url: &str, path: &str, form: &[(&str, String)]) -> Result<String, AskError> {
    let (authority, prefix) = parts(url)?;
    let body = encode(form);
    let request = format!(
        "POST {prefix}{path} HTTP/1.0\r\nHost: {authority}\r\nUser-Agent: plotwarden/{}\r\nAccept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        env!("CARGO_PKG_VERSION"),
        body.len()
    );
    let mut stream = connect(authority).map_err(|source| AskError::Connect { url: url.to_owned(), source })?;
    let answer =
        exchange(&mut stream, &request).map_err(|source| AskError::Exchange { url: url.to_owned(), source })?;
    body_of(url, &answer)
}

/// Host and port, and what stands before every path.
fn parts(url: &str) -> Result<(&str, &str), AskError> {
    let wrong = |why| AskError::Url { url: url.to_owned(), why };
    let rest = url.strip_prefix("http://").ok_or_else(|| wrong("only http is spoken"))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.is_empty() || authority.contains('@') || url.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err(wrong("host and port are expected behind http://"));
    }
    if path.contains(['?', '#']) {
        return Err(wrong("it ends with a path, not with a query"));
    }
    Ok((authority, path.trim_end_matches('/')))
}

fn connect(authority: &str) -> io::Result<TcpStream> {
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let with_port = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in with_port.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIME) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn exchange(stream: &mut TcpStream, request: &str) -> io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    stream.set_write_timeout(Some(CONNECT_TIME))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LARGEST_ANSWER).read_to_end(&mut answer)?;
    Ok(answer)
}

fn body_of(url: &str, answer: &[u8]) -> Result<String, AskError> {
    let malformed = || AskError::Malformed { url: url.to_owned() };
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(malformed)?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| malformed())?;
    let body = std::str::from_utf8(&answer[end + 4..]).map_err(|_| malformed())?;
    let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
    let header = |name: &str| {
        let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    if header("content-length").is_some_and(|length| length.parse() != Ok(body.len())) {
        return Err(malformed());
    }
    if !header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        let text = super::answer::printable(&body.chars().take(200).collect::<String>());
        return Err(AskError::Status { url: url.to_owned(), status, text });
    }
    Ok(body.to_owned())
}

fn encode(form: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in form {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                // Writing into memory does not fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(parts("http://127.0.0.1:9037").unwrap(), ("127.0.0.1:9037", ""));
        assert_eq!(parts("http://[::1]:9037/").unwrap(), ("[::1]:9037", ""));
        assert_eq!(parts("http://farm/prometheus/").unwrap(), ("farm", "/prometheus"));
        for wrong in
            ["127.0.0.1:9037", "https://farm", "http://", "http://a b", "http://a\r\n", "http://u@h", "http://a/?x"]
        {
            assert!(parts(wrong).unwrap_err().to_string().contains("http://127.0.0.1:9037"), "{wrong}");
        }
    }

    #[test]
    fn forms_are_escaped() {
        let form = [("query", "rate(x{a=\"é\"}[5m]) + 1".to_owned()), ("a", String::new())];
        assert_eq!(encode(&form), "query=rate%28x%7Ba%3D%22%C3%A9%22%7D%5B5m%5D%29%20%2B%201&a=");
    }

    /// What becomes of this answer.
    fn answered(answer: &'static str) -> Result<String, AskError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let result = post(&url, "/api/v1/query", &[("query", "up".to_owned())]);
        let request = server.join().unwrap();
        assert!(
            request.starts_with("POST /api/v1/query HTTP/1.0\r\n") && request.ends_with("\r\n\r\nquery=up"),
            "{request}"
        );
        result
    }

    #[test]
    fn an_answer_is_taken_whole_or_not_at_all() {
        assert_eq!(
            answered("HTTP/1.1 422 X\r\ncontent-type: application/json\r\nContent-Length: 2\r\n\r\n{}").unwrap(),
            "{}"
        );
        assert_eq!(answered("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{}").unwrap(), "{}");
        for wrong in [
            "",
            "SSH-2.0-OpenSSH\r\n",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n{}",
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\nnot found",
        ] {
            assert!(answered(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nobody_there_is_said_with_what_to_do() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = post(&format!("http://{free}"), "/api/v1/query", &[]).unwrap_err().to_string();
        assert!(error.contains("plotwarden run") && error.contains("--url"), "{error}");
    }
}
