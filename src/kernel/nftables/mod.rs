//! Tables of packet rules (nftables), by which packets are told from each other: here the kernel knows which cgroup the socket of
//! a packet was opened in, which traffic control itself does not.
//!
//! A table of ours has one chain, and is changed as a whole: the kernel takes all of a batch or nothing. Tables of others are not
//! looked into.

mod expression;

use nix::sys::socket::SockProtocol;

use super::KernelError;
use super::netlink::message::{Attributes, Message, Received, attributes, find, text};
use super::netlink::{NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST, Netlink};

pub use expression::{Expression, Header, Meta};

/// `NFNL_SUBSYS_NFTABLES`, and the marks around a batch.
const SUBSYSTEM: u16 = 10;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NEW_TABLE: u16 = SUBSYSTEM << 8;
const GET_TABLE: u16 = NEW_TABLE | 1;
const DELETE_TABLE: u16 = NEW_TABLE | 2;
const NEW_CHAIN: u16 = NEW_TABLE | 3;
const GET_CHAIN: u16 = NEW_TABLE | 4;
const NEW_RULE: u16 = NEW_TABLE | 6;
const GET_RULE: u16 = NEW_TABLE | 7;
/// Length of `struct nfgenmsg`.
const FIXED: usize = 4;
/// Of tables, chains and rules alike.
const NFTA_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_TYPE: u16 = 7;
const NFTA_HOOK_NUMBER: u16 = 1;
const NFTA_HOOK_PRIORITY: u16 = 2;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_LIST_ELEM: u16 = 1;
/// `NFPROTO_INET` and `NF_INET_LOCAL_OUT`.
const INET: u8 = 1;
const LOCAL_OUT: u32 = 3;
/// Where rules that change packets belong (`NF_IP_PRI_MANGLE`).
const MANGLE: i32 = -150;

/// Steps that are taken one after the other, until a packet does not compare.
pub type Rule = Vec<Expression>;

/// A table for packets of IPv4 and IPv6, with one chain, which those meet that processes of this machine send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub chain: String,
    pub rules: Vec<Rule>,
}

/// A table as it is there. What we would not have written is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    pub chains: Vec<FoundChain>,
    pub rules: Vec<Option<Rule>>,
}

/// A chain that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundChain {
    pub name: String,
    /// It stands where ours do.
    pub is_at_output: bool,
}

/// What rules are asked and told by, in the network namespace in which it was opened.
#[derive(Debug)]
pub struct Nftables {
    netlink: Netlink,
}

impl Nftables {
    pub fn open() -> Result<Self, KernelError> {
        Netlink::open(SockProtocol::NetlinkNetFilter).map(|netlink| Self { netlink })
    }

    /// Names of all tables for IPv4 and IPv6 together.
    pub fn tables(&mut self) -> Result<Vec<String>, KernelError> {
        let question = Message::new(GET_TABLE, NLM_F_REQUEST, &fixed(INET, 0), &Attributes::new());
        let name = |received: &Received<'_>| find(received.body.get(FIXED..)?, NFTA_TABLE).map(text);
        self.netlink.dump("packet tables", &question, name)
    }

    /// The chains and rules of a table; `None` if there is no table of that name.
    pub fn table(&mut self, name: &str) -> Result<Option<FoundTable>, KernelError> {
        // The kernel takes the table as a filter of rules only, and there may be ten thousand of others.
        let of_table = Attributes::new().with_text(NFTA_TABLE, name);
        let question = |kind| {
            let attributes = if kind == GET_RULE { &of_table } else { &Attributes::new() };
            Message::new(kind, NLM_F_REQUEST, &fixed(INET, 0), attributes)
        };
        if !self.tables()?.iter().any(|table| table == name) {
            return Ok(None);
        }
        let take = |received: &Received<'_>| named(received, NEW_CHAIN, name).and_then(FoundChain::parse);
        let chains = self.netlink.dump("packet chains", &question(GET_CHAIN), take)?;
        let take = |received: &Received<'_>| named(received, NEW_RULE, name).map(rule);
        let rules = self.netlink.dump("packet rules", &question(GET_RULE), take)?;
        Ok(Some(FoundTable { chains, rules }))
    }

