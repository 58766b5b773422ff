//! The flags of all subcommands, grouped as they are shared.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::http;
use crate::inventory;
use crate::kernel::cgroup::Mounts;
use crate::kernel::peer::Peer;
use crate::kernel::{Roots, nvml};
use crate::mode::Mode;
use crate::policy;
use crate::promql::Matcher;
use crate::promql::Semantics;
use crate::run;
use crate::sample::{Collector, Collectors};
use crate::signal::Access;
use crate::units::{Bytes, parse_duration};

#[derive(Debug, Clone, Args)]
pub struct LogOptions {
    /// Only log messages of this level or worse
    #[arg(long = "log.level", value_enum, default_value_t = LogLevel::Info, global = true)]
    pub level: LogLevel,
    /// How log lines are written to standard error
    #[arg(long = "log.format", value_enum, default_value_t = LogFormat::Logfmt, global = true)]
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Logfmt,
    Json,
}

/// Where the kernel's file systems are.
#[derive(Debug, Clone, Args)]
pub struct PathOptions {
    /// procfs mount point
    #[arg(long = "path.procfs", value_name = "DIR", default_value = "/proc")]
    pub procfs: PathBuf,
    /// sysfs mount point
    #[arg(long = "path.sysfs", value_name = "DIR", default_value = "/sys")]
    pub sysfs: PathBuf,
    /// cgroup2 mount point [default: found in the mount table]
    #[arg(long = "path.cgroupfs", value_name = "DIR")]
    pub cgroupfs: Option<PathBuf>,
    /// Run directory: lock, journal, heartbeat, audit file; must be on a tmpfs
    #[arg(long = "path.run", value_name = "DIR", default_value = "/run/plotwarden")]
    pub run: PathBuf,
    /// NVIDIA's management library
    #[arg(long = "path.nvml", value_name = "LIBRARY", default_value = nvml::LIBRARY)]
    pub nvml: PathBuf,
}

impl PathOptions {
    pub fn roots(&self) -> Roots {
        let Self { procfs, sysfs, cgroupfs, run, nvml } = self.clone();
        let mut roots = Roots { procfs, sysfs, cgroupfs, run, nvml };
        if roots.cgroupfs.is_none() {
            roots.cgroupfs = Mounts::read(&roots).ok().and_then(|mounts| mounts.unified);
        }
        roots
    }
}

/// Where profiles of plotters come from.
#[derive(Debug, Clone, Args)]
pub struct ProfileOptions {
    /// Folder with plotter profiles of your own; one with the name of a shipped profile replaces it
    #[arg(long = "profiles", value_name = "DIR", default_value = "/etc/plotwarden/profiles")]
    pub profiles: PathBuf,
}

/// The Prometheus server that policies may ask.
#[derive(Debug, Clone, Args)]
pub struct PrometheusOptions {
    /// Prometheus server that answers the PromQL signals with `source: prometheus`: Prometheus itself, Thanos, Mimir, ...
    #[arg(long = "prometheus.url", value_name = "URL")]
    pub url: Option<String>,
    /// Certificates, in PEM form, by which the server must be known [default: those that the system trusts]
    #[arg(long = "prometheus.ca-file", value_name = "FILE", requires = "url")]
    pub ca_file: Option<PathBuf>,
    /// File with a bearer token for the server; read anew for each question
    #[arg(long = "prometheus.bearer-token-file", value_name = "FILE", requires = "url")]
    pub bearer_token_file: Option<PathBuf>,
    /// File with user:password for the server; read anew for each question
    #[arg(
        long = "prometheus.basic-auth-file",
        value_name = "FILE",
        requires = "url",
        conflicts_with = "bearer_token_file"
    )]
    pub basic_auth_file: Option<PathBuf>,
    /// Longest time that the server may take for a question
    #[arg(long = "prometheus.timeout", value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    pub timeout: Duration,
}

impl PrometheusOptions {
    pub fn access(self) -> Option<Access> {
        let Self { url, ca_file, bearer_token_file, basic_auth_file, timeout } = self;
        url.map(|url| Access { url, ca_file, bearer_token_file, basic_auth_file, timeout })
    }
}

/// What is read of processes that are no jobs.
#[derive(Debug, Clone, Args)]
pub struct ProcessOptions {
    /// YAML file with the groups of processes to publish [default: the shipped groups of farming software, plotters and copiers]
    #[arg(long = "processes.config", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Time between two readings of all processes
    #[arg(long = "processes.interval", value_name = "TIME", default_value = "5s", value_parser = a_second_or_more)]
    pub interval: Duration,
}

/// Other machines that this one works with.
#[derive(Debug, Clone, Args)]
pub struct NetworkOptions {
    /// Machine whose distance is measured, as the time that TCP takes to connect to it; may be given several times
    #[arg(long = "network.peer", value_name = "HOST:PORT")]
    pub peers: Vec<Peer>,
}

