//! Who may be touched: the last word before anything is written, whatever policies, arbiter and recognition say.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Actuator;
use crate::actuate::JobHandle;
use crate::actuate::lease::LONGEST_PAUSE;
use crate::actuate::protect::protected;
use crate::actuate::report::{Action, Outcome, Report};
use crate::actuate::throttle::Pass;
use crate::actuate::writer::Step;
use crate::arbiter::{Want, Wanted};
use crate::claim::{Bound, KnobKind, Part, Setting, Target};
use crate::clock::Moment;
use crate::inventory::{Capability, CapabilityState};
use crate::kernel::process::Identity;
use crate::knob::Value;
use crate::plotter::JobId;

/// What is to be carried out; of a job, with its processes.
pub type Admitted<'a> = BTreeMap<(Target, KnobKind), (Option<&'a JobHandle>, Cow<'a, Want>)>;

/// What stands in the way of another knob of the same job: each would take the other's doing for the value before, or undo it.
const IN_THE_WAY: &[(KnobKind, KnobKind, &str)] = &[
    (KnobKind::CpuIdle, KnobKind::CpuWeight, "its group runs only when nobody else does, and has no weight"),
    (KnobKind::CpuSet, KnobKind::Affinity, "its group has a set of CPUs"),
];

impl Actuator {
    /// Jobs that live and may be touched, and why the others may not. Those that rest were vetted before, and are the same since.
    pub fn vet<'a>(
        &self,
        jobs: &'a [JobHandle],
        resting: &BTreeSet<JobId>,
    ) -> (Vec<&'a JobHandle>, BTreeMap<&'a JobId, String>) {
        let mut refused = BTreeMap::new();
        let mut touchable = Vec::new();
        for job in jobs {
            if resting.contains(&job.id) {
                touchable.push(job);
                continue;
            }
            if !job.processes.iter().any(|&process| self.machine.is_alive(process)) {
                continue;
            }
            match job.processes.iter().find_map(|&process| self.why_not(&job.id, process)) {
                Some(why) => {
                    refused.insert(&job.id, why);
                }
                None => touchable.push(job),
            }
        }
        (touchable, refused)
    }

    /// Why a process may not be touched: it is protected, of a user who is not allowed, or runs another program than when its record
    /// was made.
    pub fn why_not(&self, job: &JobId, process: Identity) -> Option<String> {
        let portrait = match self.machine.portrait(process) {
            Ok(portrait) => portrait,
            Err(error) if error.is_gone() => return None,
            Err(error) => return Some(error.to_string()),
        };
        if let Some(why) = protected(process, &portrait, &self.lineage) {
            return Some(why);
        }
        if let Some(why) = self.limits.why_protected(&portrait).or_else(|| self.limits.users.why_not(&portrait)) {
            return Some(format!("process {} ({}): {why}", process.pid, portrait.comm));
        }
        let records = self.held.iter().filter(|((target, _), _)| target.job() == Some(job)).map(|(_, record)| record);
        let known =
            records.flat_map(|record| &record.processes).find(|&&subject| Identity::from(subject) == process)?;
        known.runs_another_program(&portrait).then(|| format!("process {} runs another program by now", process.pid))
    }

    /// The wants that can be acted upon, with what they need; says why the others cannot.
    pub fn admit<'a>(
        &mut self,
        now: Moment,
        wanted: &'a Wanted,
        touchable: &[&'a JobHandle],
        refused: &BTreeMap<&JobId, String>,
        reports: &mut Vec<Report>,
    ) -> Admitted<'a> {
        let mut admitted = Admitted::new();
        let mut usable = BTreeMap::new();
        let mut crowd = self.crowd(wanted, touchable);
        self.said.forget_unwanted(&wanted.settings);
        self.throttle.let_go(&self.limits.rates, now.boot, |key| wanted.settings.contains_key(key));
        for (key, want) in by_rank(wanted) {
            let (target, kind) = (&key.0, &key.1);
            let job = match self.subject(target, *kind, want, touchable, refused) {
                Ok(job) => job,
                // Ended, or not recognised as a job any more: what is held of it is put back.
                Err(None) => continue,
                Err(Some(outcome)) => {
                    self.said.say(now, (target, *kind), Action::Apply, Some(want), vec![Step::of(outcome)], reports);
                    continue;
                }
            };
            if let Some(why) = self.in_the_way(target, *kind, wanted) {
                let step = Step::of(Outcome::Protected { why: why.to_owned() });
                self.said.say(now, (target, *kind), Action::Apply, Some(want), vec![step], reports);
                continue;
            }
            let works = usable.entry(*kind).or_insert_with(|| self.works(*kind));
            if let Err(error) = works {
                let outcome = Outcome::Failed { error: error.clone() };
                self.said.say(now, (target, *kind), Action::Apply, Some(want), vec![Step::of(outcome)], reports);
                continue;
            }
            let is_new_pause = *kind == KnobKind::Pause && !job.is_some_and(|job| self.is_paused(&job.id));
            let against = job.filter(|_| is_new_pause).and_then(|job| self.why_not_pause(now, job, want, &crowd));
            let want = match against.map_or_else(|| self.moderate(now, key, want), Err) {
                Ok(want) => want,
                Err(why) => {
                    let step = Step::of(Outcome::Protected { why });
                    self.said.say(now, (target, *kind), Action::Apply, Some(want), vec![step], reports);
                    continue;
                }
            };
            crowd.paused.extend(job.filter(|_| is_new_pause).map(|job| &job.id));
            admitted.insert(key.clone(), (job, want));
        }
        add_needs(&mut admitted);
        admitted
    }

    /// As much of a want as may be had now, or why nothing of it is.
    fn moderate<'a>(&mut self, now: Moment, key: &(Target, KnobKind), want: &'a Want) -> Result<Cow<'a, Want>, String> {
        let record = self.held.get(key).filter(|record| record.held().next().is_some());
        let held = record.map(|record| record.wanted.setting(key.1).unwrap_or_else(|| want.setting.clone()));
        match self.throttle.pass(&self.limits.rates, now.boot, key, &want.setting, held) {
            Pass::Take(setting) | Pass::Keep(setting) if setting == want.setting => Ok(Cow::Borrowed(want)),
            Pass::Take(setting) | Pass::Keep(setting) => Ok(Cow::Owned(Want { setting, ..want.clone() })),
            Pass::Wait(why) => Err(why.to_owned()),
        }
    }

    /// The job that is meant, if it is one; or why it may not be touched.
    fn subject<'a>(
        &self,
        target: &Target,
        kind: KnobKind,
        want: &Want,
        touchable: &[&'a JobHandle],
        refused: &BTreeMap<&JobId, String>,
    ) -> Result<Option<&'a JobHandle>, Option<Outcome>> {
        let protected = |why: String| Some(Outcome::Protected { why });
        if want.setting.kind() != kind {
            let error = format!("{} is no value of the knob {}", want.setting, kind.name());
            return Err(Some(Outcome::Failed { error }));
        }
        let Target::Job(id) = target else { return Ok(None) };
        match touchable.iter().find(|job| job.id == *id) {
            None => Err(refused.get(id).and_then(|why| protected(why.clone()))),
            // A stopped job would not hear the signal.
            Some(_) if kind == KnobKind::Pause && self.endings.contains(id) => {
                Err(protected("it is being ended".to_owned()))
            }
            Some(job) if kind == KnobKind::Pause && !job.may_pause => {
                Err(protected("its profile says that it must not be paused".to_owned()))
            }
            Some(_) if kind == KnobKind::Pause && self.worn_out.contains(id) => {
                let hours = LONGEST_PAUSE.as_secs() / 3600;
                Err(protected(format!("it was paused for {hours} h at a stretch, and no pause is longer")))
            }
            Some(job) => Ok(Some(*job)),
        }
    }

    /// Why a knob is not turned: another one is wanted that can be.
    fn in_the_way(&self, target: &Target, kind: KnobKind, wanted: &Wanted) -> Option<&'static str> {
        let (by, _, why) = IN_THE_WAY.iter().find(|(_, of, _)| *of == kind)?;
        let is_off = |want: &&Want| want.setting == Setting::Number(KnobKind::CpuIdle, 0);
        wanted.settings.get(&(target.clone(), *by)).filter(|want| !is_off(want))?;
        // A job that could not be given a group gets nothing that lies in it.
        let group = target.job().and_then(|job| self.record(job, KnobKind::Group));
        let has_no_group = group.is_some_and(|group| group.held().next().is_none());
        (!has_no_group && self.works(*by).is_ok()).then_some(*why)
    }

    /// Whether a knob and one that it cannot be turned beside are still to be told apart: that one is not put back yet.
    pub fn must_wait(&self, target: &Target, kind: KnobKind) -> bool {
        let other = |(by, of, _): &(KnobKind, KnobKind, &str)| match kind {
            kind if kind == *by => Some(*of),
            kind if kind == *of => Some(*by),
            _ => None,
        };
        IN_THE_WAY.iter().filter_map(other).any(|other| self.is_in_force(target, other))
    }

    fn is_in_force(&self, target: &Target, kind: KnobKind) -> bool {
        let record = self.held.get(&(target.clone(), kind));
        record.is_some_and(|record| record.wanted != Value::Number(0) && record.held().next().is_some())
    }

    /// Whether the knob can be used on this machine, or why not and what mends it.
    fn works(&self, kind: KnobKind) -> Result<(), String> {
        match self.machine.knob(kind).probe() {
            Capability { state: CapabilityState::Unusable, reason, mend, .. } if mend.is_empty() => Err(reason),
            Capability { state: CapabilityState::Unusable, reason, mend, .. } => Err(format!("{reason}; {mend}")),
            _ => Ok(()),
        }
    }
}

