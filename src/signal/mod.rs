//! Signals: the answers to what policies ask, each with its age, or the reason why there is none.
//!
//! Everything here is answered from the samples of this machine. A signal that is stale or rests on too little is missing, and
//! missing is never zero.

mod local;
mod stored;
mod window;

pub use local::{Answer, Signals};
pub use stored::{Live, Picked, Stored, labels};