/// What is kept of the past.
#[derive(Debug, Clone, Args)]
pub struct HistoryOptions {
    /// Most memory for the embedded history
    #[arg(long = "history.memory-limit", value_name = "SIZE", default_value = "96MiB")]
    pub memory_limit: Bytes,
    /// File that keeps the history over restarts; `none` for none [default: /var/lib/plotwarden/history as root with
    /// the standard run directory, else none]
    #[arg(long = "history.file", value_name = "PATH")]
    pub file: Option<PathBuf>,
    /// Series that are also kept for 28 days, as mean, least and greatest value of five minutes each: a selector; may be
    /// given several times [default: free space and memory, temperatures, power, load, throughput; never series of a job]
    #[arg(long = "history.forecast", value_name = "SELECTOR", value_parser = forecast)]
    pub forecast: Vec<Chosen>,
    /// Label `job` of all series in the history
    #[arg(long = "history.job", value_name = "NAME", default_value = "plotwarden")]
    pub job: String,
    /// Label `instance` of all series in the history [default: the first listen address]
    #[arg(long = "history.instance", value_name = "NAME")]
    pub instance: Option<String>,
}

/// The series that a selector picks.
#[derive(Debug, Clone)]
pub struct Chosen(pub Vec<Matcher>);

fn forecast(text: &str) -> Result<Chosen, String> {
    run::forecast_selector(text).map(Chosen)
}

#[derive(Debug, Clone, Args)]
pub struct RunOptions {
    /// Address to serve metrics and the status page on, host:port or :port; may be given several times
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = http::DEFAULT_LISTEN)]
    pub listen: Vec<String>,
    /// Path under which metrics are served
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics")]
    pub telemetry_path: String,
    /// Reload the policies on POST or PUT to /-/reload; whoever reaches the listen address may then do so
    #[arg(long = "web.enable-lifecycle")]
    pub lifecycle: bool,
    /// Send metrics compressed, to those who can read it, from this size on; below it, compressing takes more CPU time than
    /// all else that a scrape needs, to save a few KB each time. 0B for always
    #[arg(long = "web.compress-from", value_name = "SIZE", default_value = "128KiB")]
    pub compress_from: Bytes,
    #[command(flatten)]
    pub paths: PathOptions,
    #[command(flatten)]
    pub profiles: ProfileOptions,
    /// Policy file or folder; may be given several times [default: /etc/plotwarden/policies if it exists, else the shipped policies]
    #[arg(long = "policies", value_name = "PATH")]
    pub policies: Vec<PathBuf>,
    /// The most that policies may do here [default: enforce as root, off without]
    #[arg(long = "max-mode", value_enum)]
    pub max_mode: Option<Mode>,
    /// Users, by name or number, whose processes policies may touch; separated by commas [default: all; the farm, the system and
    /// plotwarden itself are never touched]
    #[arg(long = "allow-users", value_name = "USER", value_delimiter = ',', value_parser = user)]
    pub users: Option<Vec<u32>>,
    /// The generation of PromQL in which the history answers: windows of 2.x include their left end, those of 3.x do not;
    /// auto is that of the server given with --prometheus.url, else 2.x
    #[arg(long = "promql.semantics", value_name = "GENERATION", value_enum, default_value_t = PromqlSemantics::Auto)]
    pub semantics: PromqlSemantics,
    /// Prometheus alerting rules to evaluate over the embedded history [default: the shipped alerts/plotwarden.rules.yml]
    #[arg(long = "alerts.rules", value_name = "FILE")]
    pub rules: Option<PathBuf>,
    #[command(flatten)]
    pub prometheus: PrometheusOptions,
    #[command(flatten)]
    pub history: HistoryOptions,
    /// What of the machine is read and published, beside CPU time, load, memory, pressure and all of the jobs; separated by
    /// commas [default: everything]
    #[arg(long = "collect", value_enum, value_name = "WHAT", value_delimiter = ',')]
    collect: Option<Vec<Collector>>,
    #[command(flatten)]
    pub processes: ProcessOptions,
    #[command(flatten)]
    pub network: NetworkOptions,
}

impl RunOptions {
    pub fn collectors(&self) -> Collectors {
        self.collect.as_ref().map_or(Collectors::ALL, |chosen| chosen.iter().copied().collect())
    }
}

/// Which generation of PromQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PromqlSemantics {
    Auto,
    #[value(name = "2")]
    V2,
    #[value(name = "3")]
    V3,
}

