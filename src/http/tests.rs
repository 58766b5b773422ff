//! A real server on loopback, and clients with raw sockets that behave well, badly and maliciously.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::clock::Moment;
use crate::history::{History, HistoryConfig, SharedHistory, Target};
use crate::metrics::{Snapshot, fixture};
use crate::units::Bytes;

use super::server::{Limits, serve_within};
use super::site::Site;

struct Running {
    address: String,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    stop: oneshot::Sender<()>,
    server: tokio::task::JoinHandle<()>,
}

pub(super) fn history() -> SharedHistory {
    let target = Target { job: "plotwarden".into(), instance: "plot-01:9037".into() };
    Arc::new(RwLock::new(History::new(HistoryConfig { target, memory_limit: Bytes(16 << 20), forecast: Vec::new() })))
}

fn impatient() -> Limits {
    let [head_time, exchange_time] = [300, 800].map(Duration::from_millis);
    Limits { head_time, crowded_head_time: head_time, exchange_time, ..Limits::default() }
}

async fn start(limits: Limits, first: Option<Snapshot>, seconds_later: u64) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (snapshots, receiver) = watch::channel(first.map(Arc::new));
    let tick = fixture::now();
    let now = Moment { boot: tick.boot + Duration::from_secs(seconds_later), ..tick };
    let site = Arc::new(Site::new(receiver, history(), Arc::new(move || now), "/metrics"));
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(serve_within(limits, vec![listener], site, async {
        stopped.await.ok();
    }));
    Running { address, snapshots, stop, server }
}

async fn started() -> Running {
    start(Limits::default(), Some(fixture::snapshot(3)), 0).await
}

/// Sends `request` as it is and reads until the server closes.
pub(super) async fn exchange(address: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has refused the request may have closed already; what it said can still be read.
    stream.write_all(request).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    answer
}

pub(super) async fn get(address: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
    ask(address, "GET", path, headers).await
}

pub(super) async fn ask(address: &str, method: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    let answer = exchange(address, request.as_bytes()).await;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer with a head");
    (String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase(), answer[end + 4..].to_vec())
}

