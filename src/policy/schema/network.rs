//! `shape` of kind `Network`: classes of traffic on an interface, each with what it is guaranteed and what it may have.

use crate::policy::number::Number;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::policy::quantity::{LinkRate, LinkShare};
use crate::policy::rules::TrafficDirection;
use crate::shaping::Transport;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Names with `*`.
    #[schemars(length(min = 1))]
    pub interfaces: Vec<Spanned<String>>,
    #[serde(default)]
    pub direction: TrafficDirection,
    /// The speed of the link.
    pub link: Spanned<LinkRate>,
    pub classes: Vec<Spanned<TrafficClass>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficClass {
    pub name: Spanned<String>,
    pub guaranteed: Spanned<LinkShare>,
    pub ceiling: Spanned<LinkShare>,
    /// 0 is offered first what others leave, 7 last.
    #[serde(default)]
    #[schemars(range(max = 7))]
    pub priority: Option<Spanned<Number<u8>>>,
    #[serde(default)]
    #[schemars(range(max = 63))]
    pub dscp: Option<Spanned<Number<u8>>>,
    #[schemars(length(min = 1))]
    pub traffic: Vec<Spanned<Packets>>,
}

/// Packets that are meant, by the other end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Packets {
    #[serde(default)]
    pub remote: Option<Spanned<String>>,
    #[serde(default)]
    pub transport: Option<Transport>,
    #[serde(default)]
    pub remote_port: Option<Spanned<Number<u16>>>,
    #[serde(default)]
    pub local_port: Option<Spanned<Number<u16>>>,
}
