//! Which family of `node_exporter`'s is which of ours, a row each, with what they may differ by.

mod memory;
mod network;
mod processor;
mod sensor;
mod storage;

use crate::row::Row;

pub fn rows() -> Vec<Row> {
    [processor::ROWS, &memory::rows(), storage::ROWS, network::ROWS, sensor::ROWS].concat()
}

/// By which others may move a gauge between two scrapes, beside what both scrapes show: a share of its value.
const BUSY: f64 = 0.05;
/// The same for a count of things that come and go within milliseconds.
const FLEETING: f64 = 64.0;
