//! What policies may speak of beside jobs: handed in by whoever loads them, because policies know neither metrics nor flags.

/// What PromQL signals can be about here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// The names of all series that this program exports.
    pub metrics: Vec<&'static str>,
    /// The names of the plotters that can be recognised; empty if nobody knows them.
    pub plotters: Vec<String>,
    /// Whether a Prometheus server is there to be asked.
    pub prometheus: bool,
}
