//! From the layout of a document to its lines: two spaces a step, one blank line at most, comments of neighbouring lines below
//! each other.

use super::read::Layout;
use super::tree::{Block, Entry, Inline, Lead, Value};

const STEP: usize = 2;
/// Between data and a comment behind it.
const BEFORE_COMMENT: usize = 2;

#[derive(Debug)]
struct Line {
    indent: usize,
    text: String,
    comment: Option<String>,
}

/// Appends the document to `out`.
pub fn print(layout: &Layout, out: &mut String) {
    let mut printer = Printer::default();
    printer.leads(&layout.head, 0);
    printer.block(&layout.root, 0);
    // Blank lines at the end of the last value may be data.
    let is_data = layout.root.foot.is_empty() && layout.root.entries.last().is_some_and(ends_in_data);
    while !is_data && printer.lines.last().is_some_and(Line::is_blank) {
        printer.lines.pop();
    }
    printer.align_comments();
    for line in &printer.lines {
        if !line.text.is_empty() {
            out.extend(std::iter::repeat_n(' ', line.indent));
        }
        out.push_str(&line.text);
        out.push_str(line.comment.as_deref().unwrap_or_default());
        out.push('\n');
    }
}

fn ends_in_data(entry: &Entry) -> bool {
    match &entry.value {
        Value::Literal { .. } => entry.tail.is_empty(),
        Value::Block(block) => block.foot.is_empty() && block.entries.last().is_some_and(ends_in_data),
        Value::Nothing(_) | Value::Inline { .. } => false,
    }
}

impl Line {
    fn is_blank(&self) -> bool {
        self.text.is_empty() && self.comment.is_none()
    }
}

#[derive(Default)]
struct Printer {
    lines: Vec<Line>,
}

impl Printer {
    fn line(&mut self, indent: usize, text: impl Into<String>, comment: Option<&String>) {
        self.lines.push(Line { indent, text: text.into(), comment: comment.cloned() });
    }

    /// Blank lines and comments; no two blank lines, and none at the top.
    fn leads(&mut self, leads: &[Lead], indent: usize) {
        for lead in leads {
            match lead {
                Lead::Blank => self.blank(),
                Lead::Comment(comment) => self.line(indent, comment, None),
            }
        }
    }

    fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_blank()) {
            self.line(0, "", None);
        }
    }

    fn block(&mut self, block: &Block, indent: usize) {
        let mut before: Option<&Entry> = None;
        for entry in &block.entries {
            let mut lead = entry.lead.as_slice();
            match before {
                // What was set off from the entry below stays so when another comes to stand there.
                Some(before) if !before.tail.is_empty() || is_set_off(lead) => self.blank(),
                Some(_) => {}
                None => lead = lead.iter().position(|lead| *lead != Lead::Blank).map_or(&[], |first| &lead[first..]),
            }
            self.leads(lead, indent);
            self.entry(entry, indent);
            self.leads(&entry.tail, indent);
            before = Some(entry);
        }
        self.leads(&block.foot, indent);
    }

    fn entry(&mut self, entry: &Entry, indent: usize) {
        let mut start = entry.key.as_ref().map_or_else(|| "-".to_owned(), |key| format!("{key}:"));
        for property in &entry.properties {
            start.push(' ');
            start.push_str(property);
        }
        match &entry.value {
            Value::Nothing(comments) => {
                self.line(indent, start, entry.comment.as_ref());
                self.leads(comments, indent + STEP);
            }
            Value::Inline { below: true, lines } => {
                self.line(indent, start, entry.comment.as_ref());
                self.inline(None, lines, indent + STEP);
            }
            Value::Inline { below: false, lines } => self.inline(Some(&start), lines, indent),
            Value::Literal { header, comment, lines } => {
                self.line(indent, format!("{start} {header}"), comment.as_ref());
                for line in lines {
                    self.line(indent + STEP, line, None);
                }
            }
            Value::Block(block) => {
                let first = self.lines.len();
                let goes_beside = start == "-" && entry.comment.is_none() && begins_with_data(block);
                if !goes_beside {
                    self.line(indent, start, entry.comment.as_ref());
                }
                self.block(block, indent + STEP);
                if let Some(line) = self.lines.get_mut(first).filter(|_| goes_beside) {
                    *line = Line { indent, text: format!("- {}", line.text), comment: line.comment.take() };
                }
            }
        }
    }

    fn inline(&mut self, start: Option<&String>, lines: &[Inline], indent: usize) {
        // The lines of an item go on from where it begins, behind the dash.
        let dash = if start.is_some_and(|start| start.starts_with('-')) { STEP } else { 0 };
        for (index, line) in lines.iter().enumerate() {
            match start.filter(|_| index == 0) {
                Some(start) => self.line(indent, format!("{start} {}", line.text), line.comment.as_ref()),
                None => self.line(indent + dash + STEP * line.steps, &line.text, line.comment.as_ref()),
            }
        }
    }

    /// Puts the comments of lines that follow one another, equally far in, below each other.
    fn align_comments(&mut self) {
        let is_beside = |line: &Line| line.comment.is_some() && !line.text.is_empty();
        let together = |one: &Line, other: &Line| is_beside(one) && is_beside(other) && one.indent == other.indent;
        for run in self.lines.chunk_by_mut(together) {
            let width = |line: &Line| line.text.chars().count();
            let widest = run.iter().map(width).max().unwrap_or_default();
            for line in run.iter_mut().filter(|line| is_beside(line)) {
                let gap = widest - width(line) + BEFORE_COMMENT;
                line.comment = line.comment.as_ref().map(|comment| " ".repeat(gap) + comment);
            }
        }
    }
}

/// Comments that a blank line keeps apart from the entry below them.
fn is_set_off(lead: &[Lead]) -> bool {
    lead.first().is_some_and(|first| *first != Lead::Blank) && lead.contains(&Lead::Blank)
}

fn begins_with_data(block: &Block) -> bool {
    let has_comment = |entry: &Entry| entry.lead.iter().any(|lead| *lead != Lead::Blank);
    block.entries.first().is_some_and(|entry| !has_comment(entry))
}
