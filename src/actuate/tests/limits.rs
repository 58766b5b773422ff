//! What holds whatever is wanted: whose processes are touched, who may be paused, and how fast knobs change.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;

use super::{PLOTTER, Rig, moment, outcomes, run_dir, want};
use crate::actuate::{Action, Actuator, JobHandle, Limits, Outcome, PauseBound, Rates, Report, Users};
use crate::arbiter::{self, Wanted};
use crate::claim::{Bound, Claim, Claimant, Class, KnobKind, Setting, Target};
use crate::kernel::Roots;
use crate::kernel::process::Identity;
use crate::knob::fake::{Fake, State};
use crate::mode::Mode;
use crate::plotter::{Arguments, Job, JobId, Needs, Owner, Progress};
use crate::policy::{LargestStep, Selector};

/// Several jobs of one process each, with an actuator.
struct Field {
    state: Rc<RefCell<State>>,
    _dir: tempfile::TempDir,
    actuator: Actuator,
    jobs: Vec<JobHandle>,
    wanted: Wanted,
    seconds: u64,
}

impl Field {
    fn of(count: i32) -> Self {
        let state = Rc::new(RefCell::new(State::default()));
        let dir = run_dir();
        let roots = Roots { procfs: "/nowhere".into(), run: dir.path().join("run"), ..Roots::standard() };
        let actuator = Actuator::open(&roots, Box::new(Fake::new(&state)), Mode::Enforce, moment(10)).unwrap().0;
        let jobs = (0..count).map(|number| {
            let plotter = state.borrow_mut().spawn(200 + number, 1);
            JobHandle { id: JobId::new("madmax", plotter), plotter, processes: vec![plotter], may_pause: true }
        });
        let jobs = jobs.collect();
        Self { state: Rc::clone(&state), _dir: dir, actuator, jobs, wanted: Wanted::default(), seconds: 10 }
    }

    fn tick(&mut self) -> Vec<Report> {
        self.seconds += 1;
        self.actuator.tick(moment(self.seconds), &self.wanted, &self.jobs)
    }

    /// By the policy that is called so.
    fn want_paused(&mut self, numbers: impl IntoIterator<Item = usize>, policy: &str, reason: &'static str) {
        for number in numbers {
            let mut want = want(Setting::Paused);
            want.holders[0].policy = policy.to_owned();
            want.reason = reason;
            self.wanted.settings.insert((Target::Job(self.jobs[number].id.clone()), KnobKind::Pause), want);
        }
    }

    fn paused(&self) -> Vec<usize> {
        let state = self.state.borrow();
        let stopped = |job: &JobHandle| state.processes.get(&job.plotter.pid).is_some_and(|found| found.stopped);
        (0..self.jobs.len()).filter(|&number| stopped(&self.jobs[number])).collect()
    }

    fn ids(&self, numbers: &[usize]) -> BTreeSet<JobId> {
        numbers.iter().map(|&number| self.jobs[number].id.clone()).collect()
    }
}

fn bound(most: f64, keep_running: usize) -> PauseBound {
    PauseBound { most, keep_running, ..PauseBound::default() }
}

fn whys(reports: &[Report]) -> Vec<String> {
    let why = |report: &Report| match &report.outcome {
        Outcome::Protected { why } => Some(why.clone()),
        _ => None,
    };
    reports.iter().filter_map(why).collect()
}

#[test]
fn no_more_jobs_are_paused_than_the_node_allows_whoever_wants_it() {
    let mut field = Field::of(4);
    field.actuator.limit(Limits { pauses: bound(0.5, 1), ..Limits::default() });
    field.want_paused([0, 1, 2], "one", "io-pressure");
    field.want_paused([3], "other", "io-pressure");
    let reports = field.tick();
    assert_eq!(field.paused(), [0, 1]);
    assert_eq!(whys(&reports), ["2 of 4 jobs are paused, and at most 2 may be"; 2]);
    assert!(whys(&field.tick()).is_empty(), "said once");
    field.wanted.settings.remove(&(Target::Job(field.jobs[0].id.clone()), KnobKind::Pause));
    field.tick();
    assert_eq!(field.paused(), [1, 2], "one may take the place of another");
}

#[test]
fn two_policies_do_not_leave_everything_standing_between_them() {
    let mut field = Field::of(3);
    let of = |field: &Field, numbers: &[usize], keep| (field.ids(numbers), bound(1.0, keep));
    let of_policies = [("one".to_owned(), of(&field, &[0, 1], 1)), ("other".to_owned(), of(&field, &[1, 2], 1))];
    field.actuator.limit(Limits { of_policies: of_policies.into(), ..Limits::default() });
    // Each leaves one of its own running, as far as it knows.
    field.want_paused([0], "one", "io-pressure");
    field.want_paused([1, 2], "other", "io-pressure");
    let reports = field.tick();
    assert_eq!(field.paused(), [0, 1]);
    assert_eq!(whys(&reports), ["1 of 2 jobs run, and at least 1 have to"]);
}

