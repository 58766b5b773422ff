//! What the kernel's own driver of a card measures; temperatures, fans and power of such a card are sensors as any other.

use super::{GpuSample, PART};
use crate::kernel::KernelError;
use crate::kernel::graphics_card::GraphicsCard;
use crate::sample::SampleProblem;

pub(super) fn sample(card: &GraphicsCard, problems: &mut Vec<SampleProblem>) -> GpuSample {
    let sample = GpuSample { gpu: card.address.clone(), ..GpuSample::default() };
    if card.is_asleep() {
        return sample;
    }
    let total = told(card.memory_total(), problems);
    let used = told(card.memory_used(), problems);
    GpuSample {
        utilisation: told(card.busy(), problems),
        memory_utilisation: told(card.memory_busy(), problems),
        memory_total: total,
        memory_used: used,
        memory_free: total.zip(used).and_then(|(total, used)| total.0.checked_sub(used.0)).map(crate::units::Bytes),
        ..sample
    }
}

/// Older cards lack some of the files.
fn told<T>(read: Result<T, KernelError>, problems: &mut Vec<SampleProblem>) -> Option<T> {
    if let Err(error) = &read
        && !error.is_gone()
    {
        problems.push(SampleProblem { part: PART, reason: error.to_string() });
    }
    read.ok()
}
