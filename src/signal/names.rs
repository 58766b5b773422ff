//! What the variables of expressions stand for in one tick: who this machine is to a server, and where its jobs work.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::Target;
use crate::plotter::JobId;
use crate::policy::{Expression, Meanings, Variable};
use crate::sample::TempDevices;
use crate::world::World;

/// The facts behind `$node`, `$job`, `$job_id` and `$device`.
#[derive(Debug, Clone, Default)]
pub struct Names {
    node: String,
    job: String,
    devices: BTreeMap<JobId, TempDevices>,
}

/// About whom a question is asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whom<'a> {
    Job(&'a JobId),
    /// The machine, on which these jobs plot.
    Machine(&'a [&'a JobId]),
}

impl Names {
    /// `target` says under which labels our series are known.
    pub fn of(target: &Target, world: &World) -> Self {
        let devices = world.jobs.iter().map(|view| (view.job.id.clone(), view.sample.temp_devices.clone()));
        Self { node: target.instance.clone(), job: target.job.clone(), devices: devices.collect() }
    }

    /// The question in the words of the answerer.
    ///
    /// # Errors
    /// In plain words: something that it is about is not known.
    pub(super) fn fill(&self, expression: &Expression, whom: Whom<'_>) -> Result<String, String> {
        let devices = if expression.uses(Variable::Device) { self.devices(whom) } else { Ok(Vec::new()) };
        let job_id = match whom {
            Whom::Job(id) => Some(id.as_str()),
            Whom::Machine(_) => None,
        };
        let devices = devices.as_deref().map_err(String::as_str);
        expression.fill(&Meanings { node: &self.node, job: &self.job, job_id, devices })
    }

    /// Whether a question of each job can be asked about this one: of a job that plots in memory, or on another machine, there
    /// is no device to speak of.
    pub(super) fn concern(&self, expression: &Expression, id: &JobId) -> bool {
        let without_device = matches!(self.devices.get(id), Some(TempDevices::Known(names)) if names.is_empty());
        !(expression.uses(Variable::Device) && without_device)
    }

    fn devices(&self, whom: Whom<'_>) -> Result<Vec<String>, String> {
        match whom {
            Whom::Job(id) => {
                self.of_job(id)?.ok_or_else(|| "the device of its temp directory is not known yet".to_owned())
            }
            Whom::Machine([]) => Err("no job runs, so there is no `$device`".to_owned()),
            Whom::Machine(jobs) => {
                let of_jobs = jobs.iter().map(|id| self.of_job(id)).collect::<Result<Vec<_>, _>>()?;
                // A job that began a moment ago joins as soon as it has been looked at.
                let known: Vec<Vec<String>> = of_jobs.into_iter().flatten().collect();
                if known.is_empty() {
                    return Err("the devices of the temp directories are not known yet".to_owned());
                }
                Ok(known.into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect())
            }
        }
    }

    /// `None` while nobody has looked.
    fn of_job(&self, id: &JobId) -> Result<Option<Vec<String>>, String> {
        match self.devices.get(id) {
            Some(TempDevices::Known(names)) => Ok(Some(names.clone())),
            Some(TempDevices::Pending) | None => Ok(None),
            Some(TempDevices::Unknown(reason)) => Err(format!("`$device` of {id} is not known: {reason}")),
        }
    }
}

#[cfg(test)]
impl Names {
    pub(super) fn new(node: &str, job: &str, devices: &[(&str, TempDevices)]) -> Self {
        let devices = devices.iter().map(|(id, devices)| (JobId::from(*id), devices.clone())).collect();
        Self { node: node.to_owned(), job: job.to_owned(), devices }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> TempDevices {
        TempDevices::Known(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn the_machine_has_the_devices_of_all_jobs_that_are_known() {
        let names = Names::new(
            "n",
            "j",
            &[
                ("a", known(&["sdb", "sda"])),
                ("b", known(&["sdb"])),
                ("ram", known(&[])),
                ("new", TempDevices::Pending),
                ("hung", TempDevices::Unknown("it does not answer".to_owned())),
            ],
        );
        let expression = Expression::parse(r#"x{device=~"$device"}"#).unwrap();
        let of = |ids: &[&str]| {
            let ids: Vec<JobId> = ids.iter().map(|id| JobId::from(*id)).collect();
            names.fill(&expression, Whom::Machine(&ids.iter().collect::<Vec<_>>()))
        };
        assert_eq!(of(&["a", "b", "ram", "new"]).unwrap(), r#"x{device=~"(?:sda|sdb)"}"#);
        assert_eq!(of(&["b"]).unwrap(), r#"x{device=~"sdb"}"#);
        assert!(of(&["a", "hung"]).unwrap_err().contains("hung is not known: it does not answer"));
        assert!(of(&["new"]).unwrap_err().contains("not known yet"));
        assert!(of(&["ram"]).unwrap_err().contains("no block device"));
        assert!(of(&[]).unwrap_err().contains("no job runs"));
        assert!(names.concern(&expression, &"new".into()) && !names.concern(&expression, &"ram".into()));
        let about_none = Expression::parse("up").unwrap();
        assert_eq!(names.fill(&about_none, Whom::Machine(&[])).unwrap(), "up");
        assert!(names.concern(&about_none, &"ram".into()));
    }
}
