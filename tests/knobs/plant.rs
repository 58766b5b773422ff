//! The made-up hardware of the virtual machine, which refuses what it is told to.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::skipped;

const REFUSE: &str = "/sys/module/farmplant/parameters/refuse";
const PREFERENCE: &str = "/sys/devices/system/cpu/cpufreq/policy1/energy_performance_preference";

/// Reads or writes of one of its surfaces go wrong until this is dropped.
pub struct Refusal {
    /// Such as `limit write`.
    what: String,
}

impl Refusal {
    /// `surface` as `tests/vm/farmplant/refusal.c` names it, `operation` `read` or `write`. Each takes this long and then fails with the
    /// error; `None` to let it succeed.
    pub fn begin(surface: &str, operation: &str, error: Option<Errno>, delay: Duration) -> io::Result<Self> {
        let what = format!("{surface} {operation}");
        let number = error.map_or(0, |error| error as i32);
        fs::write(REFUSE, format!("{what} {number} {}", delay.as_millis()))?;
        Ok(Self { what })
    }
}

impl Drop for Refusal {
    fn drop(&mut self) {
        let _ = fs::write(REFUSE, format!("{} 0 0", self.what));
    }
}

/// Whether there is such hardware here.
pub fn is_here() -> bool {
    Path::new(REFUSE).exists()
}

#[test]
fn what_is_refused_on_request_works_again_afterwards() {
    if !is_here() {
        return skipped("made-up hardware", "not the virtual machine");
    }
    let original = fs::read_to_string(PREFERENCE).unwrap();
    let refusal = Refusal::begin("preference", "write", Some(Errno::EBUSY), Duration::ZERO).unwrap();
    let refused = fs::write(PREFERENCE, "power").unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(Errno::EBUSY as i32));
    assert_eq!(fs::read_to_string(PREFERENCE).unwrap(), original);
    drop(refusal);
    let refusal = Refusal::begin("preference", "read", Some(Errno::EIO), Duration::ZERO).unwrap();
    assert_eq!(fs::read_to_string(PREFERENCE).unwrap_err().raw_os_error(), Some(Errno::EIO as i32));
    drop(refusal);
    fs::write(PREFERENCE, "power").unwrap();
    assert_eq!(fs::read_to_string(PREFERENCE).unwrap(), "power\n");
    fs::write(PREFERENCE, original.trim()).unwrap();
    assert_eq!(fs::read_to_string(PREFERENCE).unwrap(), original);
}

#[test]
fn a_slow_write_takes_its_time() {
    if !is_here() {
        return skipped("made-up hardware", "not the virtual machine");
    }
    let delay = Duration::from_millis(700);
    let refusal = Refusal::begin("preference", "write", None, delay).unwrap();
    let began = Instant::now();
    fs::write(PREFERENCE, "balance_performance").unwrap();
    // Clocks of an emulated machine differ a little from CPU to CPU.
    assert!(began.elapsed() >= delay / 2, "{:?}", began.elapsed());
    drop(refusal);
}
