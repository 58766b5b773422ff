//! The endpoints as Grafana and `promtool` use them, over a real connection.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;
use crate::clock::Moment;
use crate::http::site::Site;
use crate::http::tests::{ask, exchange, get, history};
use crate::metrics::{Recorder, fixture};
use crate::promql::Semantics;
use crate::signal::Dialect;

/// Serves a minute of ticks of two plotters; now is the last tick. Returns address and the time of the last tick.
async fn served() -> (String, i64) {
    served_in(Dialect::default()).await
}

async fn served_in(dialect: Dialect) -> (String, i64) {
    let history = history();
    let first = i64::try_from(fixture::now().wall.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let mut recorder = Recorder::default();
    for second in 0..=60 {
        let mut tick = fixture::snapshot(2);
        tick.own.ticks = u64::try_from(second).unwrap();
        recorder.record(first + second * 1000, &tick, &mut history.write().unwrap()).unwrap();
    }
    let (_, receiver) = watch::channel(None);
    let start = fixture::now();
    let now = Moment { wall: start.wall + Duration::from_mins(1), ..start };
    let site = Arc::new(Site::new(receiver, history, Arc::new(move || now), "/metrics").speaking(dialect));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(crate::http::serve(vec![listener], site, std::future::pending()));
    (address, first / 1000 + 60)
}

/// Status and body.
async fn json(address: &str, path: &str) -> (u16, Value) {
    let (head, body) = get(address, path, "").await;
    assert!(head.contains("content-type: application/json"), "{path}: {head}");
    (head[9..12].parse().unwrap(), serde_json::from_slice(&body).unwrap())
}

async fn data(address: &str, path: &str) -> Value {
    let (status, answer) = json(address, path).await;
    assert_eq!((status, &answer["status"]), (200, &json!("success")), "{path}: {answer}");
    answer["data"].clone()
}

#[tokio::test]
async fn windows_are_those_of_the_generation_that_is_spoken() {
    // A window of 30 s over samples each second: 3.x leaves out the one at its left end.
    for (semantics, samples) in [(Semantics::V2, "31"), (Semantics::V3, "30")] {
        let (address, now) = served_in(Dialect::new(Some(semantics))).await;
        let path = format!("/api/v1/query?query=count_over_time(plotwarden_ticks_total[30s])&time={now}");
        assert_eq!(data(&address, &path).await["result"][0]["value"][1], samples, "{semantics:?}");
    }
}

#[tokio::test]
async fn an_instant_query_is_answered_as_by_a_server() {
    let (address, now) = served().await;
    let found = data(&address, "/api/v1/query?query=plotwarden_ticks_total").await;
    let metric = json!({"__name__": "plotwarden_ticks_total", "instance": "plot-01:9037", "job": "plotwarden"});
    assert_eq!(found, json!({"resultType": "vector", "result": [{"metric": metric, "value": [now, "60"]}]}));
    let path = format!("/api/v1/query?query=rate(plotwarden_ticks_total[30s])&time={}.5&timeout=5s", now - 10);
    let rate: f64 = data(&address, &path).await["result"][0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!((rate - 1.0).abs() < 1e-9, "{rate}");
    assert_eq!(data(&address, "/api/v1/query?query=up%2B1").await["result"][0]["value"][1], "2");
    let told =
        data(&address, "/api/v1/query?query=avg_over_time(up[2m])&stats=all").await["stats"]["selectors"][0].clone();
    assert_eq!((&told["selector"], &told["resolution"]), (&json!("up[2m]"), &json!("tick")));
    assert!((told["covered_ratio"].as_f64().unwrap() - 0.5).abs() < 0.02, "{told}");
}

#[tokio::test]
async fn a_range_query_has_a_value_at_every_step() {
    let (address, now) = served().await;
    let path = format!("/api/v1/query_range?query=plotwarden_ticks_total&start={}&end={now}&step=15s", now - 30);
    let found = data(&address, &path).await;
    assert_eq!(found["resultType"], "matrix");
    assert_eq!(found["result"][0]["values"], json!([[now - 30, "30"], [now - 15, "45"], [now, "60"]]));
}

#[tokio::test]
async fn a_form_is_as_good_as_an_address() {
    let (address, _) = served().await;
    let form = "query=count(up)&x=y";
    let request = format!(
        "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = String::from_utf8(exchange(&address, request.as_bytes()).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""resultType":"vector""#), "{answer}");
    let endless = "POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\n";
    let answer = exchange(&address, format!("{endless}{}", "a".repeat(100_000)).as_bytes()).await;
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn series_labels_and_values_are_listed() {
    let (address, now) = served().await;
    let found = data(&address, "/api/v1/series?match[]=up&match[]=%7B__name__%3D%22up%22%7D").await;
    assert_eq!(found, json!([{"__name__": "up", "instance": "plot-01:9037", "job": "plotwarden"}]));
    assert_eq!(data(&address, &format!("/api/v1/series?match[]=up&start={}", now + 1)).await, json!([]));
    let names = data(&address, "/api/v1/labels?match[]=plotwarden_job_threads").await;
    assert_eq!(names, json!(["__name__", "instance", "job", "job_id"]));
    let metrics = data(&address, "/api/v1/label/__name__/values").await;
    assert!(metrics.as_array().unwrap().contains(&json!("plotwarden_job_info")), "{metrics}");
    assert_eq!(data(&address, "/api/v1/label/job/values").await, json!(["plotwarden"]));
    let two = data(&address, "/api/v1/label/job_id/values?match[]=plotwarden_job_threads").await;
    assert_eq!(two.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn metadata_and_build_information_are_what_clients_ask_for() {
    let (address, _) = served().await;
    let found = data(&address, "/api/v1/metadata?metric=plotwarden_tick_duration_seconds").await;
    let entry = json!([{"type": "gauge", "help": "Duration of the last tick.", "unit": "seconds"}]);
    assert_eq!(found, json!({"plotwarden_tick_duration_seconds": entry}));
    assert!(data(&address, "/api/v1/metadata").await.as_object().unwrap().len() > 80);
    assert_eq!(data(&address, "/api/v1/metadata?limit=2").await.as_object().unwrap().len(), 2);
    let build = data(&address, "/api/v1/status/buildinfo").await;
    assert_eq!(build["version"], "2.42.0");
    assert!(build["revision"].as_str().unwrap().starts_with("plotwarden "));
}

#[tokio::test]
async fn errors_have_the_types_and_codes_of_a_server() {
    let (address, now) = served().await;
    let range = |step: &str| format!("/api/v1/query_range?query=up&start=0&end={now}&step={step}");
    for (path, status, kind, says) in [
        ("/api/v1/query".to_owned(), 400, "bad_data", "invalid parameter \"query\": 1:1: parse error"),
        ("/api/v1/query?query=sum(up".to_owned(), 400, "bad_data", "1:7: parse error"),
        ("/api/v1/query?query=up&time=soon".to_owned(), 400, "bad_data", "invalid parameter \"time\""),
        ("/api/v1/query?query=up&timeout=soon".to_owned(), 400, "bad_data", "invalid parameter \"timeout\""),
        ("/api/v1/query?query=%zz".to_owned(), 400, "bad_data", "escape"),
        (
            "/api/v1/query?query=plotwarden_job_threads*on(job)plotwarden_job_threads".to_owned(),
            422,
            "execution",
            "match the same elements",
        ),
        ("/api/v1/query?query=up&timeout=0".to_owned(), 503, "timeout", "stopped"),
        (
            format!("/api/v1/query_range?query=up[5m]&start={now}&end={now}&step=1"),
            400,
            "bad_data",
            "invalid parameter \"query\": invalid expression type \"range vector\" for range query",
        ),
        (range("1"), 400, "bad_data", "exceeded maximum resolution"),
        (range("0"), 400, "bad_data", "zero or negative"),
        (range(""), 400, "bad_data", "invalid parameter \"step\""),
        ("/api/v1/query_range?query=up&start=2&end=1&step=1".to_owned(), 400, "bad_data", "before start"),
        ("/api/v1/query_range?query=up&end=1&step=1".to_owned(), 400, "bad_data", "\"start\""),
        ("/api/v1/series".to_owned(), 400, "bad_data", "no match[]"),
        ("/api/v1/series?match[]=up[5m]".to_owned(), 400, "bad_data", "no series selector"),
        ("/api/v1/labels?match[]={}".to_owned(), 400, "bad_data", "invalid parameter \"match[]\""),
        ("/api/v1/label/0a/values".to_owned(), 400, "bad_data", "invalid label name"),
        ("/api/v1/metadata?limit=x".to_owned(), 400, "bad_data", "limit must be a number"),
    ] {
        let (code, answer) = json(&address, &path).await;
        assert_eq!((code, &answer["status"], &answer["errorType"]), (status, &json!("error"), &json!(kind)), "{path}");
        assert!(answer["error"].as_str().unwrap().contains(says), "{path}: {answer}");
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let (address, _) = served().await;
    for (method, path) in [("POST", "/api/v1/metadata"), ("DELETE", "/api/v1/series"), ("PUT", "/api/v1/query")] {
        let (head, _) = ask(&address, method, path, "Content-Length: 0\r\n").await;
        assert!(head.starts_with("http/1.1 405"), "{method} {path}: {head}");
    }
    assert!(get(&address, "/api/v1/rules", "").await.0.starts_with("http/1.1 404"));
}

#[tokio::test]
async fn two_are_answered_at_a_time_and_the_third_waits_no_longer_than_it_wants() {
    let (_, receiver) = watch::channel(None);
    let site = Arc::new(Site::new(receiver, history(), Arc::new(crate::kernel::clock::now), "/metrics"));
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let (site, wait) = (Arc::clone(&site), Arc::clone(&wait));
            tokio::spawn(async move {
                let work = move |_: crate::promql::Stop<'_>| {
                    wait.lock().unwrap().recv().unwrap();
                    Ok("done".to_owned())
                };
                turn::take(&site, Duration::from_secs(20), work).await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let late = turn::take(&site, Duration::from_millis(50), |_| Ok("done".to_owned())).await.unwrap_err();
    assert_eq!(late.kind, reply::ErrorType::Timeout);
    release.send(()).unwrap();
    release.send(()).unwrap();
    for one in busy {
        assert_eq!(one.await.unwrap().unwrap(), "done");
    }
    assert!(turn::take(&site, Duration::from_millis(50), |_| Ok(String::new())).await.is_ok());
}

#[tokio::test]
async fn work_stops_when_nobody_waits_for_it_any_more() {
    let (_, receiver) = watch::channel(None);
    let site = Site::new(receiver, history(), Arc::new(crate::kernel::clock::now), "/metrics");
    let (tell, told) = std::sync::mpsc::channel();
    let work = move |stop: crate::promql::Stop<'_>| loop {
        if let Some(reason) = stop() {
            tell.send(reason).unwrap();
            return Ok(String::new());
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let waiting = turn::take(&site, Duration::from_secs(20), work);
    assert!(tokio::time::timeout(Duration::from_millis(50), waiting).await.is_err());
    let reason = tokio::task::spawn_blocking(move || told.recv_timeout(Duration::from_secs(5)).unwrap()).await.unwrap();
    assert_eq!(reason, crate::promql::StopReason::Cancelled);
}
