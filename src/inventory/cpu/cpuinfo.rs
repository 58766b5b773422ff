//! `/proc/cpuinfo`: what each CPU is, and where it sits for machines that hide sysfs.
//!
//! Its keys differ by architecture and are documented nowhere but in `arch/*/kernel/cpu/proc.c` (x86) and
//! `arch/arm64/kernel/cpuinfo.c`: one that is not there is not known.

use crate::kernel::{KernelError, Roots, file, text};
use crate::units::Hertz;

/// No machine has more; a file that tells of more is not believed.
const MOST_CPUS: usize = 1 << 16;

/// What all CPUs that are online say of themselves.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct CpuInfo {
    pub cpus: Vec<CpuBlock>,
    /// Of the flags, those that every CPU has.
    pub flags: Vec<String>,
}

/// What one CPU says of itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct CpuBlock {
    pub cpu: u32,
    pub make: Make,
    pub core: Option<u32>,
    pub package: Option<u32>,
    /// CPUs and cores of its package, x86 only.
    pub package_cpus: Option<u32>,
    pub package_cores: Option<u32>,
    pub current: Option<Hertz>,
}

/// What kind of CPU it is, in the numbers of its maker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Make {
    /// `AuthenticAMD`; on ARM the number of the implementer is in `arm` instead.
    pub vendor: Option<String>,
    pub family: Option<u32>,
    pub model: Option<u32>,
    pub stepping: Option<u32>,
    pub name: Option<String>,
    pub microcode: Option<String>,
    pub arm: ArmMake,
}

/// The main ID register of an ARM core, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ArmMake {
    pub implementer: Option<u32>,
    pub architecture: Option<u32>,
    pub part: Option<u32>,
    pub variant: Option<u32>,
    pub revision: Option<u32>,
}

pub(super) fn read(roots: &Roots) -> Result<CpuInfo, KernelError> {
    file::read(&roots.proc("cpuinfo"), parse)
}

fn parse(bytes: &[u8]) -> Result<CpuInfo, String> {
    let mut info = CpuInfo::default();
    let mut flags = CommonFlags::default();
    for line in text::lines(bytes) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (key, value) = (line[..colon].trim_ascii_end(), line[colon + 1..].trim_ascii());
        if let (b"processor", Some(cpu)) = (key, number(value)) {
            if info.cpus.len() == MOST_CPUS {
                return Err(format!("tells of more than {MOST_CPUS} CPUs"));
            }
            info.cpus.push(CpuBlock { cpu, ..CpuBlock::default() });
        } else if matches!(key, b"flags" | b"Features") {
            flags.join(value);
        } else if let Some(block) = info.cpus.last_mut() {
            block.take(key, value);
        }
    }
    info.flags = flags.common.unwrap_or_default();
    if info.cpus.is_empty() { Err("no line `processor`".to_owned()) } else { Ok(info) }
}

impl CpuBlock {
    fn take(&mut self, key: &[u8], value: &[u8]) {
        let words = || Some(text::lossy(value)).filter(|words| !words.is_empty());
        let Make { vendor, family, model, stepping, name, microcode, arm } = &mut self.make;
        match key {
            b"vendor_id" => *vendor = words(),
            b"cpu family" => *family = number(value),
            b"model" => *model = number(value),
            b"stepping" => *stepping = number(value),
            // The latter two are those of MIPS and POWER.
            b"model name" | b"cpu model" | b"cpu" => *name = words(),
            b"microcode" => *microcode = words(),
            b"CPU implementer" => arm.implementer = number(value),
            b"CPU architecture" => arm.architecture = number(value),
            b"CPU part" => arm.part = number(value),
            b"CPU variant" => arm.variant = number(value),
            b"CPU revision" => arm.revision = number(value),
            b"core id" => self.core = number(value),
            b"physical id" => self.package = number(value),
            b"siblings" => self.package_cpus = number(value),
            b"cpu cores" => self.package_cores = number(value),
            b"cpu MHz" => self.current = text::fraction(value).filter(|mhz| *mhz > 0.0).map(|mhz| Hertz(mhz * 1e6)),
            _ => {}
        }
    }
}

