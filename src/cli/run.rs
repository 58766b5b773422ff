//! `plotwarden run`: from flags to settings, and from its end to an exit code.

use std::path::{Path, PathBuf};

use super::exit;
use super::options::{HistoryOptions, RunOptions};
use crate::actuate::Users;
use crate::kernel::Roots;
use crate::mode::Mode;
use crate::run::{self, HistorySettings, ProcessSettings, Settings};
use crate::signal::Dialect;

const POLICIES: &str = "/etc/plotwarden/policies";
const HISTORY: &str = "/var/lib/plotwarden/history";

pub fn run(options: RunOptions) -> u8 {
    let is_root = nix::unistd::geteuid().is_root();
    let mode = mode(is_root, options.max_mode);
    if !is_root {
        let use_instead = "sudo plotwarden run";
        tracing::warn!(
            use_instead,
            "not root: observing only, nothing is paused or re-prioritised, and some facts of other users' plotters stay hidden"
        );
    }
    let mut roots = options.paths.roots();
    if !is_root {
        roots = with_private_run(roots);
    }
    let collectors = options.collectors();
    let history = history(is_root, options.history, &roots);
    let settings = Settings {
        roots,
        listen: options.listen,
        telemetry_path: options.telemetry_path,
        lifecycle: options.lifecycle,
        compress_from: options.compress_from,
        profiles: options.profiles.profiles,
        policies: policies(options.policies),
        mode,
        users: options.users.map_or(Users::Everybody, |users| Users::Only(users.into_iter().collect())),
        prometheus: options.prometheus.access(),
        dialect: Dialect::new(options.semantics.setting()),
        rules: options.rules,
        history,
        collectors,
        processes: ProcessSettings { groups: options.processes.config, interval: options.processes.interval },
        peers: options.network.peers,
    };
    match run::run(settings) {
        Ok(true) => exit::OK,
        Ok(false) => exit::PROBLEM,
        Err(error) => {
            eprintln!("plotwarden: {error}");
            exit::CANNOT
        }
    }
}

/// Without root a pause could not be undone for sure, so nothing is done.
fn mode(is_root: bool, most: Option<Mode>) -> Mode {
    match (is_root, most) {
        (true, most) => most.unwrap_or(Mode::Enforce),
        (false, most) => most.unwrap_or(Mode::Off).min(Mode::DryRun),
    }
}

/// The operator's choice, else his own folder, else (empty) the shipped policies.
fn policies(chosen: Vec<PathBuf>) -> Vec<PathBuf> {
    if chosen.is_empty() && Path::new(POLICIES).is_dir() { vec![PathBuf::from(POLICIES)] } else { chosen }
}

/// The standard file belongs to the standing instance: one that was started beside it, with a run directory of its own,
/// keeps nothing unless it is told where.
fn history(is_root: bool, options: HistoryOptions, roots: &Roots) -> HistorySettings {
    let HistoryOptions { memory_limit, file, forecast, job, instance } = options;
    let standing = is_root && roots.run == Roots::standard().run;
    let file = match file {
        Some(path) if path == Path::new("none") => None,
        None if standing => Some(PathBuf::from(HISTORY)),
        chosen => chosen,
    };
    let chosen: Vec<_> = forecast.into_iter().map(|chosen| chosen.0).collect();
    let forecast = if chosen.is_empty() { run::standard_forecast() } else { chosen };
    HistorySettings { job, instance, memory_limit, forecast, file }
}

/// `/run` belongs to root; the user's own run directory does as well, since nothing is written but a lock and an audit file.
fn with_private_run(roots: Roots) -> Roots {
    let is_default = roots.run == Path::new(Roots::standard().run.as_path());
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) if is_default => Roots { run: PathBuf::from(dir).join("plotwarden"), ..roots },
        None if is_default => {
            let own = format!("plotwarden-{}", nix::unistd::geteuid());
            Roots { run: std::env::temp_dir().join(own), ..roots }
        }
        Some(_) | None => roots,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;

    #[test]
    fn root_enforces_and_others_observe_unless_told_otherwise() {
        assert_eq!(mode(true, None), Mode::Enforce);
        assert_eq!(mode(true, Some(Mode::DryRun)), Mode::DryRun);
        assert_eq!(mode(false, None), Mode::Off);
        assert_eq!(mode(false, Some(Mode::Enforce)), Mode::DryRun);
    }

    #[test]
    fn the_operator_s_policies_come_first() {
        assert_eq!(policies(vec![PathBuf::from("mine")]), [PathBuf::from("mine")]);
    }

    #[test]
    fn only_the_standing_instance_keeps_its_history_unasked() {
        let file = |is_root, chosen: Option<&str>, run: &str| {
            let options = HistoryOptions {
                memory_limit: crate::units::Bytes(1),
                file: chosen.map(PathBuf::from),
                forecast: Vec::new(),
                job: String::new(),
                instance: None,
            };
            history(is_root, options, &Roots { run: run.into(), ..Roots::standard() }).file
        };
        assert_eq!(file(true, None, "/run/plotwarden"), Some(PathBuf::from(HISTORY)));
        assert_eq!(file(true, None, "/tmp/run"), None);
        assert_eq!(file(false, None, "/run/plotwarden"), None);
        assert_eq!(file(true, Some("none"), "/run/plotwarden"), None);
        assert_eq!(file(false, Some("/tmp/h"), "/tmp/run"), Some(PathBuf::from("/tmp/h")));
    }

    #[test]
    fn the_default_address_is_one() {
        assert!(http::DEFAULT_LISTEN.parse::<std::net::SocketAddr>().is_ok());
    }
}
