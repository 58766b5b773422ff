//! Log lines on standard error, in the two formats that the Prometheus programs write.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt};

use super::options::{LogFormat, LogLevel, LogOptions};

/// Starts logging for the whole process. A second call changes nothing.
pub fn start(options: &LogOptions) {
    let level = match options.level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let registry = Registry::default().with(level);
    let started = match options.format {
        LogFormat::Logfmt => {
            let lines = tracing_logfmt::Builder::new().with_target(false).with_span_name(false).with_span_path(false);
            registry.with(lines.layer().with_writer(std::io::stderr)).try_init()
        }
        LogFormat::Json => registry
            .with(fmt::layer().json().flatten_event(true).with_target(false).with_writer(std::io::stderr))
            .try_init(),
    };
    if let Err(error) = started {
        eprintln!("plotwarden: logging is already set up: {error}");
    }
}