    /// Puts the table in the place of what has its name; at no time is there only a part of it.
    ///
    /// # Errors
    /// `ENOENT` if the kernel does not have one of the expressions.
    pub fn replace(&mut self, table: &Table) -> Result<(), KernelError> {
        let (make, delete) = (new_table(&table.name), delete_table(&table.name));
        // What is to be deleted must be there.
        let mut orders = vec![make.clone(), delete, make, new_chain(table)];
        orders.extend(table.rules.iter().map(|rule| new_rule(table, rule)));
        self.batch("set", &table.name, orders)
    }

    pub fn delete(&mut self, name: &str) -> Result<(), KernelError> {
        self.batch("delete", name, vec![delete_table(name)])
    }

    fn batch(&mut self, doing: &'static str, name: &str, orders: Vec<Message>) -> Result<(), KernelError> {
        let mark = |kind| Message::new(kind, NLM_F_REQUEST, &fixed(0, SUBSYSTEM), &Attributes::new());
        let mut batch = vec![mark(BATCH_BEGIN)];
        batch.extend(orders);
        batch.push(mark(BATCH_END));
        self.netlink.orders(doing, &format!("packet rules {name}"), &batch)
    }
}

impl FoundChain {
    fn parse(attributes: &[u8]) -> Option<Self> {
        let number = |kind| Some(u32::from_be_bytes(*find(find(attributes, NFTA_CHAIN_HOOK)?, kind)?.first_chunk()?));
        let place = (number(NFTA_HOOK_NUMBER), number(NFTA_HOOK_PRIORITY).map(u32::cast_signed));
        let is_at_output = place == (Some(LOCAL_OUT), Some(MANGLE));
        Some(Self { name: text(find(attributes, NFTA_CHAIN_NAME)?), is_at_output })
    }
}

/// Attributes of a message of this kind about the table of that name, whose attribute is the first of all kinds.
fn named<'a>(received: &Received<'a>, kind: u16, table: &str) -> Option<&'a [u8]> {
    let attributes = received.body.get(FIXED..).filter(|_| received.kind == kind)?;
    (text(find(attributes, NFTA_TABLE)?) == table).then_some(attributes)
}

fn rule(of_rule: &[u8]) -> Option<Rule> {
    let expressions = find(of_rule, NFTA_RULE_EXPRESSIONS).unwrap_or_default();
    attributes(expressions).map(|(_, expression)| Expression::parse(expression)).collect()
}

/// `struct nfgenmsg`: family, version, number of the subsystem.
fn fixed(family: u8, subsystem: u16) -> [u8; FIXED] {
    let [high, low] = subsystem.to_be_bytes();
    [family, 0, high, low]
}

fn order(kind: u16, flags: u16, attributes: &Attributes) -> Message {
    Message::new(kind, NLM_F_REQUEST | NLM_F_ACK | flags, &fixed(INET, 0), attributes)
}

fn new_table(name: &str) -> Message {
    order(NEW_TABLE, NLM_F_CREATE, &Attributes::new().with_text(NFTA_TABLE, name))
}

fn delete_table(name: &str) -> Message {
    order(DELETE_TABLE, 0, &Attributes::new().with_text(NFTA_TABLE, name))
}

fn new_chain(table: &Table) -> Message {
    let hook = Attributes::new()
        .with(NFTA_HOOK_NUMBER, &LOCAL_OUT.to_be_bytes())
        .with(NFTA_HOOK_PRIORITY, &MANGLE.to_be_bytes());
    let chain = Attributes::new()
        .with_text(NFTA_TABLE, &table.name)
        .with_text(NFTA_CHAIN_NAME, &table.chain)
        .with_nested(NFTA_CHAIN_HOOK, &hook)
        .with_text(NFTA_CHAIN_TYPE, "filter");
    order(NEW_CHAIN, NLM_F_CREATE, &chain)
}

fn new_rule(table: &Table, rule: &[Expression]) -> Message {
    let list = |list: Attributes, expression: &Expression| list.with_nested(NFTA_LIST_ELEM, &expression.attributes());
    let attributes = Attributes::new()
        .with_text(NFTA_TABLE, &table.name)
        .with_text(NFTA_RULE_CHAIN, &table.chain)
        .with_nested(NFTA_RULE_EXPRESSIONS, &rule.iter().fold(Attributes::new(), list));
    order(NEW_RULE, NLM_F_CREATE | NLM_F_APPEND, &attributes)
}
