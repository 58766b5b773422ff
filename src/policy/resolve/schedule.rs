//! Checks `schedule`: time zone, days, and times of day in quotes.

use std::time::Duration;

use crate::policy::spanned::Spanned;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use super::findings::Findings;
use crate::policy::nearest::suggest;
use crate::policy::rules::{Schedule, Window};
use crate::policy::schema;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

pub fn schedule(written: &Spanned<schema::Schedule>, findings: &mut Findings<'_>) -> Option<Schedule> {
    let zone = zone(&written.value.timezone, findings);
    let windows: Vec<Window> =
        written.value.windows.iter().filter_map(|written| window(&written.value, findings)).collect();
    if written.value.windows.is_empty() {
        findings.error(
            written,
            "the schedule has no window, so the policy would never apply",
            "add one under `windows`, or remove `schedule`",
        );
    }
    Some(Schedule { zone: zone?, windows })
}

fn zone(name: &Spanned<String>, findings: &mut Findings<'_>) -> Option<TimeZone> {
    let zone = TimeZone::get(&name.value).ok();
    if zone.is_none() {
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let hint = match crate::policy::nearest::nearest(&name.value, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write a name such as `Europe/Paris`, or `UTC`".to_owned(),
        };
        findings.error(name, format!("there is no time zone `{}`", name.value), hint);
    }
    zone
}

fn window(written: &schema::Window, findings: &mut Findings<'_>) -> Option<Window> {
    let (from, to) = (time(&written.from, findings), time(&written.to, findings));
    let mut days = Vec::new();
    for range in &written.days {
        days.extend(self::days(range, findings));
    }
    if written.days.is_empty() {
        days.extend(DAYS.iter().map(|(_, day)| *day));
    }
    let (from, to) = (from?, to?);
    if from == to {
        findings.error(
            &written.to,
            "the window ends when it begins",
            "for the whole day, leave `schedule` out or write '00:00' to '24:00'",
        );
        return None;
    }
    let ramp_in = written.ramp_in.as_ref().map_or(Duration::ZERO, |ramp| findings.period(ramp));
    let ramp_out = written.ramp_out.as_ref().map_or(Duration::ZERO, |ramp| findings.period(ramp));
    Some(Window { days, from, to, ramp_in, ramp_out })
}

/// `'17:00'`. Without quotes some readers of YAML take it for the number 61,200.
fn time(written: &Spanned<String>, findings: &mut Findings<'_>) -> Option<Time> {
    let text = &written.value;
    if !findings.document.is_quoted(written) {
        findings.error(
            written,
            format!("{text} has no quotes, and readers of YAML differ on what it means"),
            format!("write '{text}'"),
        );
        return None;
    }
    let parsed = text.split_once(':').and_then(|(hour, minute)| {
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let (hour, minute) = (digits(hour).then(|| hour.parse().ok())??, digits(minute).then(|| minute.parse().ok())??);
        // The end of a day is the beginning of the next.
        Time::new(if (hour, minute) == (24, 0) { 0 } else { hour }, minute, 0, 0).ok()
    });
    if parsed.is_none() {
        findings.error(written, format!("`{text}` is no time of day"), "write hours and minutes, such as '17:00'");
    }
    parsed
}

/// `mon` or `fri-mon`.
fn days(written: &Spanned<String>, findings: &mut Findings<'_>) -> Vec<Weekday> {
    let (first, last) = written.value.split_once('-').unwrap_or((&written.value, &written.value));
    let mut place = |name: &str| {
        let place = DAYS.iter().position(|(known, _)| *known == name.trim());
        if place.is_none() {
            let names: Vec<&str> = DAYS.iter().map(|(name, _)| *name).collect();
            findings.error(written, format!("`{name}` is no day"), suggest(name, &names));
        }
        place
    };
    let (Some(first), Some(last)) = (place(first), place(last)) else { return Vec::new() };
    let count = (last + DAYS.len() - first) % DAYS.len() + 1;
    DAYS.iter().cycle().skip(first).take(count).map(|(_, day)| *day).collect()
}
