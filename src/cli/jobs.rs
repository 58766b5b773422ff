//! `plotwarden jobs`: one look at the plotting jobs of this machine, with or without a run beside it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::options::{JobsOptions, Output};
use super::{exit, table};
use crate::inventory;
use crate::kernel::clock;
use crate::plotter::Profiles;
use crate::run::{Jobs, Treatment};
use crate::units::Bytes;
use crate::world::{JobView, json};

/// Temp directories are measured in the background; this long is waited for them.
const SECOND_LOOK: Duration = Duration::from_millis(300);

pub fn jobs(options: &JobsOptions) -> u8 {
    let roots = options.paths.roots();
    let profiles = match Profiles::shipped() {
        Ok(profiles) => profiles,
        Err(error) => {
            eprintln!("plotwarden: the shipped plotter profiles are damaged: {error}");
            return exit::CANNOT;
        }
    };
    let (profiles, problems) = profiles.with_folder(&options.profiles.profiles);
    for problem in &problems {
        eprintln!("plotwarden: {problem}");
    }
    let mut jobs = Jobs::new(&roots, Arc::new(profiles), inventory::cpus_online(&roots));
    if let Err(error) = jobs.look(clock::now()) {
        eprintln!("plotwarden: {error}");
        return exit::CANNOT;
    }
    jobs.sample(clock::now(), |_| Treatment::default());
    thread::sleep(SECOND_LOOK);
    let views = jobs.sample(clock::now(), |_| Treatment::default());
    match options.output {
        Output::Table => print(&views),
        Output::Json => match json::jobs(&views, clock::now()) {
            Ok(json) => println!("{json}"),
            Err(error) => {
                eprintln!("plotwarden: cannot write the jobs as JSON: {error}");
                return exit::CANNOT;
            }
        },
    }
    if problems.is_empty() { exit::OK } else { exit::PROBLEM }
}

fn print(views: &[JobView]) {
    if views.is_empty() {
        println!("no plotting job runs here");
        return;
    }
    let rows: Vec<Vec<String>> = views.iter().map(row).collect();
    table::print(
        &["JOB", "K", "OWNER", "PHASE", "PROGRESS", "LEFT", "MEMORY", "NEEDS", "TEMP", "NEEDS", "TEMP DIRECTORY"],
        &rows,
    );
}

fn row(view: &JobView) -> Vec<String> {
    let unknown = || "-".to_owned();
    let size = |bytes: Option<Bytes>| bytes.map_or_else(unknown, |bytes| bytes.to_string());
    let JobView { job, sample, .. } = view;
    let progress = &job.progress;
    let phase = match (progress.phase, progress.table) {
        (Some(phase), Some(table)) => format!("{phase}, table {table}"),
        (Some(phase), None) => phase.to_string(),
        (None, _) => unknown(),
    };
    vec![
        job.id.to_string(),
        job.arguments.k.map_or_else(unknown, |k| k.to_string()),
        job.owner.name.clone().unwrap_or_else(|| job.owner.uid.to_string()),
        phase,
        progress.ratio.map_or_else(unknown, |ratio| ratio.to_string()),
        progress
            .eta
            .map_or_else(unknown, |eta| humantime::format_duration(Duration::from_secs(eta.as_secs())).to_string()),
        size(sample.resident),
        size(job.needs.peak.ram),
        size(sample.temp_bytes),
        size(job.needs.peak.temp),
        job.arguments.temp_dirs.first().map_or_else(unknown, |dir| dir.display().to_string()),
    ]
}
