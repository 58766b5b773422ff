//! Checks the sections that only one kind has: `place`, `shape`, `limits`, `gates`, `moves`.

use super::behavior::share;
use super::findings::Findings;
use crate::policy::glob::NamePattern;
use crate::policy::number::Number;
use crate::policy::quantity::LinkShare;
use crate::policy::rules::{Gate, Limits, Moves, Placement, Shape, ShapedClass, TrafficDirection};
use crate::policy::schema;
use crate::policy::spanned::Spanned;
use crate::shaping::{Direction, Dscp, Flow, LEAST_RATE, Lane, Traffic, TrafficClass};
use crate::units::{BitsPerSecond, float, whole};

pub fn placement(written: &schema::Placement) -> Placement {
    let count = |number: Option<&Spanned<Number<u32>>>| {
        number.map_or(0, |number| usize::try_from(number.value.0).unwrap_or(usize::MAX))
    };
    Placement {
        unit: written.unit,
        method: written.method,
        min_cpus: count(written.min_cpus.as_ref()),
        reserve: count(written.reserve.as_ref()),
    }
}

pub fn shape(written: &Spanned<schema::Shape>, findings: &mut Findings<'_>) -> Shape {
    let shape = &written.value;
    let link = shape.link.value.0;
    let before = findings.errors.len();
    let mut classes = Vec::new();
    for written in &shape.classes {
        let class = shaped_class(&written.value, link, findings);
        check_class(written, &class, link, shape.direction, findings);
        classes.push(class);
    }
    let fits = findings.errors.len() == before;
    let shape = Shape {
        interfaces: written.value.interfaces.iter().map(|pattern| NamePattern::new(&pattern.value)).collect(),
        direction: written.value.direction,
        link,
        classes,
    };
    if shape.interfaces.is_empty() {
        findings.error(written, "no interface is named", "write `interfaces: [eth0]`");
    }
    let direction = match shape.direction {
        TrafficDirection::Leaving => Direction::Leaving,
        TrafficDirection::Arriving => Direction::Arriving,
    };
    // What is wrong with one class was said at its place.
    if fits && let Err(error) = shape.lane().normalised(direction) {
        findings.error(&written.value.link, error.to_string(), "guarantee less, or correct `link`");
    }
    shape
}

/// Whether one class by itself can be.
fn check_class(
    written: &Spanned<schema::TrafficClass>,
    class: &ShapedClass,
    link: BitsPerSecond,
    direction: TrafficDirection,
    findings: &mut Findings<'_>,
) {
    let schema::TrafficClass { guaranteed, ceiling, priority, dscp, .. } = &written.value;
    if class.guaranteed < LEAST_RATE {
        let problem = format!("{} is less than can be shaped", class.guaranteed);
        findings.error(guaranteed, problem, format!("write {LEAST_RATE} or more"));
    }
    if class.guaranteed > class.ceiling {
        let problem = format!("{} are guaranteed, but at most {} allowed", class.guaranteed, class.ceiling);
        findings.error(guaranteed, problem, "guarantee no more than `ceiling`");
    } else if class.ceiling > link {
        let problem = format!("{} is more than the link of {link} carries", class.ceiling);
        findings.error(ceiling, problem, "write at most `100%`");
    }
    if let Some(priority) = priority.as_ref().filter(|priority| priority.value.0 > 7) {
        findings.error(
            priority,
            format!("priority {} is out of range", priority.value.0),
            "write 0 (first) to 7 (last)",
        );
    }
    if let Some(dscp) = dscp.as_ref().filter(|_| direction == TrafficDirection::Arriving) {
        findings.error(
            dscp,
            "what arrives was marked by whoever sent it",
            "remove `dscp`, or write `direction: leaving`",
        );
    }
    if class.flows.is_empty() {
        let hint = "write which: `traffic: [{transport: tcp, remotePort: 2049}]`";
        findings.error(written, format!("the class `{}` has no traffic", class.name), hint);
    }
}

