//! What of a GPU can be limited: the only calls to NVIDIA's library that set something, and nobody but the knobs makes them.
//!
//! The library is opened here by hand and not through `nvml-wrapper`, which serves the readings: the guard restores limits, and has
//! all its code in locked memory, of which the wrapper's is megabytes. Opened twice it is one library.
//!
//! Source: NVML API Reference Manual.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Why a GPU does not do as it is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no library, or the GPU has fallen off the bus, or its driver was unloaded: its limits have gone with it.
    #[error("{0}")]
    Gone(String),
    #[error("{0}")]
    NotAllowed(String),
    /// It cannot be limited so, or its driver is too old.
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    Failed(String),
}

/// What can be locked to a highest clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockedClock {
    Cores,
    Memory,
}

/// The library, open and initialised for good, since to close it may hang as any call may.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    handle: usize,
}

/// A GPU that can be limited.
#[derive(Debug, Clone, Copy)]
pub struct Limited {
    library: Limits,
    device: *mut c_void,
}

/// `nvmlReturn_t`: 0 for success.
type Return = c_int;

static OPENED: Mutex<Vec<(PathBuf, Limits)>> = Mutex::new(Vec::new());

/// Calls a function of the library by its name, or says that it has none such.
macro_rules! call {
    ($library:expr, $name:literal ($($argument:expr => $kind:ty),*)) => {{
        let found = $library.symbol($name)?;
        // SAFETY: the manual gives the function these arguments, which live until it returns, and an int as its result.
        let code = unsafe {
            let function: unsafe extern "C" fn($($kind),*) -> Return = std::mem::transmute(found);
            function($($argument),*)
        };
        judged(code)
    }};
}

impl Limits {
    /// Opens the library, or gives the one that is open. May take seconds or never come back.
    pub fn open(path: &Path) -> Result<Self, Refusal> {
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, library)) = opened.iter().find(|(other, _)| other == path) {
            return Ok(*library);
        }
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| Refusal::Failed(error.to_string()))?;
        // SAFETY: the name ends with a zero. What the library does when it is loaded is NVIDIA's, as with any program that asks it.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(Refusal::Gone(format!("cannot load {}: {}", path.display(), loader_error())));
        }
        let library = Self { handle: handle as usize };
        call!(library, c"nvmlInit_v2"())?;
        opened.push((path.to_owned(), library));
        Ok(library)
    }

    /// The UUIDs of the GPUs that answer.
    pub fn uuids(self) -> Result<Vec<String>, Refusal> {
        let mut count: c_uint = 0;
        call!(self, c"nvmlDeviceGetCount_v2" (&raw mut count => *mut c_uint))?;
        // One that is lost does not hide the others.
        Ok((0..count).filter_map(|index| self.uuid(index).ok()).collect())
    }

    fn uuid(self, index: c_uint) -> Result<String, Refusal> {
        const LENGTH: c_uint = 96;
        let mut device = std::ptr::null_mut();
        call!(self, c"nvmlDeviceGetHandleByIndex_v2" (index => c_uint, &raw mut device => *mut *mut c_void))?;
        let mut text = [0_u8; LENGTH as usize];
        let buffer = text.as_mut_ptr().cast::<c_char>();
        call!(self, c"nvmlDeviceGetUUID" (device => *mut c_void, buffer => *mut c_char, LENGTH => c_uint))?;
        let text = CStr::from_bytes_until_nul(&text).map_err(|error| Refusal::Failed(error.to_string()))?;
        Ok(text.to_string_lossy().into_owned())
    }

    pub fn gpu(self, uuid: &str) -> Result<Limited, Refusal> {
        let name = CString::new(uuid).map_err(|error| Refusal::Failed(error.to_string()))?;
        let mut device = std::ptr::null_mut();
        call!(self, c"nvmlDeviceGetHandleByUUID" (name.as_ptr() => *const c_char, &raw mut device => *mut *mut c_void))?;
        Ok(Limited { library: self, device })
    }

    fn symbol(self, name: &CStr) -> Result<*mut c_void, Refusal> {
        // SAFETY: the handle is that of a library that is never closed, and the name ends with a zero.
        let found = unsafe { libc::dlsym(self.handle as *mut c_void, name.as_ptr()) };
        if found.is_null() {
            return Err(Refusal::Unsupported(format!(
                "NVIDIA's driver is too old: it has no {}",
                name.to_string_lossy()
            )));
        }
        Ok(found)
    }
}

