//! From the lines of a document to its layout. The document is known to be good YAML; what this cannot lay out without knowing more
//! of YAML than a policy needs, it refuses by name.

use super::inline::{Flow, find_quote, split_comment, split_dash, split_key};
use super::tree::{Block, Entry, Inline, Lead, Value};
use super::{Left, Refusal};

/// A document, laid out.
#[derive(Debug, Default)]
pub struct Layout {
    /// Comments at the top: they stay there, whichever key comes first.
    pub head: Vec<Lead>,
    pub root: Block,
    /// There are anchors or aliases, and so an order that may not change.
    pub linked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    number: u32,
    indent: usize,
    /// Without indentation.
    text: &'a str,
}

impl Line<'_> {
    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    fn is_comment(&self) -> bool {
        self.text.starts_with('#')
    }

    fn has_data(&self) -> bool {
        !self.is_blank() && !self.is_comment()
    }

    fn lead(&self) -> Lead {
        if self.is_blank() { Lead::Blank } else { Lead::Comment(self.text.trim_end().to_owned()) }
    }
}

/// Lays out a document, whose first line has this number in the file.
pub fn read(lines: &[&str], first: u32) -> Result<Layout, Left> {
    let number = (first..).zip(lines);
    let lines = number.map(|(number, line)| {
        let text = line.trim_start_matches(' ');
        Line { number, indent: line.len() - text.len(), text }
    });
    let mut reader = Reader { lines: lines.collect(), at: 0, linked: false };
    let mut layout = Layout { head: reader.leads(), ..Layout::default() };
    if let Some(line) = reader.peek() {
        layout.root = reader.block(line.indent, false).map_err(|why| reader.left(why))?;
        layout.root.foot.append(&mut reader.leads());
        if reader.at < reader.lines.len() {
            return Err(reader.left("indentation that goes back and forth"));
        }
    }
    layout.linked = reader.linked;
    Ok(layout)
}

