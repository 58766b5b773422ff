//! Plotters as data: profiles (YAML, shipped and the user's), recognition, phase and progress, and needs.
//!
//! `profiles/` -> `schema` -> `compile` -> `Profile`; process facts -> `recognise` -> `family` -> `command_line` -> a job;
//! thread names, open files, written bytes and the log -> `evidence` -> `progress` -> `needs`. `registry` keeps all of it over time.

mod command_line;
mod compile;
mod error;
mod eta;
mod evidence;
mod expr;
mod family;
mod folder;
mod job;
mod log;
mod log_source;
mod needs;
mod profile;
mod profiles;
mod progress;
mod recognise;
mod registry;
mod schema;
mod temp;
#[cfg(test)]
mod tests;

pub use error::ProfileError;
pub use evidence::Observation;
pub use job::{Arguments, Demand, Evidence, Job, JobId, Needs, Owner, Phase, Progress};
pub use log::{Follows, LogChunk};
pub use log_source::LogSource;
pub use profile::Profile;
pub use profiles::Profiles;
pub use recognise::{Plotter, Role};
pub use registry::{JobRegistry, Machine};
pub use schema::{Control, RuntimeKnob, StopSignal};
pub use temp::TempPattern;