fn shaped_class(written: &schema::TrafficClass, link: BitsPerSecond, findings: &mut Findings<'_>) -> ShapedClass {
    let rate = |share: &Spanned<LinkShare>| match share.value {
        LinkShare::Rate(rate) => rate,
        LinkShare::Share(share) => BitsPerSecond(whole(float(link.0) * share.0)),
    };
    let dscp = written.dscp.as_ref().and_then(|code| {
        let found = Dscp::try_from(code.value.0).ok();
        if found.is_none() {
            let problem = format!("{} is no code point of differentiated services", code.value.0);
            findings.error(code, problem, "write 0 to 63");
        }
        found
    });
    ShapedClass {
        name: written.name.value.clone(),
        guaranteed: rate(&written.guaranteed),
        ceiling: rate(&written.ceiling),
        priority: written.priority.as_ref().map_or(0, |priority| priority.value.0),
        dscp,
        flows: written.traffic.iter().map(|packets| flow(packets, findings)).collect(),
    }
}

fn flow(packets: &Spanned<schema::Packets>, findings: &mut Findings<'_>) -> Flow {
    let written = &packets.value;
    let has_port = written.remote_port.is_some() || written.local_port.is_some();
    if written.transport.is_none() && (has_port || written.remote.is_none()) {
        let problem = if has_port { "a port is one of TCP or of UDP" } else { "nothing says which packets are meant" };
        findings.error(packets, problem, "write `{transport: tcp, remotePort: 2049}`, or `{remote: 192.0.2.7}`");
    }
    let remote = written.remote.as_ref().and_then(|remote| {
        let parsed = remote.value.parse().ok();
        if parsed.is_none() {
            findings.error(
                remote,
                format!("`{}` is no address", remote.value),
                "write an address such as 192.0.2.7; names are not asked for",
            );
        }
        parsed
    });
    Flow {
        remote,
        transport: written.transport,
        local_port: written.local_port.as_ref().map(|port| port.value.0),
        remote_port: written.remote_port.as_ref().map(|port| port.value.0),
    }
}

impl Shape {
    /// As the knob takes it; classes are numbered in the order in which they are written.
    pub fn lane(&self) -> Lane {
        let numbers = TrafficClass::NUMBERS;
        let classes = numbers.zip(&self.classes).map(|(number, class)| TrafficClass {
            number,
            guaranteed: class.guaranteed,
            ceiling: class.ceiling,
            priority: class.priority,
            dscp: class.dscp,
            traffic: class.flows.iter().map(|flow| Traffic::Flow(*flow)).collect(),
        });
        Lane { link: self.link, classes: classes.collect() }
    }
}

pub fn limits(written: &Spanned<schema::Limits>, findings: &mut Findings<'_>) -> Limits {
    let limits = Limits {
        max_total: written.value.max_total.as_ref().map(|most| at_least_one(most, findings)),
        max_per_temp_dir: written.value.max_per_temp_dir.as_ref().map(|most| at_least_one(most, findings)),
        min_between_starts: written.value.min_between_starts.as_ref().map(|gap| findings.period(gap)),
    };
    if limits == Limits::default() {
        findings.error(written, "`limits` limits nothing", "write `maxTotal`, `maxPerTempDir` or `minBetweenStarts`");
    }
    limits
}

pub fn gate(written: &schema::Gate, findings: &mut Findings<'_>) -> Gate {
    let phase = &written.before_phase;
    if !(2..=4).contains(&phase.value.0) {
        findings.error(phase, format!("no plot is before phase {}", phase.value.0), "write 2, 3 or 4");
    }
    Gate { per: written.per, before_phase: phase.value.0, at_most: at_least_one(&written.at_most, findings) }
}

fn at_least_one(written: &Spanned<Number<u32>>, findings: &mut Findings<'_>) -> u32 {
    if written.value.0 == 0 {
        findings.error(written, "no plot could ever be made", "write 1 or more");
    }
    written.value.0
}

pub fn moves(written: &schema::Moves, findings: &mut Findings<'_>) -> Moves {
    Moves {
        what: written.what,
        max_moves: at_least_one(&written.most, findings),
        per: findings.period(&written.per),
        min_gain: share(Some(&written.min_gain), 0.15, findings),
    }
}
