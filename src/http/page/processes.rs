//! Who else uses the machine: the processes outside the jobs that use most, so that a competitor has a name.

use std::collections::BTreeMap;

use crate::metrics::Snapshot;
use crate::sample::{ProcessesSample, TopProcess};
use crate::units::{Bytes, whole};

use super::html::Html;

/// One process with what is notable of it.
#[derive(Default)]
struct Row<'a> {
    comm: &'a str,
    user: Option<&'a str>,
    cpus: Option<f64>,
    resident: Option<f64>,
    io: Option<f64>,
}

/// Nothing where no other process uses a notable amount.
pub(super) fn table(html: &mut Html, snapshot: &Snapshot) {
    let Some(sweep) = &snapshot.world.processes else { return };
    let rows = rows(sweep);
    if rows.is_empty() {
        return;
    }
    html.raw("<section><h2>Other programs</h2>");
    html.raw("<table><thead><tr><th>Program<th>User<th>CPUs<th>Memory<th>Storage</tr></thead><tbody>");
    for (pid, Row { comm, user, cpus, resident, io }) in rows {
        html.raw("<tr><td data-label=\"Program\"><b>").text(comm).raw("</b> <span class=\"under\">pid ");
        html.text(&pid.to_string()).raw("</span></td><td data-label=\"User\">").text(user.unwrap_or("–"));
        html.raw("</td><td data-label=\"CPUs\" class=\"number\">");
        known(html, cpus.map(|cpus| format!("{cpus:.2}")));
        html.raw("</td><td data-label=\"Memory\" class=\"number\">");
        known(html, resident.map(|bytes| Bytes(whole(bytes)).to_string()));
        html.raw("</td><td data-label=\"Storage\" class=\"number\">");
        known(html, io.map(|bytes| format!("{}/s", Bytes(whole(bytes)))));
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table></section>");
}

/// Who uses most CPU stands first.
fn rows(sweep: &ProcessesSample) -> Vec<(i32, Row<'_>)> {
    let mut rows: BTreeMap<i32, Row<'_>> = BTreeMap::new();
    for top in &sweep.top_cpu {
        row_of(&mut rows, top).cpus = Some(top.value);
    }
    for top in &sweep.top_memory {
        row_of(&mut rows, top).resident = Some(top.value);
    }
    for top in &sweep.top_io {
        row_of(&mut rows, top).io = Some(top.value);
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by(|(_, a), (_, b)| b.cpus.unwrap_or(0.0).total_cmp(&a.cpus.unwrap_or(0.0)));
    rows
}

fn row_of<'a, 'r>(rows: &'r mut BTreeMap<i32, Row<'a>>, top: &'a TopProcess) -> &'r mut Row<'a> {
    let row = rows.entry(top.pid).or_default();
    (row.comm, row.user) = (&top.comm, top.user.as_deref());
    row
}

/// What is not among the most is not known here.
fn known(html: &mut Html, words: Option<String>) {
    match words {
        Some(words) => html.text(&words),
        None => html.raw("<span class=\"none\">–</span>"),
    };
}
