//! The one thing that can be asked for over HTTP, and only where the operator allows it: to read the policies again. Paths, methods
//! and answers are those of Prometheus's own lifecycle API, so that what reloads one can reload the other.

use std::time::Duration;

use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::route::{Answer, plain};
use super::site::Site;

pub(super) const RELOAD: &str = "/-/reload";
const ALLOWED: &str = "POST, PUT";
/// Within the time of an exchange; a folder of policies takes milliseconds.
const LONGEST: Duration = Duration::from_secs(15);

/// Answers when the policies that were read are in force, or with all that is wrong with them.
pub(super) async fn reload(site: &Site, method: &Method) -> Answer {
    if !matches!(*method, Method::POST | Method::PUT) {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static(ALLOWED));
        return answer;
    }
    let Some(reload) = &site.reload else {
        return plain(StatusCode::FORBIDDEN, "Lifecycle API is not enabled.\n");
    };
    let (reply, answer) = oneshot::channel();
    reload(reply);
    let failed = |status, why: &str| plain(status, format!("failed to reload policies: {why}\n"));
    match timeout(LONGEST, answer).await {
        Ok(Ok(Ok(()))) => plain(StatusCode::OK, ""),
        Ok(Ok(Err(errors))) => failed(StatusCode::INTERNAL_SERVER_ERROR, &errors),
        Ok(Err(_)) => failed(StatusCode::INTERNAL_SERVER_ERROR, "plotwarden is ending"),
        Err(_) => failed(StatusCode::GATEWAY_TIMEOUT, "the files do not answer; what comes of it will be in the log"),
    }
}
