//! A process that does not outlive the test that started it, however that ends.

use std::process::{Child, Command};

/// Killed with its owner.
pub struct Owned(Child);

impl Owned {
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
