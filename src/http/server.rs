//! Connections, with limits on everything that a client can make large or slow.
//!
//! One request per connection: a scrape each fifteen seconds gains nothing from an open connection, and an idle one
//! would hold a slot. So whoever holds a slot is being answered, or is dropped soon.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

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
    /// From the connection to the last byte of the answer: a slow reader is dropped.
    pub exchange_time: Duration,
    /// On top of it for those who ask the history.
    pub query_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            head_time: Duration::from_secs(5),
            exchange_time: Duration::from_secs(20),
            query_time: api::LONGEST,
        }
    }
}

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
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(limits, listener, Arc::clone(&site), Arc::clone(&slots)));
    }
    shutdown.await;
    accepting.shutdown().await;
    if timeout(DRAIN_TIME, slots.acquire_many(limits.connections)).await.is_err() {
        tracing::debug!("connections that were not finished {DRAIN_TIME:?} after the shutdown are dropped");
    }
}

async fn accept(limits: Limits, listener: TcpListener, site: Arc<Site>, slots: Arc<Semaphore>) {
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(limits, stream, Arc::clone(&site), slot));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection from its head to the last byte of its answer.
async fn converse(limits: Limits, stream: TcpStream, site: Arc<Site>, slot: OwnedSemaphorePermit) {
    let asks_history = AtomicBool::new(false);
    let service = service_fn(|request: Request<Incoming>| {
        asks_history.store(Endpoint::at(request.uri().path()).is_some(), Ordering::Relaxed);
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(route::respond(&site, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .keep_alive(false)
        .max_headers(HEAD_FIELDS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut end = timeout(limits.exchange_time, connection.as_mut()).await;
    if end.is_err() && asks_history.load(Ordering::Relaxed) {
        end = timeout(limits.query_time, connection).await;
    }
    match end {
        Ok(Ok(())) => (),
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended early"),
        Err(_) => tracing::debug!("a client that took too long was dropped"),
    }
    drop(slot);
}
