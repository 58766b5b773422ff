//! From a request to its answer.

use std::error::Error;

use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use crate::metrics::Snapshot;
use crate::world::json;

use super::api::{self, Endpoint};
use super::site::Site;
use super::{lifecycle, negotiate, page, readiness};

const PLAIN: &str = "text/plain; charset=utf-8";
/// Nothing from elsewhere, no script, no frame, no form: a page about a machine should not be able to do anything.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const ALLOWED: &str = "GET, HEAD";

pub(super) type Answer = Response<Full<Bytes>>;

/// hyper leaves the body out where the method is HEAD.
pub(super) async fn respond<B>(site: &Site, request: Request<B>) -> Answer
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    match Endpoint::at(request.uri().path()) {
        Some(endpoint) if endpoint.takes(request.method()) => api::answer(site, endpoint, request).await,
        _ if request.uri().path() == lifecycle::RELOAD => lifecycle::reload(site, request.method()).await,
        _ => at_once(site, &request),
    }
}

/// Answers from what is in memory.
fn at_once<B>(site: &Site, request: &Request<B>) -> Answer {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer =
            plain(StatusCode::METHOD_NOT_ALLOWED, format!("only {ALLOWED}: nothing can be changed here\n"));
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static(ALLOWED));
        return answer;
    }
    match request.uri().path() {
        path if path == site.telemetry_path => metrics(site, request.headers()),
        "/-/healthy" => plain(StatusCode::OK, "plotwarden is healthy\n"),
        "/-/ready" => match readiness::fresh(site.latest(), (site.clock)()) {
            Ok(_) => plain(StatusCode::OK, "plotwarden is ready\n"),
            Err(why) => unavailable(why),
        },
        "/" => status_page(site, request.uri().query()),
        "/style.css" => asset("text/css; charset=utf-8", include_bytes!("assets/style.css")),
        "/favicon.svg" | "/favicon.ico" => asset("image/svg+xml", include_bytes!("assets/favicon.svg")),
        "/api/v1/jobs" => json(site, |snapshot| json::jobs(&snapshot.world.jobs, snapshot.world.now)),
        "/api/v1/inventory" => json(site, |snapshot| serde_json::to_string(&*snapshot.inventory)),
        _ => plain(StatusCode::NOT_FOUND, format!("not found; try / or {}\n", site.telemetry_path)),
    }
}

fn metrics(site: &Site, headers: &HeaderMap) -> Answer {
    let snapshot = match readiness::fresh(site.latest(), (site.clock)()) {
        Ok(snapshot) => snapshot,
        Err(why) => return unavailable(why),
    };
    let (format, gzip) = (negotiate::format(headers), negotiate::gzip(headers));
    match site.exposition.answer(&snapshot, format, gzip) {
        Ok(made) => {
            let mut answer = answer(StatusCode::OK, format.content_type(), made.text);
            answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
            if made.is_gzip {
                answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            answer
        }
        Err(error) => {
            tracing::error!(%error, "a scrape failed");
            plain(StatusCode::INTERNAL_SERVER_ERROR, format!("cannot compress the metrics: {error}\n"))
        }
    }
}

fn status_page(site: &Site, query: Option<&str>) -> Answer {
    let refresh = query != Some(page::REFRESH_OFF);
    let html = page::render(site.latest().as_deref(), (site.clock)(), &site.telemetry_path, refresh);
    let mut answer = answer(StatusCode::OK, "text/html; charset=utf-8", html);
    let headers: [(HeaderName, &'static str); 2] =
        [(CONTENT_SECURITY_POLICY, PAGE_POLICY), (REFERRER_POLICY, "no-referrer")];
    for (name, value) in headers {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

fn json(site: &Site, write: impl FnOnce(&Snapshot) -> serde_json::Result<String>) -> Answer {
    match readiness::fresh(site.latest(), (site.clock)()) {
        Ok(snapshot) => match write(&snapshot) {
            Ok(json) => answer(StatusCode::OK, "application/json", json),
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("cannot write it as JSON: {error}\n")),
        },
        Err(why) => unavailable(why),
    }
}

fn unavailable(why: readiness::NotReady) -> Answer {
    plain(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"))
}

pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    answer(status, PLAIN, text)
}

fn asset(content_type: &'static str, bytes: &'static [u8]) -> Answer {
    let mut answer = answer(StatusCode::OK, content_type, bytes);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    answer
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
