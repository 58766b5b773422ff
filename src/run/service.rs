//! Starts everything in its order, carries signals to the loop, and ends it: SIGHUP reloads, SIGTERM and SIGINT put back and end,
//! SIGUSR2 ends and leaves what is held to the next start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};

use super::alerts::AlertWatch;
use super::complaints::Complaints;
use super::discovery::Discovery;
use super::history::{self, HistoryEnd};
use super::jobs::Jobs;
use super::layout::LayoutWatch;
use super::orders::{Bell, Order, OrderSender, Orders, orders};
use super::policies::{Ask, Policies, Reply, WantedPolicies};
use super::publish::Publisher;
use super::questions::Questions;
use super::vigil::Vigil;
use super::{Guarded, Loop, TICK};
use crate::actuate::guard::{self, Guard, GuardError};
use crate::actuate::{Actuator, OpenError, Users};
use crate::alert::{RuleError, Rules};
use crate::arbiter::Guardrails;
use crate::audit::AuditLog;
use crate::history::{History, HistoryConfig, SharedHistory, Target};
use crate::http::{self, ListenError, Site};
use crate::inventory::{self, Inventory};
use crate::kernel::peer::Peer;
use crate::kernel::process_watch::Source;
use crate::kernel::service_manager::ServiceManager;
use crate::kernel::{Roots, clock, descriptors, own_memory};
use crate::knob::{GroupUse, Linux};
use crate::metrics;
use crate::mode::Mode;
use crate::plotter::{ProfileError, Profiles};
use crate::policy::{PolicyError, Vocabulary};
use crate::promql::Matcher;
use crate::sample::{Collector, Collectors, GroupsError, HostSampler, OwnSampler, ProcessGroups, Sweeper};
use crate::signal::{Access, BadAccess, Dialect, Signals};
use crate::units::Bytes;

/// Queries under way at the end notice within this time that nobody waits for them any more.
const QUERY_GRACE: Duration = Duration::from_secs(2);
/// Jobs that are as they should be are looked at thread by thread this often.
const REST: Duration = Duration::from_secs(10);

/// Files that are not those of processes: sockets, files of the machine, logs and journal.
const OWN_FILES: usize = 2048;
/// The kernel spends 3.3 KB of memory on each (measured): this is 54 MB at most, and 17 MB for 5,000 idle processes.
const MOST_KEPT_FILES: usize = 16_384;

/// What `plotwarden run` was asked to do.
#[derive(Debug, Clone)]
pub struct Settings {
    pub roots: Roots,
    pub listen: Vec<String>,
    pub telemetry_path: String,
    /// Whether a reload may be asked for over HTTP.
    pub lifecycle: bool,
    /// The shortest exposition that is worth compressing.
    pub compress_from: Bytes,
    /// Folder with profiles of the operator's own; need not exist.
    pub profiles: PathBuf,
    /// Policy files and folders; empty for the shipped policies.
    pub policies: Vec<PathBuf>,
    /// The most that policies may do here.
    pub mode: Mode,
    /// Whose processes policies may touch.
    pub users: Users,
    /// The server that policies may ask, if there is one.
    pub prometheus: Option<Access>,
    /// The generation of PromQL that the history speaks.
    pub dialect: Dialect,
    /// File with alerting rules; the shipped ones if not given.
    pub rules: Option<PathBuf>,
    pub history: HistorySettings,
    /// What of the machine is read and published.
    pub collectors: Collectors,
    pub processes: ProcessSettings,
    /// Machines whose distance is measured.
    pub peers: Vec<Peer>,
}

/// How the processes that are no jobs are read.
#[derive(Debug, Clone)]
pub struct ProcessSettings {
    /// File with the groups; the shipped ones if there is none.
    pub groups: Option<PathBuf>,
    /// Between two sweeps.
    pub interval: Duration,
}

/// What is kept of the past, and under which labels.
#[derive(Debug, Clone)]
pub struct HistorySettings {
    /// Label `job` of all series.
    pub job: String,
    /// Label `instance`; the address listened on if not given.
    pub instance: Option<String>,
    pub memory_limit: Bytes,
    /// What is also kept for weeks, as the matchers of selectors.
    pub forecast: Vec<Vec<Matcher>>,
    /// Keeps the history over restarts; without one it ends with the process.
    pub file: Option<PathBuf>,
}

impl HistorySettings {
    fn config(&self, addresses: &[SocketAddr]) -> HistoryConfig {
        let instance = self.instance.clone().unwrap_or_else(|| instance(addresses));
        let target = Target { job: self.job.clone(), instance };
        HistoryConfig { target, memory_limit: self.memory_limit, forecast: self.forecast.clone() }
    }
}