struct Reader<'a> {
    lines: Vec<Line<'a>>,
    at: usize,
    linked: bool,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<Line<'a>> {
        self.lines.get(self.at).copied()
    }

    fn left(&self, why: Refusal) -> Left {
        let line = self.peek().or(self.lines.last().copied());
        Left { line: line.map_or(1, |line| line.number), why }
    }

    /// The next line with data, wherever it stands.
    fn next_data(&self) -> Option<Line<'a>> {
        self.lines[self.at..].iter().copied().find(Line::has_data)
    }

    /// Takes blank lines and comments.
    fn leads(&mut self) -> Vec<Lead> {
        let lines = self.lines[self.at..].iter().take_while(|line| !line.has_data());
        let leads: Vec<Lead> = lines.map(Line::lead).collect();
        self.at += leads.len();
        leads
    }

    /// The entries that begin in this column. `flush`: a sequence whose dashes stand below the first letter of its key.
    fn block(&mut self, indent: usize, flush: bool) -> Result<Block, Refusal> {
        let mut block = Block::default();
        let is_sequence = self.next_data().is_some_and(|line| split_dash(line.text).is_some());
        loop {
            let next = self.next_data();
            let goes_on =
                next.is_some_and(|line| line.indent == indent && split_dash(line.text).is_some() == is_sequence);
            if !goes_on {
                // Below dashes that stand in the column of their key, a comment in that column belongs to the next key there.
                let belongs_to_next = flush && next.is_some_and(|line| line.indent == indent);
                block.foot = self.foot(indent + usize::from(belongs_to_next));
                return Ok(block);
            }
            let mut lead = self.leads();
            match block.entries.last_mut() {
                Some(before) => before.tail = take_tail(&mut lead),
                None => drop(lead.drain(..lead.iter().take_while(|lead| **lead == Lead::Blank).count())),
            }
            let mut entry = if is_sequence { self.item()? } else { self.pair()? };
            entry.lead = lead;
            block.entries.push(entry);
        }
    }

    /// Comments that stand below a block and at least this far in.
    fn foot(&mut self, least: usize) -> Vec<Lead> {
        let rest = &self.lines[self.at..];
        let below = rest.iter().take_while(|line| line.is_blank() || line.is_comment() && line.indent >= least).count();
        let taken = rest[..below].iter().rposition(Line::is_comment).map_or(0, |last| last + 1);
        self.at += taken;
        rest[..taken].iter().map(Line::lead).collect()
    }

    fn item(&mut self) -> Result<Entry, Refusal> {
        let line = self.lines[self.at];
        let (column, rest) = split_dash(line.text).ok_or("a line that is no item")?;
        let entry = Entry::of(None);
        if split_dash(rest).is_some() || split_key(rest).is_some() {
            // The item is a block that begins right behind the dash.
            self.lines[self.at] = Line { indent: line.indent + column, text: rest, ..line };
            let block = self.block(line.indent + column, false)?;
            return Ok(Entry { value: Value::Block(block), ..entry });
        }
        self.value(entry, line.indent, rest)
    }

    fn pair(&mut self) -> Result<Entry, Refusal> {
        let line = self.lines[self.at];
        if line.text.starts_with(['?', '*']) {
            return Err("a key that begins with `?` or `*`");
        }
        let (key, rest) = split_key(line.text).ok_or("a line that is neither a key nor an item")?;
        self.linked |= key.starts_with('&');
        self.value(Entry::of(Some(key.to_owned())), line.indent, rest)
    }

    /// The value of the entry on this line, which begins with `rest`.
    fn value(&mut self, mut entry: Entry, indent: usize, rest: &'a str) -> Result<Entry, Refusal> {
        let mut rest = rest.trim();
        while rest.starts_with(['&', '!']) {
            let (property, after) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
            self.linked |= property.starts_with('&');
            entry.properties.push(property.to_owned());
            rest = after.trim_start();
        }
        if !rest.is_empty() && !rest.starts_with('#') {
            entry.value = if rest.starts_with(['|', '>']) {
                self.literal(indent, rest)?
            } else {
                Value::Inline { below: false, lines: self.inline(indent, rest)? }
            };
            return Ok(entry);
        }
        entry.comment = split_comment(rest).1.map(str::to_owned);
        self.at += 1;
        let below = self.next_data().filter(|line| {
            let flush = line.indent == indent && entry.key.is_some() && split_dash(line.text).is_some();
            line.indent > indent || flush
        });
        entry.value = match below {
            None => Value::Nothing(self.foot(indent + 1)),
            Some(line) if split_dash(line.text).is_some() || split_key(line.text).is_some() => {
                Value::Block(self.block(line.indent, line.indent == indent)?)
            }
            Some(line) if line.text.starts_with(['|', '>']) => return Err("a `|` or `>` on a line of its own"),
            Some(line) => {
                if self.leads().iter().any(|lead| *lead != Lead::Blank) {
                    return Err("a comment between a key and its value");
                }
                if line.text.starts_with(['&', '!']) {
                    return Err("an anchor or a tag on a line of its own");
                }
                Value::Inline { below: true, lines: self.inline(indent, line.text.trim_end())? }
            }
        };
        Ok(entry)
    }

    /// A scalar or a flow collection that begins with `text`, and the lines that it goes on for.
    fn inline(&mut self, indent: usize, text: &'a str) -> Result<Vec<Inline>, Refusal> {
        self.linked |= text.starts_with('*');
        if text == "?" || text.starts_with("? ") {
            return Err("a key that begins with `?` or `*`");
        }
        match text.chars().next() {
            Some('{' | '[') => self.flow(text),
            Some(quote @ ('"' | '\'')) => self.quoted(text, quote),
            _ => Ok(self.plain(indent, text)),
        }
    }

    fn flow(&mut self, text: &'a str) -> Result<Vec<Inline>, Refusal> {
        let mut flow = Flow::default();
        let mut lines = vec![flow.line(text)?];
        self.at += 1;
        while flow.is_open() {
            let line = self.peek().ok_or("brackets that are not closed")?;
            lines.push(flow.line(line.text)?);
            self.at += 1;
        }
        self.linked |= flow.linked;
        Ok(lines)
    }

    fn quoted(&mut self, text: &'a str, quote: char) -> Result<Vec<Inline>, Refusal> {
        let mut lines = Vec::new();
        let (mut text, mut from) = (text, 1);
        loop {
            let steps = usize::from(!lines.is_empty());
            self.at += 1;
            if let Some(end) = find_quote(text, from, quote) {
                let (more, comment) = split_comment(text[end..].trim_start());
                if !more.is_empty() {
                    return Err("something behind a quoted text");
                }
                lines.push(Inline { steps, text: text[..end].to_owned(), comment: comment.map(str::to_owned) });
                return Ok(lines);
            }
            lines.push(Inline { steps, text: text.trim_end().to_owned(), comment: None });
            (text, from) = (self.peek().ok_or("a quote that is not closed")?.text.trim_start(), 0);
        }
    }

    fn plain(&mut self, indent: usize, text: &'a str) -> Vec<Inline> {
        let mut lines = Vec::new();
        let mut rest = text;
        loop {
            let (text, comment) = split_comment(rest);
            let steps = usize::from(!lines.is_empty());
            lines.push(Inline { steps, text: text.to_owned(), comment: comment.map(str::to_owned) });
            self.at += 1;
            let gap = self.lines[self.at..].iter().take_while(|line| line.is_blank()).count();
            match self.lines.get(self.at + gap) {
                Some(line) if comment.is_none() && line.indent > indent && !line.is_comment() => {
                    lines.extend((0..gap).map(|_| Inline::default()));
                    self.at += gap;
                    rest = line.text.trim();
                }
                _ => return lines,
            }
        }
    }

    /// A block scalar, whose lines are taken as they are.
    fn literal(&mut self, indent: usize, rest: &str) -> Result<Value, Refusal> {
        let (header, comment) = split_comment(rest);
        if header.contains(|c: char| c.is_ascii_digit()) {
            return Err("a block scalar that says how far it is indented");
        }
        self.at += 1;
        let is_empty = |line: &Line<'_>| line.text.is_empty();
        let rest = &self.lines[self.at..];
        let within = rest.iter().find(|line| !is_empty(line)).map_or(0, |line| line.indent);
        let mut taken = if within <= indent {
            0
        } else {
            rest.iter().take_while(|line| is_empty(line) || line.indent >= within).count()
        };
        // Only with `+` are blank lines at the end data.
        if !header.contains('+') {
            let is_end = |line: &&Line<'_>| is_empty(line) && line.indent <= within;
            taken -= rest[..taken].iter().rev().take_while(is_end).count();
        }
        let lines = rest[..taken].iter().map(|line| {
            let further = line.indent.saturating_sub(within);
            " ".repeat(further) + line.text
        });
        let lines = lines.collect();
        self.at += taken;
        Ok(Value::Literal { header: header.to_owned(), comment: comment.map(str::to_owned), lines })
    }
}

impl Entry {
    fn of(key: Option<String>) -> Self {
        let value = Value::Nothing(Vec::new());
        Self { lead: Vec::new(), key, properties: Vec::new(), comment: None, value, tail: Vec::new() }
    }
}

/// Comments right below an entry that a blank line sets off from the next belong to the one above.
fn take_tail(lead: &mut Vec<Lead>) -> Vec<Lead> {
    match lead.iter().position(|lead| *lead == Lead::Blank) {
        Some(blank) if blank > 0 => lead.drain(..blank).collect(),
        _ => Vec::new(),
    }
}
