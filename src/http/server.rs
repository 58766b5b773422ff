//! Connections, with limits on everything that a client can make large or slow.
//!
//! One request per connection, but for scrapes: who scrapes comes again, and a new connection each time is a quarter of what
//! the server uses for an answer (measured). So a few may stay, never so many that those who wait would find no slot: whoever
//! holds another one is being answered, or is dropped soon.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::api::{self, Endpoint};
use super::route;
use super::site::Site;

/// What a client may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// At once, over all listeners; the rest wait in the kernel's queue.
    pub connections: u32,
    /// From the connection to the end of the request's head.
    pub head_time: Duration,
    /// The same while more than half of the connections are taken: those who stall give way to those who wait.
    pub crowded_head_time: Duration,
    /// From the connection to the last byte of the answer: a slow reader is dropped.
    pub exchange_time: Duration,
    /// On top of it for those who ask the history.
    pub query_time: Duration,
    /// From a scrape to the end of the next one, for the few that may stay. Prometheus asks each minute unless told otherwise.
    pub kept_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            head_time: Duration::from_secs(5),
            crowded_head_time: Duration::from_millis(500),
            exchange_time: Duration::from_secs(20),
            query_time: api::LONGEST,
            kept_time: Duration::from_secs(90),
        }
    }
}

/// One in so many connections may stay behind a scrape.
const KEPT_SHARE: u32 = 8;
const HEAD_BYTES: usize = 16 * 1024;
const HEAD_FIELDS: usize = 64;
/// Answers on their way at shutdown get this long.
const DRAIN_TIME: Duration = Duration::from_secs(2);
/// Pause after a failed accept, which is nearly always a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves `site` on all `listeners` until `shutdown` resolves, then lets answers that are under way be finished.
pub async fn serve(listeners: Vec<TcpListener>, site: Arc<Site>, shutdown: impl Future<Output = ()>) {
    serve_within(Limits::default(), listeners, site, shutdown).await;
}

pub(super) async fn serve_within(
    limits: Limits,
    listeners: Vec<TcpListener>,
    site: Arc<Site>,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(limits.connections as usize));
    let kept = Arc::new(Semaphore::new((limits.connections / KEPT_SHARE) as usize));
    let (open, closing) = watch::channel(());
    let house = House { limits, site, slots: Arc::clone(&slots), kept, closing };
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(house.clone(), listener));
    }
    shutdown.await;
    accepting.shutdown().await;
    drop(open);
    if timeout(DRAIN_TIME, slots.acquire_many(limits.connections)).await.is_err() {
        tracing::debug!("connections that were not finished {DRAIN_TIME:?} after the shutdown are dropped");
    }
}

/// What all connections share.
#[derive(Clone)]
struct House {
    limits: Limits,
    site: Arc<Site>,
    slots: Arc<Semaphore>,
    /// For those that may stay.
    kept: Arc<Semaphore>,
    /// Its sender is dropped at shutdown.
    closing: watch::Receiver<()>,
}

async fn accept(house: House, listener: TcpListener) {
    loop {
        let Ok(slot) = Arc::clone(&house.slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(house.clone(), stream, slot));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// How long a connection may last, as it goes on.
struct Visit {
    began: Instant,
    ends: Instant,
    /// Held by those that may stay.
    stay: Option<OwnedSemaphorePermit>,
}

impl Visit {
    fn begin(house: &House) -> Self {
        let (limits, began) = (house.limits, Instant::now());
        let crowded = house.slots.available_permits() < limits.connections as usize / 2;
        let head_time = if crowded { limits.crowded_head_time } else { limits.head_time };
        Self { began, ends: began + head_time, stay: None }
    }

    /// The head of a request is there. `true` if the connection may stay behind the answer.
    fn asked(&mut self, house: &House, request: &Request<Incoming>) -> bool {
        let (limits, path) = (house.limits, request.uri().path());
        if path == house.site.telemetry_path && matches!(*request.method(), Method::GET | Method::HEAD) {
            self.stay = self.stay.take().or_else(|| Arc::clone(&house.kept).try_acquire_owned().ok());
        } else {
            self.stay = None;
        }
        let asks_history = Endpoint::at(path).is_some();
        self.ends = if self.stay.is_some() {
            Instant::now() + limits.kept_time
        } else {
            self.began + limits.exchange_time + if asks_history { limits.query_time } else { Duration::ZERO }
        };
        self.stay.is_some()
    }
}

/// One connection from its first head to the last byte of its last answer.
async fn converse(house: House, stream: TcpStream, slot: OwnedSemaphorePermit) {
    let mut closing = house.closing.clone();
    let visit = Mutex::new(Visit::begin(&house));
    let lock = || visit.lock().unwrap_or_else(PoisonError::into_inner);
    let service = service_fn(|request: Request<Incoming>| {
        let (stays, site) = (lock().asked(&house, &request), Arc::clone(&house.site));
        async move {
            let mut answer = route::respond(&site, request).await;
            if !stays {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .max_headers(HEAD_FIELDS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut is_closing = false;
    loop {
        // Moved on by each request, which is noticed when it is over: a timer for each would cost more.
        let ends = lock().ends;
        tokio::select! {
            end = connection.as_mut() => {
                if let Err(error) = end {
                    tracing::debug!(%error, "a connection ended early");
                }
                break;
            }
            () = sleep_until(ends) => {
                if lock().ends <= Instant::now() {
                    tracing::debug!("a client that took too long was dropped");
                    break;
                }
            }
            _ = closing.changed(), if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
    drop(slot);
}