/// The better ranks first: where not everything may be had at once, theirs is.
fn by_rank(wanted: &Wanted) -> Vec<(&(Target, KnobKind), &Want)> {
    let mut wants: Vec<_> = wanted.settings.iter().collect();
    wants.sort_by_key(|(_, want)| want.holders.iter().map(|holder| (holder.class, Reverse(holder.priority))).min());
    wants
}

/// What lies in a job's group needs the group, and the group's limits need their controllers.
fn add_needs(admitted: &mut Admitted<'_>) {
    let mut groups = Vec::new();
    let mut controllers: Option<Want> = None;
    for ((target, kind), (job, want)) in admitted.iter().filter(|((_, kind), _)| kind.is_of_group()) {
        let need = Want { setting: Setting::Group, bound: Bound::Exactly, ..want.as_ref().clone() };
        let of_all = controllers.get_or_insert_with(|| Want {
            setting: Setting::Controllers(BTreeSet::new()),
            holders: Vec::new(),
            ..need.clone()
        });
        of_all
            .holders
            .extend(need.holders.iter().filter(|it| !of_all.holders.contains(it)).cloned().collect::<Vec<_>>());
        if let Setting::Controllers(all) = &mut of_all.setting {
            all.extend(kind.controller());
        }
        groups.push(((target.clone(), KnobKind::Group), (*job, Cow::Owned(need))));
    }
    for (key, need) in groups {
        admitted.entry(key).or_insert(need);
    }
    if let Some(need) = controllers {
        let key = (Target::Part(Part::machine()), KnobKind::Controllers);
        let (_, wanted) = admitted.entry(key).or_insert_with(|| (None, Cow::Owned(need.clone())));
        if let (Setting::Controllers(all), Setting::Controllers(needed)) = (&mut wanted.to_mut().setting, need.setting)
        {
            all.extend(needed);
        }
    }
}