#[test]
fn a_job_that_has_run_for_too_short_is_not_paused_unless_it_is_held_back_at_its_start() {
    let mut field = Field::of(2);
    let least = PauseBound { min_run: Duration::from_mins(1), ..PauseBound::default() };
    field.actuator.limit(Limits { pauses: least, ..Limits::default() });
    field.want_paused([0], "one", "io-pressure");
    field.want_paused([1], "one", "deferred-start");
    let reports = field.tick();
    assert_eq!(field.paused(), [1]);
    assert!(whys(&reports)[0].starts_with("it has run for "), "{reports:?}");
    field.seconds = 100;
    field.tick();
    assert_eq!(field.paused(), [0, 1]);
}

#[test]
fn a_job_that_others_wait_for_is_not_paused_before_it_lets_go() {
    let mut field = Field::of(2);
    let entangle = |field: &Field, why: Option<&str>| {
        field.state.borrow_mut().processes.get_mut(&200).unwrap().entangled = why.map(str::to_owned);
    };
    entangle(&field, Some("process 200 holds a flock on file 08:01:17"));
    field.want_paused([0, 1], "one", "io-pressure");
    let reports = field.tick();
    assert_eq!(field.paused(), [1]);
    assert_eq!(whys(&reports), ["process 200 holds a flock on file 08:01:17"]);
    entangle(&field, None);
    field.tick();
    assert_eq!(field.paused(), [0, 1]);
    entangle(&field, Some("process 200 is connected with 192.168.1.7:873, which may not wait for it"));
    field.tick();
    assert_eq!(field.paused(), [0, 1], "what it took before it was paused changes nothing");
}

#[test]
fn whoever_must_not_be_touched_any_more_gets_everything_back() {
    let mut rig = Rig::new();
    rig.want_all_of_job(0);
    rig.tick();
    assert!(!rig.differences().is_empty());
    rig.actuator.as_mut().unwrap().limit(Limits { users: Users::Only([998].into()), ..Limits::default() });
    let reports = rig.tick();
    assert!(reports.iter().any(|report| report.action == Action::Restore));
    assert!(whys(&reports).iter().all(|why| why.contains("runs as user 1000")), "{reports:?}");
    rig.assert_as_before();
    rig.actuator.as_mut().unwrap().limit(Limits { users: Users::Only([1000].into()), ..Limits::default() });
    rig.seconds += 10;
    rig.tick();
    assert!(!rig.differences().is_empty());
}

#[test]
fn a_knob_goes_step_by_step_and_back_at_once() {
    let mut rig = Rig::new();
    let step = LargestStep { increase: Some(0.8), decrease: None };
    let rates =
        Rates { cooldown: Duration::from_secs(2), largest: [(KnobKind::Nice, step)].into(), ..Rates::default() };
    rig.actuator.as_mut().unwrap().limit(Limits { rates, ..Limits::default() });
    rig.actuator.as_mut().unwrap().rest_for(Duration::from_mins(1));
    let nice = |rig: &Rig| rig.state.borrow().processes[&PLOTTER].threads[&PLOTTER].values.nice;
    let mut seen = Vec::new();
    rig.want(KnobKind::Nice, 0);
    rig.tick();
    rig.want(KnobKind::Nice, 2);
    for _ in 0..8 {
        seen.push(nice(&rig));
        rig.tick();
    }
    assert_eq!(seen, [5, 5, 9, 9, 15, 15, 15, 15]);
    rig.unwant(KnobKind::Nice);
    rig.tick();
    assert_eq!(nice(&rig), 0);
    rig.assert_as_before();
}

/// As tight as can be: only what is wanted anew waits, never what goes back.
#[test]
fn restoring_waits_for_no_budget() {
    let mut rig = Rig::new();
    rig.want_all(0);
    rig.tick();
    let rates =
        Rates { cooldown: Duration::from_hours(1), burst: 0, every: Duration::from_hours(1), ..Rates::default() };
    rig.actuator.as_mut().unwrap().limit(Limits { rates, ..Limits::default() });
    rig.want_all(1);
    rig.tick();
    assert_eq!(rig.state.borrow().processes[&PLOTTER].threads[&PLOTTER].values.nice, 5, "it stays as it was");
    rig.wanted.settings.clear();
    rig.tick();
    rig.assert_as_before();
    rig.want(KnobKind::Nice, 0);
    let reports = rig.tick();
    assert_eq!(outcomes(&reports), [(KnobKind::Nice, Action::Apply, "protected")], "and that is said");
    rig.assert_as_before();
}

#[test]
fn a_restart_with_an_empty_budget_keeps_what_is_held() {
    let mut rig = Rig::new();
    rig.want_all_of_job(0);
    rig.tick();
    let before = rig.differences();
    rig.open();
    let rates = Rates { burst: 0, ..Rates::default() };
    rig.actuator.as_mut().unwrap().limit(Limits { rates, ..Limits::default() });
    let writes = rig.state.borrow().writes;
    rig.tick();
    assert_eq!((rig.differences(), rig.state.borrow().writes), (before, writes));
}

