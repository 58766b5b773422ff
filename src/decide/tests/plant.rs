//! Disks and cores as measured with four chiapos k22 plots: how fast plots go side by side, and what pressure that makes.

use std::time::Duration;

use super::scene::{Felt, Scene};
use crate::policy::Policy;
use crate::units::Ratio;

/// How often the machine itself moves on.
const STEP: f64 = 0.1;

/// A machine that plots; times are those of one plot that has it to itself.
#[derive(Debug, Clone, Copy)]
pub struct Plant {
    pub cores: f64,
    /// Length of one plot alone.
    pub alone: f64,
    /// Of which a core computes.
    pub computing: f64,
    /// Of which the disk works.
    pub disk: f64,
    /// How much more work each further plot at once makes for the disk, by seeks and by bytes that live longer.
    pub disturbance: f64,
}

impl Plant {
    /// 60 MB/s and 8 ms a seek: alone 21 s with the disk busy for 13.7 s; four at once keep it busy for 121 s.
    pub const SLOW_DISK: Self = Self { cores: 2.0, alone: 21.0, computing: 15.0, disk: 13.7, disturbance: 0.4 };
    /// Temp in the page cache: 22 s alone, four at once in 55 s.
    pub const PAGE_CACHE: Self = Self { cores: 2.0, alone: 22.0, computing: 22.0, disk: 0.0, disturbance: 0.0 };

    /// Work of `count` plots for the disk, of what it can do.
    fn disk_load(self, count: usize) -> f64 {
        let count = f64::from(u32::try_from(count).unwrap());
        count * self.disk * (1.0 + self.disturbance * (count - 1.0)) / self.alone
    }

    fn core_load(self, count: usize) -> f64 {
        f64::from(u32::try_from(count).unwrap()) * self.computing / self.alone / self.cores
    }

    /// Speed of each of `count` plots, of that of one alone.
    fn speed(self, count: usize) -> f64 {
        1.0 / self.disk_load(count).max(self.core_load(count)).max(1.0)
    }

    /// What all of them feel. One alone on the measured slow disk waits for 20 to 50 % of its time, by its phase.
    fn felt(self, count: usize, phase: f64) -> Felt {
        if count == 0 {
            return Felt::io(0.0);
        }
        let waits_alone = (0.35 + 0.15 * (phase * 9.0).sin()) * (self.disk / self.alone)
            / (Self::SLOW_DISK.disk / Self::SLOW_DISK.alone);
        let io = 1.0 - (1.0 - waits_alone).max(0.0) / self.disk_load(count).max(1.0);
        let cpu = if self.core_load(count) > 1.0 { 0.95 * (1.0 - io) } else { 0.1 };
        Felt { cpu: Some(cpu), ..Felt::io(io) }
    }
}

/// Plots an hour that `count` plots make on `plant`, of which `slots` are started at once and each end starts the next; with the
/// scene in which a policy managed them.
pub fn plots_per_hour(plant: Plant, count: u32, slots: u32, policy: Policy) -> (f64, Scene) {
    let mut scene = Scene::new(policy);
    let (mut seconds, mut since_tick) = (0.0, 0.0);
    let (mut started, mut ended) = (0, 0);
    while ended < count {
        while started < count && started - ended < slots {
            started += 1;
            scene.start(started);
        }
        let running: Vec<usize> =
            (0..scene.jobs.len()).filter(|index| scene.jobs[*index].pause.since.is_none()).collect();
        let speed = plant.speed(running.len().max(1));
        let mut done = Vec::new();
        for index in &running {
            let job = &mut scene.jobs[*index].job;
            let ratio = job.progress.ratio.unwrap().0 + STEP * speed / plant.alone;
            job.progress.ratio = Some(Ratio(ratio));
            if ratio >= 1.0 {
                done.push(u32::try_from(job.plotter.pid).unwrap());
            }
        }
        for number in done {
            scene.end(number);
            ended += 1;
        }
        seconds += STEP;
        since_tick += STEP;
        if since_tick >= 1.0 - STEP / 2.0 {
            since_tick = 0.0;
            let phase = scene.jobs.first().map_or(0.0, |view| view.job.progress.ratio.unwrap().0);
            scene.pass(Duration::from_secs(1), plant.felt(running.len(), phase));
        }
        assert!(seconds < 36_000.0, "the plots never end: {:?}", scene.said);
    }
    (f64::from(count) * 3600.0 / seconds, scene)
}
