//! The HTTP API of a Prometheus server over the embedded history, so that Grafana and `promtool` work on plotwarden alone.
//!
//! Source: <https://prometheus.io/docs/prometheus/latest/querying/api/>, as of 2.42. What reads the history runs on a
//! blocking thread, two requests at a time, with a deadline that also counts the wait for a turn.

mod buildinfo;
mod form;
mod json;
mod metadata;
mod query;
mod reply;
mod series;
mod time;
mod turn;

#[cfg(test)]
mod tests;

use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::{Method, Request, Response};

use form::Parameters;
use reply::Outcome;

use super::site::Site;

pub(super) use turn::{LONGEST, Turns};

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Query,
    QueryRange,
    Series,
    Labels,
    LabelValues(String),
    Metadata,
    BuildInfo,
}

impl Endpoint {
    /// The endpoint at this path, if there is one.
    pub fn at(path: &str) -> Option<Self> {
        match path.strip_prefix("/api/v1/")? {
            "query" => Some(Self::Query),
            "query_range" => Some(Self::QueryRange),
            "series" => Some(Self::Series),
            "labels" => Some(Self::Labels),
            "metadata" => Some(Self::Metadata),
            "status/buildinfo" => Some(Self::BuildInfo),
            path => {
                let name = path.strip_prefix("label/")?.strip_suffix("/values")?;
                Some(Self::LabelValues(name.to_owned()))
            }
        }
    }

    /// Whether a form may be sent to it: queries outgrow what fits into an address.
    pub fn takes(&self, method: &Method) -> bool {
        match *method {
            Method::GET | Method::HEAD => true,
            Method::POST => matches!(self, Self::Query | Self::QueryRange | Self::Series | Self::Labels),
            _ => false,
        }
    }
}

/// Answers once the history has been read, at the latest at the deadline.
pub(super) async fn answer<B>(site: &Site, endpoint: Endpoint, request: Request<B>) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    reply::response(outcome(site, endpoint, request).await)
}

async fn outcome<B>(site: &Site, endpoint: Endpoint, request: Request<B>) -> Outcome
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let parameters = Parameters::read(request).await?;
    match endpoint {
        Endpoint::Query => query::instant(site, &parameters).await,
        Endpoint::QueryRange => query::range(site, &parameters).await,
        Endpoint::Series => series::series(site, &parameters).await,
        Endpoint::Labels => series::names(site, &parameters).await,
        Endpoint::LabelValues(name) => series::values(site, &form::decode(&name)?, &parameters).await,
        Endpoint::Metadata => metadata::metadata(&parameters),
        Endpoint::BuildInfo => buildinfo::buildinfo(),
    }
}
