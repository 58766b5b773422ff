//! `plotwarden query`: asks a running plotwarden in PromQL, and shows the answer as a table or, over a range of time, as charts.

mod answer;
mod chart;
mod client;

use std::time::{Duration, UNIX_EPOCH};

use super::options::{Output, QueryOptions};
use super::{exit, table};
use crate::kernel::clock;
use crate::promql::Engine;
use answer::{Answer, Data, Reply};
use client::AskError;

/// Steps of a range for which none was asked: as many as a chart has columns.
const STEPS: u32 = 60;

pub fn query(options: &QueryOptions) -> u8 {
    if let Err(error) = Engine::default().parse(&options.expression) {
        eprintln!("{}", error.show(&options.expression));
        return exit::PROBLEM;
    }
    let body = match ask(options) {
        Ok(body) => body,
        Err(error) => {
            eprintln!("plotwarden: {error}");
            return exit::CANNOT;
        }
    };
    match serde_json::from_str::<Reply>(&body).map(Reply::into_answer) {
        Ok(Ok(answer)) => {
            show(options, &body, &answer);
            exit::OK
        }
        Ok(Err(refusal)) => {
            eprintln!("plotwarden: {}", answer::printable(&refusal));
            exit::PROBLEM
        }
        Err(error) => {
            eprintln!("plotwarden: {} does not speak the API of Prometheus: {error}", options.url);
            exit::CANNOT
        }
    }
}

fn ask(options: &QueryOptions) -> Result<String, AskError> {
    let mut form = vec![("query", options.expression.clone()), ("stats", "all".to_owned())];
    let Some(range) = options.range else { return client::post(&options.url, "/api/v1/query", &form) };
    let end = clock::now().wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let step = options.step.unwrap_or_else(|| default_step(range));
    form.push(("start", end.saturating_sub(range).as_secs_f64().to_string()));
    form.push(("end", end.as_secs_f64().to_string()));
    form.push(("step", step.as_secs_f64().to_string()));
    client::post(&options.url, "/api/v1/query_range", &form)
}

fn default_step(range: Duration) -> Duration {
    (range / STEPS).max(Duration::from_secs(1))
}

fn show(options: &QueryOptions, body: &str, answer: &Answer) {
    if options.output == Output::Json {
        println!("{body}");
        return;
    }
    match &answer.data {
        Data::Scalar((_, value)) | Data::String((_, value)) => println!("{}", answer::printable(value)),
        Data::Vector(samples) if samples.is_empty() => println!("no series"),
        Data::Matrix(rows) if rows.is_empty() => println!("no series"),
        Data::Vector(samples) => {
            let row = |sample: &answer::Sample| vec![sample.value.1.clone(), answer::series(&sample.metric)];
            table::print(&["VALUE", "SERIES"], &samples.iter().map(row).collect::<Vec<_>>());
        }
        Data::Matrix(rows) => {
            let rows: Vec<Vec<String>> = chart::rows(rows);
            table::print(&["CHART", "MIN", "MAX", "LAST", "SERIES"], &rows);
        }
    }
    for note in &answer.notes {
        eprintln!("{}", answer::printable(note));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_without_a_step_fills_the_chart() {
        assert_eq!(default_step(Duration::from_hours(1)), Duration::from_mins(1));
        assert_eq!(default_step(Duration::from_secs(30)), Duration::from_secs(1));
    }
}
