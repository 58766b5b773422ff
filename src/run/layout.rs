//! What the machine consists of, as far as policies may name it; looked at again when the inventory is.

use std::sync::Arc;

use crate::actuate::Actuator;
use crate::inventory::Inventory;
use crate::world::Layout;

#[derive(Default)]
pub struct LayoutWatch {
    of: Option<Arc<Inventory>>,
    layout: Arc<Layout>,
}

impl LayoutWatch {
    /// The layout that belongs to this inventory.
    pub fn follow(&mut self, inventory: &Arc<Inventory>, actuator: &Actuator) -> &Arc<Layout> {
        if !self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, inventory)) {
            let nodes = &inventory.cpu.facts.numa_nodes;
            let nodes = nodes.iter().map(|node| (node.node, node.cpus.iter().copied().collect())).collect();
            self.layout = Arc::new(Layout { parts: actuator.parts(), nodes });
            self.of = Some(Arc::clone(inventory));
        }
        &self.layout
    }
}
