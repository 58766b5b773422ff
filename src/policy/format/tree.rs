//! A document as it is laid out: blocks, what stands above and beside each entry, and texts that nobody looks into. All that
//! formatting needs to know of YAML, and nothing of what a policy means.

/// A line without data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lead {
    Blank,
    /// From its `#` on.
    Comment(String),
}

/// A mapping or a sequence with a line, or more, for each entry.
#[derive(Debug, Default)]
pub struct Block {
    pub entries: Vec<Entry>,
    /// Comments below the last entry that are indented as the entries are.
    pub foot: Vec<Lead>,
}

#[derive(Debug)]
pub struct Entry {
    /// Above the entry; they travel with it.
    pub lead: Vec<Lead>,
    /// As written; `None` for an item of a sequence.
    pub key: Option<String>,
    /// Anchor and tag.
    pub properties: Vec<String>,
    /// On the line of key or dash, where the value is not.
    pub comment: Option<String>,
    pub value: Value,
    /// Comments right below, set off from what follows by a blank line.
    pub tail: Vec<Lead>,
}

#[derive(Debug)]
pub enum Value {
    /// None; but there may be comments where it could be.
    Nothing(Vec<Lead>),
    /// A scalar or a flow collection: on the line of its key, or below it.
    Inline {
        below: bool,
        lines: Vec<Inline>,
    },
    /// After `|` or `>`: lines without the indentation of the block.
    Literal {
        header: String,
        comment: Option<String>,
        lines: Vec<String>,
    },
    Block(Block),
}

/// One line of a value.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inline {
    /// How far further in it stands than the first, in steps.
    pub steps: usize,
    pub text: String,
    pub comment: Option<String>,
}

/// The order of the envelope.
const ENVELOPE: &[&str] = &["apiVersion", "kind", "metadata", "spec", "tests"];
/// The order of the sections: who acts, on what, when, how, within what limits.
const SECTIONS: &[&str] = &[
    "control",
    "selector",
    "signals",
    "severity",
    "bands",
    "trigger",
    "schedule",
    "place",
    "shape",
    "protected",
    "limits",
    "changes",
    "gates",
    "moves",
    "stages",
    "safe",
    "behavior",
    "guardrails",
];

impl Block {
    /// Puts envelope and sections in their order; what is not known stays in its order behind them.
    pub fn put_in_order(&mut self) {
        if !self.entries.iter().any(|entry| entry.key.as_deref() == Some("apiVersion")) {
            return;
        }
        self.sort(ENVELOPE);
        for entry in self.entries.iter_mut().filter(|entry| entry.key.as_deref() == Some("spec")) {
            if let Value::Block(spec) = &mut entry.value {
                spec.sort(SECTIONS);
            }
        }
    }

    fn sort(&mut self, order: &[&str]) {
        let rank =
            |entry: &Entry| order.iter().position(|key| entry.key.as_deref() == Some(key)).unwrap_or(order.len());
        self.entries.sort_by_key(rank);
    }
}