fn length(head: &str) -> usize {
    head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_scrape_gets_the_format_it_asks_for() {
    let running = started().await;
    let (head, body) = get(&running.address, "/metrics", "").await;
    assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(body.starts_with(b"# HELP plotwarden_build_info") && !body.ends_with(b"# EOF\n"));
    let (head, body) =
        get(&running.address, "/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n").await;
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(head.contains("vary: accept, accept-encoding"), "{head}");
    assert!(body.ends_with(b"# EOF\n"));
}

#[tokio::test]
async fn gzip_is_for_those_who_ask_and_holds_the_same_text() {
    let running = started().await;
    let (head, plain) = get(&running.address, "/metrics", "").await;
    assert!(!head.contains("content-encoding"), "{head}");
    let (head, compressed) = get(&running.address, "/metrics", "Accept-Encoding: deflate, gzip\r\n").await;
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(compressed.len() * 5 < plain.len());
    let mut unpacked = vec![0; plain.len()];
    libdeflater::Decompressor::new().gzip_decompress(&compressed, &mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let running = started().await;
    for path in ["/metrics", "/", "/-/healthy", "/nowhere"] {
        let (get_head, get_body) = get(&running.address, path, "").await;
        let (head, body) = ask(&running.address, "HEAD", path, "").await;
        assert!(body.is_empty(), "{path}");
        assert_eq!((head.lines().next(), length(&head)), (get_head.lines().next(), get_body.len()), "{path}");
    }
}

#[tokio::test]
async fn what_does_not_exist_or_changes_things_is_refused_in_plain_text() {
    let running = started().await;
    let (head, body) = get(&running.address, "/secret", "").await;
    assert!(head.starts_with("http/1.1 404") && head.contains("text/plain"), "{head}");
    assert!(String::from_utf8(body).unwrap().contains("/metrics"));
    for method in ["POST", "DELETE", "PUT", "BREW"] {
        let (head, _) = ask(&running.address, method, "/metrics", "Content-Length: 0\r\n").await;
        assert!(head.starts_with("http/1.1 405") && head.contains("allow: get, head"), "{head}");
    }
}

#[tokio::test]
async fn a_body_is_not_read() {
    let running = started().await;
    let request = b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nsome of it";
    let answer = exchange(&running.address, request).await;
    assert!(answer.starts_with(b"HTTP/1.1 405"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn heads_without_bounds_and_nonsense_are_refused() {
    let running = started().await;
    let large = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(100_000));
    let many = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(100));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(100_000));
    for request in [large, many, long, "\u{16}\u{3}\u{1} TLS hello\r\n\r\n".to_owned(), "GET\r\n\r\n".to_owned()] {
        let answer = exchange(&running.address, request.as_bytes()).await;
        let status = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
        assert!(status.is_empty() || status.starts_with("HTTP/1.1 4"), "{status}");
    }
    assert!(get(&running.address, "/-/healthy", "").await.0.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn half_a_request_is_dropped_and_blocks_nobody() {
    let running = start(impatient(), Some(fixture::snapshot(1)), 0).await;
    let mut halves = Vec::new();
    for half in ["", "GET /met", "GET /metrics HTTP/1.1\r\nHost: x\r\n"] {
        let mut stream = TcpStream::connect(&running.address).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        halves.push(stream);
    }
    let (head, _) = timeout(Duration::from_millis(200), get(&running.address, "/metrics", "")).await.unwrap();
    assert!(head.starts_with("http/1.1 200"));
    for mut stream in halves {
        let mut rest = Vec::new();
        timeout(Duration::from_secs(2), stream.read_to_end(&mut rest)).await.expect("dropped").ok();
    }
}

#[tokio::test]
async fn clients_that_fill_every_slot_are_dropped_and_the_next_is_served() {
    let limits = impatient();
    let running = start(limits, Some(fixture::snapshot(1)), 0).await;
    let mut stuck = Vec::new();
    for _ in 0..limits.connections + 10 {
        let mut stream = TcpStream::connect(&running.address).await.unwrap();
        stream.write_all(b"GET /metr").await.unwrap();
        stuck.push(stream);
    }
    let (head, _) = timeout(Duration::from_secs(5), get(&running.address, "/metrics", "")).await.expect("served");
    assert!(head.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let running = start(Limits { connections: 1, ..impatient() }, Some(fixture::snapshot(1500)), 0).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut slow = socket.connect(running.address.parse().unwrap()).await.unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(50)).await;
    let (head, _) = timeout(Duration::from_secs(20), get(&running.address, "/-/healthy", "")).await.expect("served");
    assert!(head.starts_with("http/1.1 200"));
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.ok();
    let promised = length(&String::from_utf8_lossy(&rest[..512]).to_ascii_lowercase());
    assert!(rest.len() < promised, "all {promised} bytes were waiting in a window of 4096");
}

#[tokio::test]
async fn clients_that_stall_give_way_once_half_of_the_connections_are_taken() {
    let head_time = Duration::from_mins(1);
    let limits =
        Limits { connections: 4, head_time, crowded_head_time: Duration::from_millis(50), ..Limits::default() };
    let running = start(limits, Some(fixture::snapshot(1)), 0).await;
    let mut stalled = Vec::new();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(&running.address).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHo").await.unwrap();
        stalled.push(stream);
    }
    let answer = timeout(Duration::from_secs(30), get(&running.address, "/-/healthy", "")).await;
    assert!(answer.expect("served long before the patient ones end").0.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn who_asks_the_history_may_wait_longer_than_who_scrapes() {
    let (listener, history) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), history());
    let address = listener.local_addr().unwrap().to_string();
    let (_snapshots, receiver) = watch::channel(None);
    let site = Arc::new(Site::new(receiver, Arc::clone(&history), Arc::new(fixture::now), "/metrics"));
    tokio::spawn(serve_within(impatient(), vec![listener], site, std::future::pending()));
    let (locked, lock) = oneshot::channel();
    let writer = std::thread::spawn(move || {
        let guard = history.write().unwrap();
        locked.send(()).unwrap();
        std::thread::sleep(2 * impatient().exchange_time);
        drop(guard);
    });
    lock.await.unwrap();
    let (head, _) = get(&address, "/api/v1/query?query=up", "").await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    writer.join().unwrap();
}

/// Asks once more over the same connection; the head of the answer.
async fn ask_again(stream: &mut TcpStream, path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let end = loop {
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "closed before an answer");
    };
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
    let mut body = vec![0; length(&head) - (answer.len() - end - 4)];
    stream.read_exact(&mut body).await.unwrap();
    head
}

#[tokio::test]
async fn who_scrapes_may_stay_and_who_does_not_may_not() {
    let running = started().await;
    let mut stream = TcpStream::connect(&running.address).await.unwrap();
    for path in ["/metrics", "/metrics"] {
        let head = ask_again(&mut stream, path).await;
        assert!(head.starts_with("http/1.1 200") && !head.contains("connection: close"), "{head}");
    }
    let head = ask_again(&mut stream, "/-/healthy").await;
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(timeout(Duration::from_secs(20), stream.read(&mut [0])).await.expect("closed").unwrap(), 0);
}

#[tokio::test]
async fn those_who_stay_take_no_slot_from_others_and_not_for_ever() {
    let kept_time = Duration::from_secs(2);
    let limits = Limits { connections: 16, kept_time, ..Limits::default() };
    let running = start(limits, Some(fixture::snapshot(1)), 0).await;
    let mut staying = Vec::new();
    let mut stays = 0;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(&running.address).await.unwrap();
        let head = timeout(Duration::from_secs(20), ask_again(&mut stream, "/metrics")).await.expect("served");
        stays += u32::from(!head.contains("connection: close"));
        staying.push(stream);
    }
    assert!((2..20).contains(&stays), "two at a time: {stays}");
    for mut stream in staying {
        timeout(Duration::from_secs(20), stream.read_to_end(&mut Vec::new())).await.expect("dropped").ok();
    }
}

#[tokio::test]
async fn two_hundred_scrapers_at_once_see_the_same_tick() {
    let running = started().await;
    let scrapers: Vec<_> = (0..200)
        .map(|_| {
            let address = running.address.clone();
            tokio::spawn(async move { get(&address, "/metrics", "").await.1 })
        })
        .collect();
    let expected = get(&running.address, "/metrics", "").await.1;
    for scraper in scrapers {
        assert_eq!(scraper.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn not_ready_before_the_first_sample() {
    let running = start(Limits::default(), None, 0).await;
    for path in ["/-/ready", "/metrics", "/api/v1/jobs", "/api/v1/inventory"] {
        let (head, body) = get(&running.address, path, "").await;
        assert!(head.starts_with("http/1.1 503"), "{path} {head}");
        assert!(String::from_utf8(body).unwrap().contains("first sample"));
    }
    assert!(get(&running.address, "/-/healthy", "").await.0.starts_with("http/1.1 200"));
    assert!(get(&running.address, "/", "").await.0.starts_with("http/1.1 200"));
    running.snapshots.send(Some(Arc::new(fixture::snapshot(1)))).unwrap();
    assert!(get(&running.address, "/-/ready", "").await.0.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn a_loop_that_stands_still_is_not_published_as_the_present() {
    let running = start(Limits::default(), Some(fixture::snapshot(1)), 60).await;
    for path in ["/-/ready", "/metrics"] {
        let (head, body) = get(&running.address, path, "").await;
        assert!(head.starts_with("http/1.1 503"), "{path} {head}");
        assert!(String::from_utf8(body).unwrap().contains("60 s ago"));
    }
}

#[tokio::test]
async fn the_page_brings_nothing_from_elsewhere_and_may_do_nothing() {
    let running = started().await;
    let (head, body) = get(&running.address, "/", "").await;
    let html = String::from_utf8(body).unwrap();
    assert!(head.contains("content-security-policy: default-src 'none'; style-src 'self'"), "{head}");
    for foreign in ["://", "<script", " style=", "onclick", "onerror", "<form", "<iframe"] {
        assert!(!html.contains(foreign), "{foreign}");
    }
    for (path, content_type) in
        [("/style.css", "text/css"), ("/favicon.svg", "image/svg+xml"), ("/favicon.ico", "image/svg+xml")]
    {
        let (head, _) = get(&running.address, path, "").await;
        assert!(head.starts_with("http/1.1 200") && head.contains(content_type), "{path} {head}");
    }
}

#[tokio::test]
async fn jobs_as_json_keep_what_is_not_known_apart() {
    let running = start(Limits::default(), Some(fixture::blind()), 0).await;
    let (_, body) = get(&running.address, "/api/v1/jobs", "").await;
    let jobs: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(jobs[0]["profile"], "madmax");
    assert!(jobs[0]["progress_ratio"].is_null() && jobs[0]["resident_bytes"].is_null());
}

#[tokio::test]
async fn the_inventory_is_served_as_discover_writes_it() {
    let snapshot = fixture::snapshot(0);
    let written = serde_json::to_value(&*snapshot.inventory).unwrap();
    let running = start(Limits::default(), Some(snapshot), 0).await;
    let (head, body) = get(&running.address, "/api/v1/inventory", "").await;
    assert!(head.contains("application/json"), "{head}");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), written);
}

#[tokio::test]
async fn the_telemetry_path_can_be_moved() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (_snapshots, receiver) = watch::channel(Some(Arc::new(fixture::snapshot(1))));
    let site = Arc::new(Site::new(receiver, history(), Arc::new(fixture::now), "farm/metrics"));
    tokio::spawn(super::serve(vec![listener], site, std::future::pending()));
    assert!(get(&address, "/farm/metrics", "").await.0.starts_with("http/1.1 200"));
    assert!(get(&address, "/metrics", "").await.0.starts_with("http/1.1 404"));
    let page = String::from_utf8(get(&address, "/", "").await.1).unwrap();
    assert!(page.contains("href=\"farm/metrics\""));
}

#[tokio::test]
async fn after_the_shutdown_the_port_is_free_and_nobody_stays() {
    let running = started().await;
    let mut staying = TcpStream::connect(&running.address).await.unwrap();
    ask_again(&mut staying, "/metrics").await;
    running.stop.send(()).unwrap();
    timeout(Duration::from_secs(3), running.server).await.unwrap().unwrap();
    assert!(TcpListener::bind(&running.address).await.is_ok());
    assert_eq!(staying.read(&mut [0]).await.unwrap(), 0);
}