/// As a server would call us: by the first address, which has to be one that it can reach.
fn instance(addresses: &[SocketAddr]) -> String {
    let Some(first) = addresses.first() else { return String::new() };
    if !first.ip().is_unspecified() {
        return first.to_string();
    }
    let hostname = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    format!("{}:{}", hostname.as_deref().unwrap_or("localhost"), first.port())
}

/// Why the program could not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("the shipped plotter profiles are damaged: {0}")]
    Profiles(#[from] ProfileError),
    #[error("{}\n{} in the policies; nothing was started (`plotwarden policy check` says the same)", lines(.0), count(.0))]
    Policies(Vec<PolicyError>),
    #[error(transparent)]
    Rules(#[from] RuleError),
    #[error(transparent)]
    Groups(#[from] GroupsError),
    #[error(transparent)]
    Prometheus(#[from] BadAccess),
    #[error(transparent)]
    Actuator(#[from] OpenError),
    #[error("{0}; without a guard nothing is enforced: mend this, or run with --max-mode dry-run")]
    Guard(#[from] GuardError),
    #[error("cannot start: {0}")]
    Io(#[from] std::io::Error),
    #[error("the loop ended by itself, which it never should; the guard puts everything back")]
    LoopLost,
}

fn lines(errors: &[PolicyError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn count(errors: &[PolicyError]) -> String {
    if errors.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", errors.len()) }
}

/// Runs until SIGTERM or SIGINT. `true` if everything was put back.
pub fn run(settings: Settings) -> Result<bool, RunError> {
    own_memory::share_one_heap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(serve(settings));
    // Who still reads the history then is not waited for.
    runtime.shutdown_timeout(QUERY_GRACE);
    result
}

async fn serve(settings: Settings) -> Result<bool, RunError> {
    let mut signals = Requests::listen()?;
    let listeners = http::bind(&settings.listen).await?;
    let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let config = settings.history.config(&addresses);
    let history = Arc::new(RwLock::new(History::new(config.clone())));
    let (publish, latest) = watch::channel(None);
    let telemetry_path = settings.telemetry_path.clone();
    let (asks, asked) = orders()?;
    let site = Site::new(latest, Arc::clone(&history), Arc::new(clock::now), &telemetry_path)
        .speaking(settings.dialect.clone())
        .compressing_from(settings.compress_from);
    let site = Arc::new(if settings.lifecycle { site.reloading_by(reload_by(asks.clone())) } else { site });
    let (orders, receiver) = orders()?;
    let bell = orders.bell();
    let (started, start) = oneshot::channel();
    let (ended, end) = oneshot::channel();
    let handle = thread::Builder::new().name("loop".to_owned()).spawn(move || {
        // An answer that nobody waits for any more is needed by nobody.
        match prepare(settings, publish, (history, config), (asks, asked, bell)) {
            Ok((work, history)) => {
                let _ = started.send(Ok(()));
                let _ = ended.send(work.turn(&receiver));
                history.wait();
            }
            Err(error) => drop(started.send(Err(error))),
        }
    })?;
    start.await.unwrap_or(Err(RunError::LoopLost))?;
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    tracing::info!(addresses = addresses.join(" "), telemetry_path, "serving metrics and the status page");

    let (close, closed) = oneshot::channel::<()>();
    let server = tokio::spawn(http::serve(listeners, site, async move {
        let _ = closed.await;
    }));
    let restored = signals.carry(&orders, end).await;
    let _ = close.send(());
    let _ = server.await;
    let _ = handle.join();
    restored.ok_or(RunError::LoopLost)
}

/// What a request for a reload sets going.
fn reload_by(asks: OrderSender<Ask>) -> http::Reload {
    Arc::new(move |reply: Reply| {
        // A reply that nobody takes is dropped, which whoever asked notices.
        asks.give(Ask::Read(Some(reply)));
    })
}

/// What the operator asks by signal.
struct Requests {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    user: Signal,
}

impl Requests {
    fn listen() -> Result<Self, std::io::Error> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined2())?,
        })
    }

    /// Hands signals to the loop until it has ended; its answer, or `None` if it was lost.
    async fn carry(&mut self, orders: &OrderSender<Order>, mut end: oneshot::Receiver<bool>) -> Option<bool> {
        loop {
            let order = tokio::select! {
                answer = &mut end => return answer.ok(),
                _ = self.terminate.recv() => Order::Stop,
                _ = self.interrupt.recv() => Order::Stop,
                _ = self.hang_up.recv() => Order::Reload,
                _ = self.user.recv() => Order::Restart,
            };
            tracing::info!(?order, "signal received");
            if !orders.give(order) {
                return end.await.ok();
            }
        }
    }
}

/// Takes the lock, puts back what an earlier run left, and sets the loop up.
fn prepare(
    settings: Settings,
    snapshots: watch::Sender<Option<Arc<crate::metrics::Snapshot>>>,
    (history, config): (SharedHistory, HistoryConfig),
    (asks, asked, bell): (OrderSender<Ask>, Orders<Ask>, Bell),
) -> Result<(Loop, HistoryEnd), RunError> {
    let Settings { roots, mode, .. } = settings;
    let now = clock::now();
    let (inventory, gpus) = Inventory::begin(&roots, now);
    let target = config.target.clone();
    let rules = settings.rules.as_deref().map_or_else(Rules::shipped, Rules::read)?;
    let alerts = AlertWatch::start(rules, Arc::clone(&history))?;
    let questions = Questions::start(Arc::clone(&history), &settings.dialect, target, settings.prometheus.as_ref())?;
    let (profiles, problems) = Profiles::shipped()?.with_folder(&settings.profiles);
    for problem in problems {
        tracing::error!("{problem}");
    }
    let prometheus = settings.prometheus.is_some();
    let vocabulary = Vocabulary { metrics: metrics::names(), plotters: profiles.names(), prometheus };
    let node = inventory.system.facts.hostname.clone().unwrap_or_default();
    let wanted = WantedPolicies { paths: settings.policies, vocabulary, most: mode, node, run: roots.run.clone() };
    let policies = Policies::load(&wanted, (asks, asked), bell)?;
    let groups = if inventory.system.facts.systemd { GroupUse::of_systemd() } else { GroupUse::Free };
    let base = groups.base();
    let (mut actuator, leftover) = Actuator::open(&roots, Box::new(Linux::new(&roots, groups)), mode, now)?;
    policies.keep();
    actuator.rest_for(REST);
    if let Some(report) = leftover {
        tracing::warn!("an earlier run left something behind:\n{report}");
    }
    let guard = if mode == Mode::Enforce {
        Some(Guarded { guard: guarded(&roots, &mut actuator)?, is_alive: true })
    } else {
        None
    };
    if let Err(error) = actuator.accept_handover() {
        tracing::warn!(%error, "the guard of the run before us will put everything back, and we shall do it again");
    }
    let jobs = Jobs::new(&roots, Arc::new(profiles), inventory::cpus_online(&roots));
    if let Source::Sweep { reason } = jobs.source() {
        tracing::warn!(%reason, "new processes are noticed by sweeping procfs each second");
    }
    let discovery = Discovery::new(&roots, inventory, actuator.capabilities(), now).awaiting(gpus);
    let collectors = settings.collectors;
    let sweeps = collectors.has(Collector::Processes);
    let sweeper = sweeps.then(|| sweeper(&roots, &settings.processes)).transpose()?;
    let jobs_group = roots.cgroupfs.as_ref().map(|mount| mount.join(base));
    // Only who has the lock may write the file.
    let (history, history_end) = history::start(history, config, settings.history.file)?;
    let work = Loop {
        host: HostSampler::new(&roots, jobs_group).with_peers(settings.peers).collecting(collectors),
        audit: AuditLog::new(&roots.run),
        complaints: Complaints::default(),
        publisher: Publisher::new(OwnSampler::new(&roots), jobs.profiles(), collectors, now),
        signals: Signals::default(),
        questions,
        discovery,
        layout: LayoutWatch::default(),
        guardrails: Guardrails::default(),
        mode,
        jobs,
        vigil: Vigil::new(TICK),
        sweeper,
        policies,
        users: settings.users,
        actuator,
        guard,
        manager: service_manager(),
        snapshots,
        history,
        alerts,
        page_by_page: None,
        roots,
    };
    Ok((work, history_end))
}

/// Sweeps with as many files kept open as the hard limit leaves after our own.
fn sweeper(roots: &Roots, settings: &ProcessSettings) -> Result<Sweeper, RunError> {
    let groups = settings.groups.as_deref().map_or_else(ProcessGroups::shipped, ProcessGroups::load)?;
    let limit = usize::try_from(descriptors::raise_limit()).unwrap_or(usize::MAX);
    let room = limit.saturating_sub(OWN_FILES).min(MOST_KEPT_FILES);
    Ok(Sweeper::start(roots, groups, inventory::users(), (settings.interval, room), clock::now)?)
}

/// One that cannot be reached will end us for our silence, if it meant to be told; that is said, and no reason not to start.
fn service_manager() -> ServiceManager {
    ServiceManager::of_environment().unwrap_or_else(|error| {
        tracing::warn!(%error, "the service manager hears nothing of us");
        ServiceManager::default()
    })
}

fn guarded(roots: &Roots, actuator: &mut Actuator) -> Result<Guard, GuardError> {
    let guard = guard::spawn(&guard::program()?, roots)?;
    if let Some(identity) = guard.identity() {
        actuator.protect(identity);
    }
    Ok(guard)
}
