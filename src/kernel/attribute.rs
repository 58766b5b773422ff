//! sysfs holds one value per file: here they are read as what they are.
//!
//! Source: `Documentation/filesystems/sysfs.rst`, `Documentation/admin-guide/cputopology.rst`.

use std::fs;
use std::path::Path;

use super::{KernelError, file, text};

/// No machine has more CPUs or nodes; a list that goes beyond is not believed.
const MOST_CPUS: u32 = 1 << 16;
/// A directory of sysfs with more entries is not looked through.
const MOST_ENTRIES: usize = 1 << 16;

/// The first line, without blanks around it.
///
/// # Errors
/// Also if there is nothing in it.
pub fn text(path: &Path) -> Result<String, KernelError> {
    file::read(path, |bytes| {
        let line = text::lines(bytes).next().map(|line| text::lossy(line.trim_ascii()));
        line.filter(|line| !line.is_empty()).ok_or_else(|| "empty".to_owned())
    })
}

/// A whole number that is not negative.
pub fn decimal(path: &Path) -> Result<u64, KernelError> {
    parsed(path, "a whole number", text::decimal)
}

/// A whole number with a sign, such as a temperature.
pub fn signed(path: &Path) -> Result<i64, KernelError> {
    parsed(path, "a whole number", text::signed)
}

/// `0` or `1`; in parameters of modules, `N` or `Y`.
pub fn flag(path: &Path) -> Result<bool, KernelError> {
    parsed(path, "0, 1, N or Y", |bytes| match bytes {
        b"0" | b"N" => Some(false),
        b"1" | b"Y" => Some(true),
        _ => None,
    })
}

/// The chosen one of several words, such as `none [mq-deadline] bfq`, or the only word.
pub fn chosen(path: &Path) -> Result<String, KernelError> {
    parsed(path, "a choice of words", parse_chosen)
}

/// As `chosen`, of what stands there.
pub fn parse_chosen(line: &[u8]) -> Option<String> {
    let words = || text::fields(line);
    let bracketed = words().find_map(|word| word.strip_prefix(b"[")?.strip_suffix(b"]"));
    let only = || words().next().filter(|_| words().count() == 1);
    bracketed.or_else(only).filter(|word| word.is_ascii()).map(text::lossy)
}

/// Numbers of CPUs or nodes as `0-3,8`; an empty line is none.
pub fn cpu_list(path: &Path) -> Result<Vec<u32>, KernelError> {
    parsed(path, "a list of CPUs", parse_cpu_list)
}

/// Numbers of CPUs with blanks between them, as cpufreq writes them.
pub fn cpu_words(path: &Path) -> Result<Vec<u32>, KernelError> {
    parsed(path, "numbers of CPUs", |line| text::fields(line).map(cpu_number).collect())
}

fn parsed<T>(path: &Path, what: &str, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, KernelError> {
    file::read(path, |bytes| {
        let value = bytes.trim_ascii();
        parse(value).ok_or_else(|| format!("`{}` is not {what}", text::lossy(&value[..value.len().min(80)])))
    })
}

/// The names of the entries of a directory, `sda2` before `sda10`.
pub fn entries(directory: &Path) -> Result<Vec<String>, KernelError> {
    let failed = |source| KernelError::io("list", directory, source);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)?.take(MOST_ENTRIES) {
        names.push(text::lossy(entry.map_err(failed)?.file_name().as_encoded_bytes()));
    }
    names.sort_unstable_by(|one, other| natural(one).cmp(&natural(other)));
    Ok(names)
}

/// Where a link points to: the last name of it, such as the driver of a device.
pub fn link_name(path: &Path) -> Result<String, KernelError> {
    let target = fs::read_link(path).map_err(|source| KernelError::io("read the link", path, source))?;
    let name = target.file_name().map(|name| text::lossy(name.as_encoded_bytes()));
    name.ok_or_else(|| KernelError::malformed(path, format!("points to {}", target.display())))
}

/// Text and numbers in turn, so that numbers are ordered by what they are worth.
fn natural(name: &str) -> Vec<(&str, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(digits);
        let end = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
        parts.push((word, behind[..end].parse().unwrap_or(u64::MAX)));
        rest = &behind[end..];
    }
    parts
}

fn cpu_number(digits: &[u8]) -> Option<u32> {
    text::decimal(digits).and_then(|cpu| u32::try_from(cpu).ok()).filter(|cpu| *cpu < MOST_CPUS)
}

/// As `cpu_list`, of what stands there.
pub fn parse_cpu_list(list: &[u8]) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for range in list.split(|byte| *byte == b',').filter(|_| !list.is_empty()) {
        let (first, rest) = range.split_at(range.iter().position(|byte| *byte == b'-').unwrap_or(range.len()));
        let first = cpu_number(first)?;
        let end = if rest.is_empty() { first } else { cpu_number(&rest[1..]).filter(|end| *end >= first)? };
        cpus.extend(first..=end);
        if cpus.len() > MOST_CPUS as usize {
            return None;
        }
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn values_are_read_as_what_they_are() {
        let fixture = Fixture::new();
        fixture
            .file("sys/speed", "1000\n")
            .file("sys/temp", "-12500\n")
            .file("sys/scheduler", "none [mq-deadline] bfq\n")
            .file("sys/flag", "1\n")
            .file("sys/affected", "0 2 \n")
            .file("sys/model", "  Some Disk   \n")
            .link("sys/driver", "../../bus/drivers/nvme");
        let path = |name: &str| fixture.roots.sys(name);
        assert_eq!(decimal(&path("speed")).unwrap(), 1000);
        assert_eq!(signed(&path("temp")).unwrap(), -12500);
        assert_eq!(chosen(&path("scheduler")).unwrap(), "mq-deadline");
        assert!(flag(&path("flag")).unwrap());
        assert_eq!(cpu_words(&path("affected")).unwrap(), [0, 2]);
        assert_eq!(text(&path("model")).unwrap(), "Some Disk");
        assert_eq!(link_name(&path("driver")).unwrap(), "nvme");
    }

    #[test]
    fn what_is_no_value_is_an_error_with_its_path() {
        let fixture = Fixture::new();
        fixture.file("sys/bad", [0xff, b'x', b'\n']).file("sys/empty", "\n");
        for name in ["bad", "empty"] {
            let path = fixture.roots.sys(name);
            for error in [decimal(&path).unwrap_err(), signed(&path).unwrap_err(), flag(&path).unwrap_err()] {
                assert!(error.to_string().contains(name) && !error.is_gone(), "{error}");
            }
        }
        assert!(text(&fixture.roots.sys("empty")).is_err());
        assert!(text(&fixture.roots.sys("none")).unwrap_err().is_gone());
    }

    #[test]
    fn a_list_of_cpus_is_believed_if_it_can_be_true() {
        assert_eq!(parse_cpu_list(b"0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(parse_cpu_list(b""), Some(vec![]));
        for bad in [&b"0-"[..], b"-1", b"0,,1", b"3-1", b"0-4294967295", b"\xff", b"0-65535,0-65535"] {
            assert_eq!(parse_cpu_list(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn entries_come_in_the_order_of_people() {
        let fixture = Fixture::new();
        for name in ["sda10", "sda2", "cpu0", "cpufreq"] {
            fixture.file(&format!("sys/d/{name}"), "");
        }
        assert_eq!(entries(&fixture.roots.sys("d")).unwrap(), ["cpu0", "cpufreq", "sda2", "sda10"]);
    }
}
