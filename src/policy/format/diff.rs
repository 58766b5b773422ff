//! What formatting would change, as a unified diff.

use std::fmt::Write;

/// Lines around a change.
const CONTEXT: usize = 3;
/// Cells of the table by which the longest common part is found; beyond, a file is replaced whole: nobody reads such a diff.
const LARGEST_TABLE: usize = 4_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    Keep,
    Remove,
    Add,
}

/// The diff from `old` to `new`, headed by the name of the file; empty if they are equal.
pub fn unified(name: &str, old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let edits = edits(&old, &new);
    let mut text = String::new();
    let mut from = 0;
    while let Some(hunk) = next_hunk(&edits, from) {
        if text.is_empty() {
            let _ = writeln!(text, "--- {name}\n+++ {name}");
        }
        write_hunk(&mut text, (&old, &new), &edits, hunk);
        from = hunk.1;
    }
    text
}

/// The edits of the next hunk: changes that are no further apart than twice the context.
fn next_hunk(edits: &[Edit], from: usize) -> Option<(usize, usize)> {
    let changed = |from: usize| edits[from..].iter().position(|edit| *edit != Edit::Keep).map(|at| from + at);
    let first = changed(from)?;
    let mut last = first;
    while let Some(next) = changed(last + 1).filter(|next| next - last <= 2 * CONTEXT) {
        last = next;
    }
    Some((first.saturating_sub(CONTEXT).max(from), (last + 1 + CONTEXT).min(edits.len())))
}

fn write_hunk(text: &mut String, (old, new): (&[&str], &[&str]), edits: &[Edit], (start, end): (usize, usize)) {
    let lines = |edits: &[Edit], without: Edit| edits.iter().filter(|edit| **edit != without).count();
    let (mut at_old, mut at_new) = (lines(&edits[..start], Edit::Add), lines(&edits[..start], Edit::Remove));
    let range = |before: usize, count: usize| format!("{},{count}", before + usize::from(count > 0));
    let hunk = &edits[start..end];
    let (removed, added) = (range(at_old, lines(hunk, Edit::Add)), range(at_new, lines(hunk, Edit::Remove)));
    let _ = writeln!(text, "@@ -{removed} +{added} @@");
    for edit in hunk {
        let (sign, line) = match edit {
            Edit::Keep => (' ', old[at_old]),
            Edit::Remove => ('-', old[at_old]),
            Edit::Add => ('+', new[at_new]),
        };
        at_old += usize::from(*edit != Edit::Add);
        at_new += usize::from(*edit != Edit::Remove);
        let end = if line.ends_with('\n') { "" } else { "\n\\ No newline at end of file\n" };
        let _ = write!(text, "{sign}{line}{end}");
    }
}

fn edits(old: &[&str], new: &[&str]) -> Vec<Edit> {
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = old.iter().zip(new).take_while(same).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let mut edits = vec![Edit::Keep; head];
    if old.len().saturating_mul(new.len()) > LARGEST_TABLE {
        edits.extend(old.iter().map(|_| Edit::Remove));
        edits.extend(new.iter().map(|_| Edit::Add));
    } else {
        edits.extend(by_common_lines(old, new));
    }
    edits.extend(vec![Edit::Keep; tail]);
    edits
}

/// Keeps as many lines as can be kept.
fn by_common_lines(old: &[&str], new: &[&str]) -> Vec<Edit> {
    let width = new.len() + 1;
    // How many lines can be kept of what follows line i of the old and line j of the new.
    let mut kept = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            kept[i * width + j] = if old[i] == new[j] {
                kept[(i + 1) * width + j + 1] + 1
            } else {
                kept[(i + 1) * width + j].max(kept[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut edits) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        let edit = if i < old.len() && j < new.len() && old[i] == new[j] {
            Edit::Keep
        } else if i < old.len() && (j == new.len() || kept[(i + 1) * width + j] >= kept[i * width + j + 1]) {
            Edit::Remove
        } else {
            Edit::Add
        };
        i += usize::from(edit != Edit::Add);
        j += usize::from(edit != Edit::Remove);
        edits.push(edit);
    }
    edits
}
