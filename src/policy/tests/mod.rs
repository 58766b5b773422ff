//! What an operator sees of his policies: good ones read as he means them, bad ones named where they are bad.

mod bad;
mod cases;
mod files;
mod good;
mod manual;
mod promql;
mod settling;

use super::Vocabulary;

/// A policy in which every section occurs; the bad ones are made from it by one edit each.
pub const GOOD: &str = "\
apiVersion: plotwarden/v1
kind: Contention
metadata: {name: test}
spec:
  control: {mode: enforce, class: slo, priority: 100, onExit: keep}
  selector:
    jobs: {role: plotter, plotter: [madmax], owner: [chia], tempDir: [/mnt/ssd*], k: [32]}
  signals:
    disk: {local: io.some, of: jobs, window: 2s, maxAge: 5s, onMissing: hold}
    ram: {local: memory.used, window: 10s, maxAge: 15s, onMissing: deny}
  severity:
    - {resource: io, signal: disk, zero: 10%, one: 60%}
    - {resource: memory, signal: ram, zero: 80%, one: 98%}
  bands: {notice: 0.4, warn: 0.6, critical: 0.8}
  trigger: {for: 2s, clear: {below: 0.2, for: 3s}}
  stages:
    - {resource: io, at: notice, do: [closeAdmission]}
    - {resource: io, at: critical, do: [pause], for: 4s, clear: {below: 0.3, for: 6s}}
    - {resource: memory, at: warn, do: [lowerPriority]}
  behavior:
    settle: 3s
    cooldown: 5s
    pauseAtOnce: 50%
    maxActionsPerHour: 60
    reversals: {max: 3, per: 15m, then: holdRestrictive, hold: 15m}
  guardrails: {keepRunning: 1, maxPaused: 75%, minRun: 1m, never: [], neverPause: [bladebit-ram]}
";

pub fn vocabulary() -> Vocabulary {
    Vocabulary {
        metrics: vec!["plotwarden_memory_available_bytes", "plotwarden_ticks_total"],
        plotters: ["madmax", "chiapos", "bladebit-ram"].map(str::to_owned).into(),
        prometheus: false,
    }
}
