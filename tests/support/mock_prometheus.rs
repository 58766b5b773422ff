//! Something that answers like a Prometheus server until a test makes it misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// What is wrong with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// It takes connections and says nothing for half a minute.
    Slow,
    HangsUp,
    Rubbish,
    WrongType,
    ServerError,
    ClientError,
    Redirect,
    Partial,
    Empty,
    NotANumber,
    /// The value is there, and half an hour old.
    OldSample,
    ManySeries,
    WrongClock,
    TooLarge,
}

impl Fault {
    pub const ALL: [Self; 14] = [
        Self::Slow,
        Self::HangsUp,
        Self::Rubbish,
        Self::WrongType,
        Self::ServerError,
        Self::ClientError,
        Self::Redirect,
        Self::Partial,
        Self::Empty,
        Self::NotANumber,
        Self::OldSample,
        Self::ManySeries,
        Self::WrongClock,
        Self::TooLarge,
    ];
}

/// Answers every expression with one value, sampled now.
pub struct MockPrometheus {
    pub url: String,
    state: Arc<Mutex<(f64, Fault)>>,
}

impl MockPrometheus {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new((0.0, Fault::None)));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // The client may have given up, which is what some tests are about.
                std::thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        Self { url, state }
    }

    pub fn set(&self, value: f64, fault: Fault) {
        *self.state.lock().unwrap() = (value, fault);
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<(f64, Fault)>) -> std::io::Result<()> {
    let query = receive(&stream)?;
    let (value, fault) = *state.lock().unwrap();
    let now = SystemTime::now();
    let hour = Duration::from_secs(3600);
    let date = if fault == Fault::WrongClock { now - hour } else { now };
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    let stamp = if fault == Fault::OldSample { seconds - 1800.0 } else { seconds };
    let number = if query.starts_with("timestamp") { stamp } else { value };
    let element = format!(r#"{{"metric":{{}},"value":[{seconds},"{number}"]}}"#);
    let result =
        |elements: &str| format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{elements}]}}}}"#);
    let (status, body) = match fault {
        Fault::Slow => {
            std::thread::sleep(Duration::from_secs(30));
            ("200 OK", result(&element))
        }
        Fault::HangsUp => return Ok(()),
        Fault::None | Fault::OldSample | Fault::WrongClock => ("200 OK", result(&element)),
        Fault::Rubbish => ("200 OK", "<html>Welcome to the captive portal</html>".to_owned()),
        Fault::WrongType => {
            ("200 OK", r#"{"status":"success","data":{"resultType":"vector","result":"0"}}"#.to_owned())
        }
        Fault::ServerError => ("503 Service Unavailable", String::new()),
        Fault::ClientError => {
            ("422 Unprocessable Entity", r#"{"status":"error","error":"too many samples"}"#.to_owned())
        }
        Fault::Redirect => ("302 Found\r\nLocation: http://127.0.0.1:9/", String::new()),
        Fault::Partial => {
            ("200 OK", result(&element).replace("]}}", r#"]},"warnings":["half of the stores are away"]}"#))
        }
        Fault::Empty => ("200 OK", result("")),
        Fault::NotANumber => ("200 OK", result(r#"{"metric":{},"value":[1,"NaN"]}"#)),
        Fault::ManySeries => ("200 OK", result(&format!("{element},{}", element.replace("{}", r#"{"a":"b"}"#)))),
        Fault::TooLarge => ("200 OK", result(&element) + &" ".repeat(5 << 20)),
    };
    let (date, length) = (http_date(date), body.len());
    let head = format!("HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

/// The query of a request; empty if it has none.
fn receive(stream: &TcpStream) -> std::io::Result<String> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let form = String::from_utf8_lossy(&body).into_owned();
    Ok(form.split('&').find_map(|pair| pair.strip_prefix("query=")).unwrap_or_default().to_owned())
}

fn http_date(at: SystemTime) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let stamp = humantime::format_rfc3339_seconds(at).to_string();
    let month = MONTHS[stamp[5..7].parse::<usize>().unwrap() - 1];
    // Nobody reads the day of the week.
    format!("Mon, {} {month} {} {} GMT", &stamp[8..10], &stamp[..4], &stamp[11..19])
}