/// The flags that all CPUs have. Nearly always all lines are equal, so that only the first is taken apart.
#[derive(Default)]
struct CommonFlags<'a> {
    last: Option<&'a [u8]>,
    common: Option<Vec<String>>,
}

impl<'a> CommonFlags<'a> {
    fn join(&mut self, line: &'a [u8]) {
        if self.last.replace(line) == Some(line) {
            return;
        }
        match &mut self.common {
            None => self.common = Some(text::fields(line).map(text::lossy).collect()),
            Some(common) => common.retain(|flag| text::fields(line).any(|other| other == flag.as_bytes())),
        }
    }
}

/// Decimal, or hexadecimal with `0x`.
fn number(value: &[u8]) -> Option<u32> {
    match value.strip_prefix(b"0x") {
        Some(digits) if digits.first().is_some_and(u8::is_ascii_hexdigit) => {
            u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        }
        Some(_) => None,
        None => text::decimal(value).and_then(|value| u32::try_from(value).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 33\n\
        model name\t: AMD Ryzen 9 5950X 16-Core Processor\nstepping\t: 2\nmicrocode\t: 0xa201210\ncpu MHz\t\t: 3400.000\n\
        physical id\t: 0\nsiblings\t: 32\ncore id\t\t: 5\ncpu cores\t: 16\nflags\t\t: fpu sse4_1 avx2\n\n\
        processor\t: 7\nflags\t\t: fpu avx2\n";

    #[test]
    fn a_cpu_of_x86_tells_what_it_is_and_where_it_sits() {
        let info = parse(TWO.as_bytes()).unwrap();
        let [first, second] = &info.cpus[..] else { panic!("two CPUs") };
        let make = &first.make;
        assert_eq!((make.vendor.as_deref(), make.family, make.model), (Some("AuthenticAMD"), Some(25), Some(33)));
        assert_eq!((make.stepping, make.microcode.as_deref()), (Some(2), Some("0xa201210")));
        assert_eq!((first.package, first.core, first.current), (Some(0), Some(5), Some(Hertz(3.4e9))));
        assert_eq!((second.cpu, second.core, second.current), (7, None, None));
        assert_eq!(info.flags, ["fpu", "avx2"], "a flag that one CPU lacks cannot be used");
    }

    #[test]
    fn a_core_of_arm_tells_its_maker_in_numbers() {
        let text = "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd aes sha2\nCPU implementer\t: 0x41\n\
            CPU architecture: 8\nCPU variant\t: 0x4\nCPU part\t: 0xd0b\nCPU revision\t: 1\n\nModel\t\t: Raspberry Pi 5\n";
        let info = parse(text.as_bytes()).unwrap();
        let arm = ArmMake {
            implementer: Some(0x41),
            architecture: Some(8),
            part: Some(0xd0b),
            variant: Some(4),
            revision: Some(1),
        };
        assert_eq!((info.cpus[0].make.arm, info.flags.len()), (arm, 4));
        assert_eq!((info.cpus[0].make.model, info.cpus[0].make.name.as_deref()), (None, None));
    }

    #[test]
    fn what_is_missing_or_no_number_is_not_known() {
        let info =
            parse(b"processor : 0\nmodel : x\ncpu MHz : nan\nCPU part : 0x\nstepping : -1\nmodel name :\n").unwrap();
        assert_eq!(info.cpus, [CpuBlock::default()]);
    }

    #[test]
    fn hostile_text_is_refused_or_survived() {
        for bad in [&b""[..], b"\xff\xfe:\n", b"processor\n", b"processor : 99999999999\n"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        let flood = "processor:0\n".repeat(MOST_CPUS + 1);
        assert!(parse(flood.as_bytes()).unwrap_err().contains("more than"));
        let info = parse(b"processor : 1\nmodel name : \xff\xfe\n: x\n").unwrap();
        assert_eq!(info.cpus[0].make.name.as_deref(), Some("\u{fffd}\u{fffd}"));
    }
}
