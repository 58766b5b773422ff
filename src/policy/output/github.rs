//! A check as GitHub's workflow commands: a line each, which its runner turns into a note beside the line of the file.
//!
//! Source: <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>; what is escaped, and how, is in the
//! runner's own toolkit: per cent sign and line ends everywhere, colon and comma in properties too.

use std::fmt::Write;
use std::path::Path;

use super::{findings, message, seen_from};
use crate::policy::check::CheckReport;

pub fn write(report: &CheckReport, folder: &Path) -> String {
    let mut text = String::new();
    for (severity, finding) in findings(report) {
        let mut properties = vec![("file", seen_from(folder, &finding.path).display().to_string())];
        if let Some(place) = finding.place {
            properties.push(("line", place.line.to_string()));
            properties.push(("col", place.column.to_string()));
            // The last column that is meant, where SARIF names the first that is not.
            properties.push(("endColumn", (place.column + place.width.max(1) - 1).to_string()));
        }
        let rule = finding.rule.map_or_else(String::new, |rule| format!(": {}", rule.name()));
        properties.push(("title", format!("plotwarden policy check{rule}")));
        let properties: Vec<String> =
            properties.into_iter().map(|(name, value)| format!("{name}={}", property(&value))).collect();
        let _ = writeln!(text, "::{} {}::{}", severity.name(), properties.join(","), data(&message(finding)));
    }
    let _ = writeln!(text, "{}", report.summary());
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