impl PromqlSemantics {
    pub fn setting(self) -> Option<Semantics> {
        match self {
            Self::Auto => None,
            Self::V2 => Some(Semantics::V2),
            Self::V3 => Some(Semantics::V3),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Table,
    Json,
}

#[derive(Debug, Clone, Args)]
pub struct DiscoverOptions {
    #[command(flatten)]
    pub paths: PathOptions,
    #[command(flatten)]
    pub network: NetworkOptions,
    /// Output format
    #[arg(long, value_enum, default_value_t = InventoryOutput::Table)]
    pub output: InventoryOutput,
    /// Measure what no file tells, which takes time and load: memory bandwidth (2 s of all CPUs for each node), the speed
    /// of disks (2 s of reading each)
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub measure: Vec<Measurement>,
}

/// What is measured only when it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measurement {
    /// Bandwidth of the memory of each NUMA node
    Memory,
    /// Throughput and latency of each disk that does not sleep, by reading only
    Storage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InventoryOutput {
    Table,
    Json,
    Yaml,
}

#[derive(Debug, Clone, Args)]
pub struct MetricsOptions {
    /// Output format; markdown is the page of the documentation
    #[arg(long, value_enum, default_value_t = MetricsOutput::Table)]
    pub output: MetricsOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetricsOutput {
    Table,
    Markdown,
    Json,
}

#[derive(Debug, Clone, Args)]
pub struct KnobsOptions {
    #[command(flatten)]
    pub paths: PathOptions,
    /// Output format; markdown is the page of the documentation, which is the same on all machines
    #[arg(long, value_enum, default_value_t = KnobsOutput::Table)]
    pub output: KnobsOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KnobsOutput {
    Table,
    Json,
    Yaml,
    Markdown,
}

#[derive(Debug, Clone, Args)]
pub struct JobsOptions {
    #[command(flatten)]
    pub paths: PathOptions,
    #[command(flatten)]
    pub profiles: ProfileOptions,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

#[derive(Debug, Clone, Args)]
pub struct QueryOptions {
    /// The PromQL expression
    #[arg(value_name = "EXPR")]
    pub expression: String,
    /// Whom to ask
    #[arg(long, value_name = "URL", default_value_t = format!("http://{}", http::DEFAULT_LISTEN))]
    pub url: String,
    /// Chart the values of this much time up to now, such as 1h, in place of a table of the present
    #[arg(long, value_name = "DURATION", value_parser = some_time)]
    pub range: Option<Duration>,
    /// Time between two values of the chart [default: a sixtieth of the range]
    #[arg(long, value_name = "DURATION", value_parser = some_time, requires = "range")]
    pub step: Option<Duration>,
    /// Output format; json is the answer as it came
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// By name or number. A name that nobody has would allow nobody without a word.
fn user(text: &str) -> Result<u32, String> {
    let named = || inventory::users().into_iter().find(|(_, name)| name == text).map(|(number, _)| number);
    text.parse().ok().or_else(named).ok_or_else(|| "nobody on this machine has this name".to_owned())
}

/// Not more often than the loop turns.
fn a_second_or_more(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text).map_err(|error| error.to_string())?;
    if time < Duration::from_secs(1) { Err("it must be a second or longer".to_owned()) } else { Ok(time) }
}

/// Longer than nothing.
fn some_time(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text).map_err(|error| error.to_string())?;
    if time.is_zero() { Err("it must be longer than nothing".to_owned()) } else { Ok(time) }
}

#[derive(Debug, Clone, Args)]
pub struct RestoreOptions {
    #[command(flatten)]
    pub paths: PathOptions,
    /// For service managers, after the program has ended: what it left to a restart is left to that for 10 s
    #[arg(long)]
    pub after_stop: bool,
}

#[derive(Debug, Clone, Args)]
pub struct AuditOptions {
    /// Audit files, the oldest first [default: those of the run directory]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Run directory of the instance whose file is meant
    #[arg(long = "path.run", value_name = "DIR", default_value_os_t = Roots::standard().run)]
    pub run_dir: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub struct PolicyCheckOptions {
    #[command(flatten)]
    pub profiles: ProfileOptions,
    /// Policy files or folders, or - for what is piped in [default: the shipped policies]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = policy::Output::Human)]
    pub output: policy::Output,
    /// Warnings count as errors
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Clone, Args)]
pub struct PolicyExplainOptions {
    /// Policy files or folders [default: the shipped policies]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Only the policy of this name
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct PolicyFmtOptions {
    /// Policy files or folders, which are rewritten, or - for what is piped in, which is written to standard output
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Write nothing; list the files that are not in this form, and end with 1 if there are any
    #[arg(long)]
    pub check: bool,
    /// Write nothing; show what would change
    #[arg(long)]
    pub diff: bool,
}

#[derive(Debug, Clone, Args)]
pub struct PolicyTestOptions {
    /// Policy files or folders, with their tests [default: the shipped policies]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub profiles: ProfileOptions,
    /// Show what happened step by step in tests that pass, too
    #[arg(long)]
    pub timeline: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

#[derive(Debug, Clone, Args)]
pub struct PolicyDiffOptions {
    /// Policy file or folder as it is
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Policy file or folder as it would be
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Replay both over this history: a file that `--history.file` of a run has kept, or its folder
    #[arg(long, value_name = "PATH")]
    pub recorded: Option<PathBuf>,
    /// How much of the history is replayed, from its end; the last hour is known to the second, a day every 15 s
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    pub range: Duration,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}
