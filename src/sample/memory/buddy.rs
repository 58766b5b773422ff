//! Free memory by the size of its pieces: `/proc/buddyinfo`. Much free memory in small blocks is fragmented memory.

use crate::kernel::file::KeptFile;
use crate::kernel::{KernelError, Roots, text};

/// More orders than any kernel has; a line with more is not believed.
const MOST_ORDERS: usize = 64;

/// Free blocks of one zone of one node (`Documentation/filesystems/proc.rst`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeBlocks {
    pub node: u32,
    /// `DMA`, `DMA32`, `Normal`, ...
    pub zone: String,
    /// How many blocks of 2^order pages there are, from order 0 on.
    pub by_order: Vec<u64>,
}

#[derive(Debug)]
pub(super) struct Buddy(KeptFile);

impl Buddy {
    pub fn new(roots: &Roots) -> Self {
        Self(KeptFile::new(roots.proc("buddyinfo")))
    }

    pub fn read(&mut self) -> Result<Vec<FreeBlocks>, KernelError> {
        self.0.read(parse)
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<FreeBlocks>, String> {
    let zones = text::lines(bytes);
    zones.map(|line| zone(line).ok_or_else(|| format!("`{}` is not as documented", text::lossy(line)))).collect()
}

/// `Node 0, zone   Normal      4      4 ...`
fn zone(line: &[u8]) -> Option<FreeBlocks> {
    let mut fields = text::fields(line);
    let node = fields.nth(1)?.strip_suffix(b",").and_then(text::decimal)?;
    let zone = fields.nth(1).map(text::lossy)?;
    let by_order = fields.take(MOST_ORDERS + 1).map(text::decimal).collect::<Option<Vec<u64>>>()?;
    let is_sane = !by_order.is_empty() && by_order.len() <= MOST_ORDERS;
    is_sane.then_some(FreeBlocks { node: u32::try_from(node).ok()?, zone, by_order })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_counted_by_zone_and_order() {
        let text = b"Node 0, zone      DMA      1      0      3 \nNode 1, zone   Normal     10     20     30 \n";
        let zones = parse(text).unwrap();
        assert_eq!(zones[0], FreeBlocks { node: 0, zone: "DMA".to_owned(), by_order: vec![1, 0, 3] });
        assert_eq!((zones[1].node, zones[1].by_order[2]), (1, 30));
        assert_eq!(parse(b""), Ok(Vec::new()));
    }

    #[test]
    fn a_line_that_is_cut_or_hostile_is_refused() {
        let many = format!("Node 0, zone DMA {}", "1 ".repeat(100_000));
        for bad in [&b"Node 0, zone"[..], b"Node 0, zone DMA", b"Node 0, zone DMA 1 x", b"Node -1, zone DMA 1", b"\xff"]
        {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        assert!(parse(many.as_bytes()).is_err() && parse(b"Node 4294967296, zone DMA 1").is_err());
    }
}
