//! `shape` of kind `Network`: classes of traffic on an interface, each with what it is guaranteed and what it may have.

use crate::policy::number::Number;
use crate::policy::spanned::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::policy::quantity::{LinkRate, LinkShare};
use crate::policy::rules::TrafficDirection;
use crate::shaping::Transport;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("allOf" = json!([no_marks_on_arrival()])))]
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
#[schemars(extend("anyOf" = json!([{"required": ["transport"]}, address_alone()])))]
pub struct Packets {
    #[serde(default)]
    #[schemars(extend("pattern" = address(), "errorMessage" = "write an address such as 192.0.2.7; names are not asked for"))]
    pub remote: Option<Spanned<String>>,
    #[serde(default)]
    pub transport: Option<Transport>,
    #[serde(default)]
    pub remote_port: Option<Spanned<Number<u16>>>,
    #[serde(default)]
    pub local_port: Option<Spanned<Number<u16>>>,
}

/// Of IPv4, or whatever looks like one of IPv6.
fn address() -> String {
    const BYTE: &str = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    format!(r"^({BYTE}\.){{3}}{BYTE}$|^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$")
}

/// A port is one of TCP or of UDP, so without `transport` there is none.
fn address_alone() -> Value {
    json!({
        "required": ["remote"],
        "properties": {"remotePort": false, "localPort": false},
        "errorMessage": "a port needs `transport: tcp` or `transport: udp`",
    })
}

/// What arrives was marked by whoever sent it.
fn no_marks_on_arrival() -> Value {
    let class = json!({"properties": {"dscp": false}, "errorMessage": "what arrives was marked by whoever sent it"});
    json!({
        "if": {"required": ["direction"], "properties": {"direction": {"const": "arriving"}}},
        "then": {"properties": {"classes": {"items": class}}},
    })
}
