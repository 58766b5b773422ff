//! PromQL answered without a server: parse, check and evaluate an expression over any source of samples.
//!
//! The language is that of Prometheus 2.42 on float samples. Three folders, each knowing only the ones before it:
//! `calc` is arithmetic on plain numbers, `syntax` turns text into a checked tree, `eval` turns tree and samples into an
//! [`Answer`]. Samples come through [`Storage`]; time limits through a [`Stop`]; there is no clock and no I/O in here.
//!
//! ```
//! use plotwarden::promql::Engine;
//!
//! let query = Engine::default().parse("sum by (job) (rate(cpu_seconds_total[5m]))").unwrap();
//! assert_eq!(query.to_string(), "sum by (job) (rate(cpu_seconds_total[5m]))");
//! ```

mod answer;
mod calc;
mod engine;
mod eval;
mod labels;
mod storage;
mod syntax;

pub use answer::{
    Annotation, Answer, Covered, Matrix, Point, Row, SelectorReport, Severity, Value, VectorSample, format_value,
};
pub use engine::{Engine, Limits, Semantics};
pub use eval::{EvalError, Stop, StopReason, covered_share};
pub use labels::{Label, Labels, METRIC_NAME};
pub use storage::{STALE, Selection, Storage, StorageError, StoredSeries, Summary, is_stale};
pub use syntax::{Intake, MatchOp, Matcher, ParseError, Query, Reading, Span, parse_duration};

/// Milliseconds: a time stamp since the Unix epoch, or a length of time. The resolution of Prometheus.
pub type Millis = i64;

/// Times farther than this from 1970, 285,000 years, are refused, so that sums and differences of times cannot overflow.
const FARTHEST: Millis = 1 << 53;
