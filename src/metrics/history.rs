//! The embedded history about itself: how much it holds, what it had to let go, and whether a restart would find it.

use super::family::Family;

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge("plotwarden_history_series", "Series of which the embedded history holds any sample.")
        .from("embedded history")
        .drawn(|s, out| out.one(s.history.as_ref().map(|history| history.stats.series))),
    Family::gauge(
        "plotwarden_history_samples",
        "Compressed samples that the embedded history holds, by resolution; the newest minutes come on top.",
    )
    .by(&["tier"])
    .from("embedded history")
    .drawn(|s, out| {
        for tier in s.history.iter().flat_map(|history| history.stats.tiers) {
            out.add([tier.resolution.name().into()], tier.sealed_samples);
        }
    }),
    Family::gauge("plotwarden_history_bytes", "Memory of the embedded history.")
        .from("embedded history")
        .drawn(|s, out| out.one(s.history.as_ref().map(|history| history.stats.bytes))),
    Family::gauge(
        "plotwarden_history_limit_bytes",
        "Memory that the embedded history may use (--history.memory-limit).",
    )
    .from("embedded history")
    .drawn(|s, out| out.one(s.history.as_ref().map(|history| history.stats.limit_bytes))),
    Family::counter(
        "plotwarden_history_dropped_blocks_total",
        "Blocks of the oldest samples dropped before their time to keep the memory limit.",
    )
    .from("embedded history")
    .drawn(|s, out| out.one(s.history.as_ref().map(|history| history.stats.counters.dropped_blocks))),
    Family::counter(
        "plotwarden_history_refused_series_total",
        "Samples left out because the memory limit had no room for another series.",
    )
    .from("embedded history")
    .drawn(|s, out| out.one(s.history.as_ref().map(|history| history.stats.counters.refused_series))),
    Family::counter("plotwarden_history_refused_ticks_total", "Ticks left out because the clock had been set back.")
        .from("embedded history")
        .drawn(|s, out| out.one(s.history.as_ref().map(|history| history.stats.counters.refused_ticks))),
    Family::gauge("plotwarden_history_append_seconds", "Time that the last tick took to append, beside the loop.")
        .from("embedded history")
        .drawn(|s, out| out.one(s.history.as_ref().map(|history| history.append))),
    Family::gauge(
        "plotwarden_history_snapshot_last_success_timestamp_seconds",
        "When the history was last saved to its file; no sample before the first time.",
    )
    .from("embedded history")
    .drawn(|s, out| out.one(s.history.as_ref().and_then(|history| history.saved_at))),
];