/// What is known of one process that looks like a plotter.
#[derive(Debug, Clone)]
struct Suspect {
    profile: &'static str,
    comm: &'static str,
    user: u32,
}

const OWNERS: [(u32, &str); 3] = [(0, "root"), (998, "chia"), (1000, "me")];

fn suspect() -> impl Strategy<Value = Suspect> {
    let profile = prop::sample::select(vec!["madmax", "bladebit"]);
    let comm = prop::sample::select(vec!["chia_plot", "bladebit", "chia_harvester", "sshd", "systemd"]);
    let user = prop::sample::select(OWNERS.map(|(user, _)| user).to_vec());
    (profile, comm, user).prop_map(|(profile, comm, user)| Suspect { profile, comm, user })
}

fn selector() -> impl Strategy<Value = Selector> {
    let some = |names: Vec<&'static str>| {
        prop::sample::subsequence(names.clone(), 0..=names.len())
            .prop_map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    (some(vec!["madmax", "bladebit"]), some(vec!["root", "998", "me"])).prop_map(|(plotters, owners)| Selector {
        plotters,
        owners,
        ..Selector::default()
    })
}

fn users() -> impl Strategy<Value = Users> {
    let some = prop::sample::subsequence(OWNERS.map(|(user, _)| user).to_vec(), 0..=3);
    prop_oneof![Just(Users::Everybody), some.prop_map(|users| Users::Only(users.into_iter().collect()))]
}

fn job(suspect: &Suspect, plotter: Identity) -> Job {
    let name = OWNERS.iter().find(|(user, _)| *user == suspect.user).map(|(_, name)| (*name).to_owned());
    Job {
        id: JobId::new(suspect.profile, plotter),
        profile: suspect.profile.to_owned(),
        plotter,
        processes: vec![plotter],
        owner: Owner { uid: suspect.user, name },
        started: Duration::ZERO,
        arguments: Arguments::default(),
        progress: Progress::default(),
        needs: Needs::default(),
    }
}

/// What a policy of this selector claims, going through the arbiter.
fn wanted_of(selector: &Selector, jobs: &[Job], seconds: u64) -> Wanted {
    let claimant = Claimant { class: Class::Slo, priority: 1, policy: "one".to_owned() };
    let claims: Vec<Claim> = jobs
        .iter()
        .filter(|job| selector.selects(job))
        .flat_map(|job| {
            let settings = [Setting::Nice(9), Setting::OomScore(500), Setting::Paused, Setting::Group];
            settings.map(|setting| Claim {
                claimant: claimant.clone(),
                target: Target::Job(job.id.clone()),
                setting,
                bound: Bound::AtLeast,
                until: Duration::from_secs(seconds + 60),
                reason: "io-pressure",
                dry_run: false,
            })
        })
        .collect();
    arbiter::join(&claims, moment(seconds))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is selected, and whatever was before: none is touched but those that are selected, allowed and not protected, and
    /// of them all.
    #[test]
    fn targets_are_a_subset_of_the_selected_and_the_allowed(
        suspects in prop::collection::vec(suspect(), 1..8),
        rounds in prop::collection::vec((selector(), users()), 1..4),
    ) {
        let mut field = Field::of(i32::try_from(suspects.len()).unwrap());
        let mut jobs = Vec::new();
        for (handle, suspect) in field.jobs.iter_mut().zip(&suspects) {
            let mut state = field.state.borrow_mut();
            let process = state.processes.get_mut(&handle.plotter.pid).unwrap();
            suspect.comm.clone_into(&mut process.comm);
            process.user = suspect.user;
            let job = job(suspect, handle.plotter);
            *handle = JobHandle::new(&job, true);
            jobs.push(job);
        }
        for (selector, users) in rounds {
            let is_allowed = |suspect: &Suspect| match &users {
                Users::Everybody => true,
                Users::Only(users) => users.contains(&suspect.user),
            };
            let is_protected = |suspect: &Suspect| ["chia_harvester", "sshd", "systemd"].contains(&suspect.comm);
            field.actuator.limit(Limits { users: users.clone(), ..Limits::default() });
            field.seconds += 60;
            field.wanted = wanted_of(&selector, &jobs, field.seconds);
            field.tick();
            let state = field.state.borrow();
            for (job, suspect) in jobs.iter().zip(&suspects) {
                let process = &state.processes[&job.plotter.pid];
                let leader = &process.threads[&job.plotter.pid];
                let is_touched = [
                    leader.values != leader.native,
                    process.oom_score != process.native_oom_score,
                    process.group != process.native_group,
                ];
                let may_be = selector.selects(job) && is_allowed(suspect) && !is_protected(suspect);
                prop_assert_eq!(is_touched, [may_be; 3], "{:?} by {:?} for {:?}", suspect, &selector, &users);
            }
        }
    }
}
