//! The GPUs are asked on a thread of their own, since NVIDIA's library may take seconds to answer, or for ever.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use super::{Gpu, unusable};
use crate::clock::Moment;
use crate::inventory::{Capability, Part, Survey};
use crate::kernel::{KernelError, Roots};

/// So many may wait for answers that never come before no more are begun: a thread that hangs cannot be ended.
const MOST_AT_ONCE: usize = 64;

static ASKING: AtomicUsize = AtomicUsize::new(0);

/// GPUs that are being looked at.
#[derive(Debug)]
pub struct GpuDiscovery {
    begun: Moment,
    answer: Receiver<(Part<Gpu>, Capability)>,
}

impl GpuDiscovery {
    pub fn begin(roots: &Roots, now: Moment) -> Self {
        let (sender, answer) = sync_channel(1);
        let roots = roots.clone();
        if ASKING.fetch_add(1, Ordering::Relaxed) >= MOST_AT_ONCE {
            ASKING.fetch_sub(1, Ordering::Relaxed);
            return Self { begun: now, answer };
        }
        let asking = move || {
            let mut survey = Survey::default();
            let (gpu, capability) = Gpu::read(&roots, &mut survey);
            ASKING.fetch_sub(1, Ordering::Relaxed);
            // Nobody listens any more if it took too long.
            drop(sender.send((survey.close(now.wall, gpu), capability)));
        };
        // Without a thread there is no answer, as if it hung.
        drop(thread::Builder::new().name("gpus".to_owned()).spawn(asking));
        Self { begun: now, answer }
    }

    /// What was found, waiting for it at most so long.
    pub fn take(&self, patience: Duration) -> Option<(Part<Gpu>, Capability)> {
        self.answer.recv_timeout(patience).ok()
    }

    /// What there is to say while it has not answered.
    pub(in crate::inventory) fn unanswered(&self) -> (Part<Gpu>, Capability) {
        const REASON: &str =
            "it has not answered yet; a GPU that is asleep takes seconds to wake, one that is wedged for ever";
        let mut survey = Survey::default();
        let what = "NVIDIA's management library";
        survey.fact::<()>(Err(KernelError::Unsupported { what, reason: REASON.to_owned() }));
        let part = survey.close(self.begun.wall, Gpu::default());
        (
            part,
            unusable(format!("{what} has not answered"), "if it lasts, see whether nvidia-smi answers, and boot again"),
        )
    }
}