impl Limited {
    /// In milliwatts, as it was set.
    pub fn power_limit(self) -> Result<u32, Refusal> {
        let (library, mut limit) = (self.library, 0);
        call!(library, c"nvmlDeviceGetPowerManagementLimit" (self.device => *mut c_void, &raw mut limit => *mut c_uint))?;
        Ok(limit)
    }

    /// The least and the most that the power limit can be set to, in milliwatts.
    pub fn power_limits(self) -> Result<(u32, u32), Refusal> {
        let (library, mut least, mut most) = (self.library, 0, 0);
        call!(library, c"nvmlDeviceGetPowerManagementLimitConstraints" (
            self.device => *mut c_void, &raw mut least => *mut c_uint, &raw mut most => *mut c_uint
        ))?;
        Ok((least, most))
    }

    pub fn set_power_limit(self, milliwatts: u32) -> Result<(), Refusal> {
        let library = self.library;
        call!(library, c"nvmlDeviceSetPowerManagementLimit" (self.device => *mut c_void, milliwatts => c_uint))
    }

    /// The highest that there is, in MHz.
    pub fn most(self, clock: LockedClock) -> Result<u32, Refusal> {
        // `nvmlClockType_t`.
        let kind: c_int = match clock {
            LockedClock::Cores => 0,
            LockedClock::Memory => 2,
        };
        let (library, mut most) = (self.library, 0);
        call!(library, c"nvmlDeviceGetMaxClockInfo" (self.device => *mut c_void, kind => c_int, &raw mut most => *mut c_uint))?;
        Ok(most)
    }

    /// Keeps a clock at or below so many MHz.
    pub fn lock(self, clock: LockedClock, most: u32) -> Result<(), Refusal> {
        let (library, device) = (self.library, self.device);
        match clock {
            LockedClock::Cores => {
                call!(library, c"nvmlDeviceSetGpuLockedClocks" (device => *mut c_void, 0 => c_uint, most => c_uint))
            }
            LockedClock::Memory => {
                call!(library, c"nvmlDeviceSetMemoryLockedClocks" (device => *mut c_void, 0 => c_uint, most => c_uint))
            }
        }
    }

    /// Lets a clock go as it likes.
    pub fn unlock(self, clock: LockedClock) -> Result<(), Refusal> {
        let (library, device) = (self.library, self.device);
        match clock {
            LockedClock::Cores => call!(library, c"nvmlDeviceResetGpuLockedClocks" (device => *mut c_void)),
            LockedClock::Memory => call!(library, c"nvmlDeviceResetMemoryLockedClocks" (device => *mut c_void)),
        }
    }
}

/// `nvmlReturn_t`, what of it a caller can do something about.
fn judged(code: Return) -> Result<(), Refusal> {
    let failed = |what: &str| Refusal::Failed(format!("{what} (NVML error {code})"));
    Err(match code {
        0 => return Ok(()),
        1 => failed("the library lost its connection to the driver"),
        2 => failed("the driver does not take this value"),
        3 => Refusal::Unsupported("the GPU cannot be limited so".to_owned()),
        4 => Refusal::NotAllowed("only root may".to_owned()),
        6 => Refusal::Gone("no such GPU".to_owned()),
        9 => Refusal::Gone("NVIDIA's driver is not loaded".to_owned()),
        13 => Refusal::Unsupported("NVIDIA's driver is too old".to_owned()),
        15 => Refusal::Gone("the GPU has fallen off the bus".to_owned()),
        18 => failed("the driver was replaced while it was loaded: reboot"),
        _ => failed("the driver failed"),
    })
}

fn loader_error() -> String {
    // SAFETY: gives null or a text that stands until this thread calls the loader again.
    let said = unsafe { libc::dlerror() };
    if said.is_null() {
        return "no reason given".to_owned();
    }
    // SAFETY: it is not null, and ends with a zero.
    unsafe { CStr::from_ptr(said) }.to_string_lossy().into_owned()
}
