//! Plotters as data: profiles (YAML, shipped and the user's), recognition, phase and progress, and needs.

mod job;

pub use job::{Arguments, Demand, Evidence, Job, JobId, Needs, Owner, Phase, Progress};
