use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Instant, SystemTime};

use super::*;

/// A request as the server saw it: its first line, its headers and its form.
#[derive(Debug, Clone)]
pub struct Seen {
    pub line: String,
    pub headers: String,
    pub form: BTreeMap<String, String>,
}

/// What the mock server sends.
#[derive(Debug, Clone)]
pub struct Sent {
    status: &'static str,
    headers: String,
    body: Vec<u8>,
    /// Before anything is sent, and between one byte of the body and the next.
    delay: Duration,
    drip: Duration,
}

fn json(body: &str) -> Sent {
    let date = format!("Date: {}\r\n", http_date(SystemTime::now()));
    Sent { status: "200 OK", headers: date, body: body.into(), delay: Duration::ZERO, drip: Duration::ZERO }
}

pub fn http_date(at: SystemTime) -> String {
    // 2026-11-23T08:08:10Z
    let stamp = humantime::format_rfc3339_seconds(at).to_string();
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months[stamp[5..7].parse::<usize>().unwrap() - 1];
    format!("Mon, {} {month} {} {} GMT", &stamp[8..10], &stamp[0..4], &stamp[11..19])
}

/// A server on loopback that answers each request by `reply`, until the test ends.
pub struct Mock {
    pub url: String,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

impl Mock {
    pub fn start(reply: impl Fn(&Seen) -> Sent + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, reply) = (Arc::clone(&seen), Arc::new(reply));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, reply) = (Arc::clone(&log), Arc::clone(&reply));
                thread::spawn(move || {
                    if let Some(request) = receive(&stream) {
                        log.lock().unwrap().push(request.clone());
                        // The client may be gone, which is what some tests are about.
                        drop(send(stream, &reply(&request)));
                    }
                });
            }
        });
        Self { url, seen }
    }

    pub fn access(&self) -> Access {
        let url = self.url.clone();
        let timeout = Duration::from_secs(2);
        Access { url, ca_file: None, bearer_token_file: None, basic_auth_file: None, timeout }
    }
}

fn receive(stream: &TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut headers) = (String::new(), String::new());
    reader.read_line(&mut line).ok()?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        headers.push_str(&header.to_lowercase());
    }
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let url = reqwest::Url::parse(&format!("http://x/?{}", String::from_utf8(body).ok()?)).ok()?;
    let form = url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    Some(Seen { line: line.trim().to_owned(), headers, form })
}

fn send(mut stream: TcpStream, sent: &Sent) -> std::io::Result<()> {
    thread::sleep(sent.delay);
    let length = sent.body.len();
    let head =
        format!("HTTP/1.1 {}\r\n{}Content-Length: {length}\r\nConnection: close\r\n\r\n", sent.status, sent.headers);
    stream.write_all(head.as_bytes())?;
    if sent.drip.is_zero() {
        return stream.write_all(&sent.body);
    }
    for byte in &sent.body {
        stream.write_all(&[*byte])?;
        thread::sleep(sent.drip);
    }
    Ok(())
}

fn clock() -> Clock {
    let begin = Instant::now();
    Arc::new(move || Moment { boot: Duration::from_secs(1000) + begin.elapsed(), wall: SystemTime::now() })
}

fn now_millis() -> i64 {
    clock()().stamp()
}

fn inquiry(text: &str) -> Inquiry {
    Inquiry { answerer: Answerer::Prometheus, text: text.to_owned(), min_history: 80 }
}

fn ask(access: &Access, text: &str) -> Result<Told, Failure> {
    ask_for(access, &inquiry(text))
}

fn ask_for(access: &Access, inquiry: &Inquiry) -> Result<Told, Failure> {
    let clock = clock();
    Server::new(access, Arc::clone(&clock)).unwrap().ask(inquiry, clock())
}

/// The queries that it was sent, after that for the value.
fn asked(mock: &Mock) -> Vec<String> {
    let seen = mock.seen.lock().unwrap();
    seen.iter().filter_map(|seen| seen.form.get("query").cloned()).skip(1).collect()
}

fn vector(values: &[&str]) -> String {
    let elements: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(nth, value)| format!(r#"{{"metric":{{"n":"{nth}"}},"value":[1,"{value}"]}}"#))
        .collect();
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#, elements.join(","))
}

#[test]
fn the_history_speaks_the_generation_that_the_server_is_of() {
    let newer = |seen: &Seen| {
        let build = r#"{"status":"success","data":{"version":"3.5.0"}}"#;
        if seen.line.contains("buildinfo") { json(build) } else { healthy(seen) }
    };
    for (mock, spoken) in [(Mock::start(newer), Semantics::V3), (Mock::start(healthy), Semantics::V2)] {
        let (clock, dialect) = (clock(), Dialect::default());
        let mut server = Server::new(&mock.access(), Arc::clone(&clock)).unwrap().teaching(dialect.clone());
        server.ask(&inquiry("max(x)"), clock()).unwrap();
        assert_eq!(dialect.semantics(), spoken);
    }
}

/// One series with a sample every 15 s over the last `seconds`, the newest one 3 s old.
fn matrix(seconds: i64) -> String {
    let mut values = String::new();
    for age in (0..seconds / 15).rev() {
        let _ = write!(values, "[{},\"1\"],", (now_millis() - 3_000 - age * 15_000) / 1000);
    }
    let values = values.trim_end_matches(',');
    format!(
        r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"values":[{values}]}}]}}}}"#
    )
}

