//! Decisions on scripted and simulated machines, with the clock in the test's hand.

mod laws;
mod plant;
mod scene;
mod stages;
mod throughput;
