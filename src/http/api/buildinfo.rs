//! `/api/v1/status/buildinfo`: clients ask it what they may send.

use serde::Serialize;

use super::reply::{self, Outcome};

/// The server whose language and API are spoken here.
const SPEAKS_AS: &str = "2.42.0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    version: &'static str,
    revision: &'static str,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

pub(super) fn buildinfo() -> Outcome {
    reply::success(&BuildInfo {
        version: SPEAKS_AS,
        revision: concat!("plotwarden ", env!("CARGO_PKG_VERSION")),
        branch: "embedded history",
        build_user: "",
        build_date: "",
        go_version: "",
    })
}
