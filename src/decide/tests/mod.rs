//! Decisions on scripted and simulated machines, with the clock in the test's hand.

mod laws;
mod plant;
mod scene;
mod staged_laws;
mod stages;
mod steps;
mod swings;
mod throughput;
mod vain;
