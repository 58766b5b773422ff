//! The command line: flags in the style of the Prometheus exporters, one file per subcommand, help with an example each.

mod audit;
mod completions;
mod discover;
mod jobs;
mod knobs;
mod log;
mod metrics;
mod options;
mod policy;
mod query;
mod rehearse;
mod restore;
mod run;
mod table;

use clap::{Parser, Subcommand};

use crate::kernel::space;

/// Exit codes, the same for every subcommand.
pub mod exit {
    pub const OK: u8 = 0;
    /// The command ran and found a problem: a bad policy, a knob that could not be put back.
    pub const PROBLEM: u8 = 1;
    /// The command could not run: bad flags, a lock held by another instance, an address in use.
    pub const CANNOT: u8 = 2;
}

/// Watches and steers Chia plotting: a Prometheus exporter and a policy controller in one.
#[derive(Debug, Parser)]
#[command(name = "plotwarden", version, about, max_term_width = 100)]
#[command(
    after_help = "Example: plotwarden run\n\nWithout a subcommand this help is shown. Exit codes: 0 fine, 1 a problem was found, 2 could not run."
)]
pub struct Cli {
    #[command(flatten)]
    pub log: options::LogOptions,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Publish metrics and carry out the policies, until SIGTERM
    #[command(after_help = "Example: plotwarden run --policies /etc/plotwarden/policies --max-mode dry-run")]
    Run(Box<options::RunOptions>),
    /// Show what this machine is, and which control surfaces can be used
    #[command(after_help = "Example: plotwarden discover --output json\n         plotwarden discover --measure memory")]
    Discover(options::DiscoverOptions),
    /// List the plotting jobs of this machine: phase, progress, time left and needs
    #[command(after_help = "Example: plotwarden jobs --output json | jq '.[].progress'")]
    Jobs(options::JobsOptions),
    /// Ask a running plotwarden, or any Prometheus, in PromQL
    #[command(
        after_help = "Example: plotwarden query 'rate(plotwarden_job_written_bytes_total[1m])' --range 1h --step 15s\n\nExit codes: 0 answered, 1 the query is wrong or has no answer, 2 nobody to ask."
    )]
    Query(options::QueryOptions),
    /// List every metric with type, labels and meaning
    #[command(after_help = "Example: plotwarden metrics | grep network")]
    Metrics(options::MetricsOptions),
    /// List every knob: whether it works here or why not, what it is set to now, who else writes it
    #[command(after_help = "Example: plotwarden knobs --output yaml\n\nReads only; nothing on the machine is changed.")]
    Knobs(options::KnobsOptions),
    /// Put back everything that an earlier run changed and left behind
    #[command(
        after_help = "Example: plotwarden restore\n\nSafe at any time: only what is still ours is put back. Refuses while a run is alive."
    )]
    Restore(options::RestoreOptions),
    /// Check that no line of the audit file was changed, taken out or put in
    #[command(
        after_help = "Example: plotwarden audit\n\nExit codes: 0 all as written, 1 a line does not follow from the one before, 2 a file cannot be read."
    )]
    Audit(options::AuditOptions),
    /// Work with policy files
    #[command(subcommand, after_help = "Example: plotwarden policy check policies/")]
    Policy(PolicyCommand),
    /// Print completions for a shell
    #[command(after_help = "Example: plotwarden completions bash > /etc/bash_completion.d/plotwarden")]
    Completions(completions::Options),
    /// Answer how much space file systems have; started by plotwarden itself
    #[command(name = space::SUBCOMMAND, hide = true)]
    AnswerSpace,
}

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check policy files and folders; every error with file, line, column and a hint
    #[command(
        after_help = "Example: plotwarden policy check policies/ my-policy.yaml\n         plotwarden policy check --output sarif - <my-policy.yaml\n\nExit codes: 0 all good, 1 a policy has errors (with --strict: or warnings), 2 a file cannot be read."
    )]
    Check(options::PolicyCheckOptions),
    /// Say what policies do, in plain English
    #[command(
        after_help = "Example: plotwarden policy explain\n         plotwarden policy explain --policy protect-harvester policies/\n\nExit codes: 0 explained, 1 a policy has errors or there is none of that name, 2 a file cannot be read."
    )]
    Explain(options::PolicyExplainOptions),
    /// Bring policy files into their canonical form; comments stay, the meaning never changes
    #[command(
        after_help = "Example: plotwarden policy fmt policies/\n         plotwarden policy fmt --check --diff policies/\n\nExit codes: 0 done, 1 a file is no YAML (with --check: or is not in this form), 2 a file cannot be read or written."
    )]
    Fmt(options::PolicyFmtOptions),
    /// Print the policy language as a JSON Schema, with which editors complete and check
    #[command(
        after_help = "Example: plotwarden policy schema >policy.schema.json\n\nFirst line of a policy beside it: # yaml-language-server: $schema=./policy.schema.json"
    )]
    Schema,
    /// Play the tests of policies on a machine in memory, with a clock of their own
    #[command(
        after_help = "Example: plotwarden policy test policies/ tests-of-mine.yaml\n\nNothing on the machine is read or changed. Exit codes: 0 all as expected, 1 a test fails, 2 a file is wrong or cannot be read."
    )]
    Test(options::PolicyTestOptions),
    /// Say which policies differ between two sets, and which claims would have, over what was recorded
    #[command(
        after_help = "Example: plotwarden policy diff /etc/plotwarden/policies new/ --recorded /var/lib/plotwarden/history\n\nExit codes: 0 nothing differs, 1 something does, 2 a file is wrong or cannot be read."
    )]
    Diff(options::PolicyDiffOptions),
}

/// Runs the program; the result is its exit code.
pub fn main() -> u8 {
    let cli = Cli::parse();
    log::start(&cli.log);
    match cli.command {
        Command::Run(options) => run::run(*options),
        Command::Discover(options) => discover::discover(&options),
        Command::Jobs(options) => jobs::jobs(&options),
        Command::Query(options) => query::query(&options),
        Command::Metrics(options) => metrics::metrics(&options),
        Command::Knobs(options) => knobs::knobs(&options),
        Command::Restore(options) => restore::restore(&options),
        Command::Audit(options) => audit::audit(&options),
        Command::Policy(command) => policy::policy(&command),
        Command::Completions(options) => completions::print(&options),
        Command::AnswerSpace => answer_space(),
    }
}

/// The other end of the pipes is gone if this fails, and with it whoever wanted to know.
fn answer_space() -> u8 {
    space::end_with_parent();
    let (questions, answers) = (std::io::stdin().lock(), std::io::stdout().lock());
    space::serve(questions, answers).map_or(exit::CANNOT, |()| exit::OK)
}