/// A server that is well: one series with the value 7, sampled 3 s ago, for as long as anybody asks about.
fn healthy(seen: &Seen) -> Sent {
    if seen.line.contains("buildinfo") {
        return json(r#"{"status":"success","data":{"version":"2.42.0"}}"#);
    }
    let query = &seen.form["query"];
    if query.starts_with("timestamp(") {
        let stamp = format!("{}", (now_millis() - 3_000) / 1000);
        json(&vector(&[&stamp]))
    } else if query.ends_with(']') {
        json(&matrix(3600))
    } else {
        json(&vector(&["7"]))
    }
}

#[test]
fn a_healthy_server_is_asked_for_the_value_and_for_what_lies_behind_it() {
    let mock = Mock::start(healthy);
    let told = ask(&mock.access(), "max(x) + rate(y[5m])").unwrap();
    assert!((told.value - 7.0).abs() < 1e-9);
    assert!((2_900..5_000).contains(&told.age.as_millis()), "of the sample, not of the question: {told:?}");
    let seen = mock.seen.lock().unwrap();
    let queries: Vec<&str> = seen.iter().filter_map(|seen| seen.form.get("query")).map(String::as_str).collect();
    assert_eq!(queries, ["max(x) + rate(y[5m])", "timestamp(x)", "y[5m]"]);
    let times: Vec<&String> = seen.iter().filter_map(|seen| seen.form.get("time")).collect();
    assert!(times.windows(2).all(|pair| pair[0] == pair[1]), "all at one moment: {times:?}");
    assert_eq!(seen[0].line, "GET /api/v1/status/buildinfo HTTP/1.1");
    assert_eq!(seen[1].line, "POST /api/v1/query HTTP/1.1");
}

/// What the server answers to the value, and what becomes of it.
fn outcome_of(reply: impl Fn() -> Sent + Send + Sync + 'static) -> Failure {
    let mock = Mock::start(move |seen| if seen.line.contains("buildinfo") { healthy(seen) } else { reply() });
    ask(&mock.access(), "x").unwrap_err()
}

fn with_status(status: &'static str, body: &str) -> Sent {
    Sent { status, ..json(body) }
}

#[test]
fn everything_that_can_be_wrong_has_a_name_and_a_reason() {
    type Reply = fn() -> Sent;
    let cases: &[(Reply, Outcome, &str)] = &[
        (|| json(&vector(&["NaN"])), Outcome::NotANumber, "NaN"),
        (|| json(&vector(&[])), Outcome::NoSeries, "`x` finds no series"),
        (|| json("<html>rubbish</html>"), Outcome::Malformed, "no result"),
        (
            || json(r#"{"status":"success","data":{"resultType":"vector","result":{}}}"#),
            Outcome::Malformed,
            "no result",
        ),
        (
            || with_status("400 Bad Request", r#"{"status":"error","error":"parse error"}"#),
            Outcome::Refused,
            "parse error",
        ),
        (|| with_status("422 Unprocessable", r#"{"status":"error","error":"too many"}"#), Outcome::Refused, "too many"),
        (|| with_status("401 Unauthorized", ""), Outcome::Failed, "--prometheus.bearer-token-file"),
        (|| with_status("429 Too Many", ""), Outcome::Failed, "429"),
        (
            || with_status("503 Unavailable", r#"{"status":"error","error":"out of memory"}"#),
            Outcome::Failed,
            "out of memory",
        ),
        (
            || json(r#"{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["half is away"]}"#),
            Outcome::Partial,
            "half is away",
        ),
        (
            || json(r#"{"status":"success","data":{"resultType":"vector","result":[]},"infos":["no counter"]}"#),
            Outcome::Partial,
            "no counter",
        ),
        (
            || Sent { headers: "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".to_owned(), ..json(&vector(&["7"])) },
            Outcome::ClockSkew,
            "behind ours",
        ),
        (
            || Sent {
                headers: format!("Date: {}\r\n", http_date(SystemTime::now() + Duration::from_secs(9))),
                ..json(&vector(&["7"]))
            },
            Outcome::ClockSkew,
            "ahead of ours",
        ),
        (|| Sent { headers: String::new(), ..json(&vector(&["7"])) }, Outcome::ClockSkew, "what time it is"),
        (|| Sent { body: vec![b' '; (4 << 20) + 1], ..json("") }, Outcome::TooLarge, "4 MiB"),
        (
            || Sent { status: "302 Found", headers: "Location: http://127.0.0.1:9/x\r\n".to_owned(), ..json("") },
            Outcome::Redirected,
            "http://127.0.0.1:9/x",
        ),
    ];
    for (reply, outcome, part) in cases {
        let failure = outcome_of(*reply);
        assert_eq!(failure.outcome, *outcome, "{failure:?}");
        assert!(failure.reason.contains(part), "{failure:?}");
    }
}

#[test]
fn what_is_no_single_number_from_enough_data_is_missing() {
    let with = |value: Vec<&'static str>, seconds: i64, text: &str| {
        let mock = Mock::start(move |seen| match seen.form.get("query").map(String::as_str) {
            Some(query) if query.ends_with(']') => json(&matrix(seconds)),
            Some(query) if !query.starts_with("timestamp(") => json(&vector(&value)),
            _ => healthy(seen),
        });
        ask(&mock.access(), text)
    };
    assert_eq!(with(vec!["NaN"], 0, "x").unwrap_err().outcome, Outcome::NotANumber);
    assert_eq!(with(vec!["+Inf"], 0, "x").unwrap_err().reason, "the value is +Inf");
    let many = with(vec!["1", "2", "3"], 0, "x").unwrap_err();
    assert!(many.reason.starts_with("3 series, one is needed"), "{many:?}");
    let short = with(vec!["1"], 120, "rate(x[5m])").unwrap_err();
    assert_eq!(short.outcome, Outcome::TooLittleHistory);
    assert!(short.reason.contains("`x[5m]` covers") && short.reason.contains("of 5m, 80% needed"), "{short:?}");
    assert!(with(vec!["1"], 330, "rate(x[5m])").is_ok());
    assert!(with(vec!["1"], 330, "max_over_time(sum(x)[5m:15s])").is_ok(), "a subquery is asked for as it stands");
}

/// A server that has counted so many samples, one every 15 s.
fn with_count(count: &'static str, inquiry: &Inquiry) -> (Result<Told, Failure>, Vec<String>) {
    let mock = Mock::start(move |seen| match seen.form.get("query") {
        Some(query) if query.starts_with("count_over_time(") => {
            let body = format!(r#"[{{"metric":{{}},"value":[1,"{count}"]}}]"#);
            json(&format!(r#"{{"status":"success","data":{{"resultType":"vector","result":{body}}}}}"#))
        }
        Some(query) if query.ends_with(']') || query.starts_with("sum(x)[") => json(&matrix(300)),
        _ => healthy(seen),
    });
    let told = ask_for(&mock.access(), inquiry);
    (told, asked(&mock))
}

#[test]
fn of_a_long_range_the_samples_are_counted_and_not_sent() {
    let week = "avg_over_time(x{a='b'}[7d])";
    let (told, queries) = with_count("40320", &inquiry(week));
    assert!((2_900..5_000).contains(&told.unwrap().age.as_millis()));
    assert_eq!(queries, [r#"x{a="b"}[5m]"#, "count_over_time(x{a='b'}[7d])"]);
    let (short, _) = with_count("20160", &inquiry(week));
    let short = short.unwrap_err();
    assert_eq!(short.outcome, Outcome::TooLittleHistory);
    assert!(short.reason.contains("covers 50% of 7days, 80% needed"), "{short:?}");

    let steps = "max_over_time(sum(x)[1d:1h] offset 2h)";
    let (_, queries) = with_count("24", &inquiry(steps));
    assert_eq!(queries, ["sum(x)[4h:1h] offset 2h", "count_over_time(sum(x)[1d:1h] offset 2h)"]);
}

#[test]
fn who_does_not_ask_for_coverage_has_no_range_read() {
    let any = Inquiry { min_history: 0, ..inquiry("avg_over_time(x[7d])") };
    let (told, queries) = with_count("1", &any);
    assert!(told.is_ok(), "{told:?}");
    assert_eq!(queries, ["x[5m]"], "the newest minutes, for the age");
}

#[test]
fn a_server_that_cannot_count_is_asked_for_the_samples() {
    let mock = Mock::start(|seen| match seen.form.get("query") {
        Some(query) if query.starts_with("count_over_time(") => {
            with_status("422 Unprocessable", r#"{"status":"error","error":"same labelset"}"#)
        }
        _ => healthy(seen),
    });
    assert!(ask(&mock.access(), "sum(avg_over_time(x[1h]))").is_ok());
    assert_eq!(asked(&mock), ["x[5m]", "count_over_time(x[1h])", "x[1h]"]);
}

#[test]
fn a_server_that_is_gone_or_slow_costs_no_more_than_the_timeout() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mock = Mock::start(healthy);
    let gone = Access { url: format!("http://{free}"), ..mock.access() };
    let failure = ask(&gone, "x").unwrap_err();
    assert_eq!(failure.outcome, Outcome::Unreachable);
    assert!(failure.reason.contains("refused"), "{failure:?}");

    let slow = Duration::from_secs(30);
    let replies: [fn(Duration) -> Sent; 2] = [
        |slow| Sent { delay: slow, ..json(&vector(&["7"])) },
        |_| Sent { drip: Duration::from_millis(100), ..json(&vector(&["7"])) },
    ];
    for reply in replies {
        let mock = Mock::start(move |seen| if seen.line.contains("buildinfo") { healthy(seen) } else { reply(slow) });
        let begin = Instant::now();
        let access = Access { timeout: Duration::from_millis(500), ..mock.access() };
        let failure = ask(&access, "x").unwrap_err();
        assert_eq!(failure.outcome, Outcome::Timeout, "{failure:?}");
        assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    }
    // One that answers each of several requests just in time is slow as well.
    let mock = Mock::start(|seen| Sent { delay: Duration::from_millis(400), ..healthy(seen) });
    let access = Access { timeout: Duration::from_millis(700), ..mock.access() };
    assert_eq!(ask(&access, "a + b + c").unwrap_err().outcome, Outcome::Timeout);
}

#[test]
fn a_server_that_hangs_up_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().for_each(drop));
    let access = Access { url, ..Mock::start(healthy).access() };
    assert_eq!(ask(&access, "x").unwrap_err().outcome, Outcome::Unreachable);
}

#[test]
fn the_server_is_told_who_asks_and_the_files_are_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let mock = Mock::start(healthy);
    std::fs::write(&path, "first\n").unwrap();
    let access = Access { bearer_token_file: Some(path.clone()), ..mock.access() };
    let clock = clock();
    let mut server = Server::new(&access, Arc::clone(&clock)).unwrap();
    server.ask(&inquiry("x"), clock()).unwrap();
    std::fs::write(&path, "second\n").unwrap();
    server.ask(&inquiry("x"), clock()).unwrap();
    let headers: Vec<String> = mock.seen.lock().unwrap().iter().map(|seen| seen.headers.clone()).collect();
    assert!(headers[0].contains("authorization: bearer first"), "{headers:?}");
    assert!(headers.last().unwrap().contains("authorization: bearer second"), "{headers:?}");
    let builds = mock.seen.lock().unwrap().iter().filter(|seen| seen.line.contains("buildinfo")).count();
    assert_eq!(builds, 1, "once per connection");

    std::fs::write(&path, "me:pass:word").unwrap();
    ask(&Access { basic_auth_file: Some(path.clone()), ..mock.access() }, "x").unwrap();
    let last = mock.seen.lock().unwrap().last().unwrap().headers.clone();
    // Lower-cased by the mock: base64 of me:pass:word is bWU6cGFzczp3b3Jk.
    assert!(last.contains("authorization: basic bwu6cgfzczp3b3jk"), "{last}");

    std::fs::remove_file(&path).unwrap();
    let failure = server.ask(&inquiry("x"), clock()).unwrap_err();
    assert_eq!(failure.outcome, Outcome::Failed);
    assert!(failure.reason.contains("--prometheus.bearer-token-file"), "{failure:?}");
}

#[test]
fn a_path_before_the_api_is_kept() {
    let mock = Mock::start(healthy);
    ask(&Access { url: format!("{}/prom/", mock.url), ..mock.access() }, "x").unwrap();
    assert_eq!(mock.seen.lock().unwrap()[1].line, "POST /prom/api/v1/query HTTP/1.1");
}

#[test]
fn a_server_without_build_information_is_asked_all_the_same() {
    let mock =
        Mock::start(
            |seen| if seen.line.contains("buildinfo") { with_status("404 Not Found", "") } else { healthy(seen) },
        );
    assert!(ask(&mock.access(), "x").is_ok());
}

#[test]
fn an_expression_that_is_too_new_for_the_server_is_said_to_be() {
    let refusing = |seen: &Seen| match seen.form.get("query") {
        Some(_) => with_status("400 Bad Request", r#"{"status":"error","error":"bad duration"}"#),
        None => healthy(seen),
    };
    let mock = Mock::start(refusing);
    let failure = ask(&mock.access(), "rate(x[300])").unwrap_err();
    assert!(failure.reason.ends_with("bad duration; only 3.x understands it, and this is 2.42.0"), "{failure:?}");
    let failure = ask(&mock.access(), "rate(x[5m])").unwrap_err();
    assert!(failure.reason.ends_with("bad duration"), "{failure:?}");
}
