//! The mount table: what is mounted where, and which of it is a place for data.
//!
//! Source: `proc_pid_mountinfo(5)`, `Documentation/filesystems/sharedsubtree.rst`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::{KernelError, Roots, file, text};

/// More file systems than this are counted and left out: each costs a question, and a series in each of several families.
const MOST: usize = 1000;
/// A file system that is mounted at more points is listed with so many of them.
const MOST_POINTS: usize = 16;

/// Keep data, but lie on no block device of their own.
const WITHOUT_DEVICE: [&[u8]; 18] = [
    b"9p",
    b"afs",
    b"bcachefs",
    b"beegfs",
    b"btrfs",
    b"ceph",
    b"cifs",
    b"fuse",
    b"glusterfs",
    b"gpfs",
    b"lustre",
    b"nfs",
    b"nfs4",
    b"ocfs2",
    b"orangefs",
    b"smb3",
    b"virtiofs",
    b"zfs",
];
/// Images that are always full, and those that lie on a device without keeping anything for us.
const IMAGES: [&[u8]; 5] = [b"cramfs", b"erofs", b"iso9660", b"squashfs", b"udf"];
/// FUSE file systems that show something else than files on a disk.
const FUSE_VIEWS: [&[u8]; 5] =
    [b"fuse.gvfsd-fuse", b"fuse.lxcfs", b"fuse.portal", b"fuse.snapfuse", b"fuse.xdg-document-portal"];
/// Below these, memory file systems belong to the system and not to the operator.
const OF_THE_SYSTEM: [&[u8]; 4] = [b"/dev", b"/proc", b"/run", b"/sys"];
/// Whoever asks these waits for another machine or another process.
const REMOTE: [&str; 13] =
    ["9p", "afs", "beegfs", "ceph", "cifs", "fuse", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "orangefs", "smb3"];

/// Number of a device, as `8:1`. The major 0 is of file systems without a block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNumber {
    pub major: u32,
    pub minor: u32,
}

/// A file system that is mounted, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Unique as long as it is mounted.
    pub id: u32,
    pub number: DeviceNumber,
    /// The point that shows most of it.
    pub point: PathBuf,
    /// Further points, of which a bind mount may show only a part.
    pub also: Vec<PathBuf>,
    /// Options of the mount, then those of the file system.
    pub options: String,
    /// Such as `ext4` or `fuse.mergerfs`.
    pub kind: String,
    /// As it was given to mount: a device, `server:/export`, or any word.
    pub source: String,
}

/// All places for data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataMounts {
    pub mounts: Vec<Mount>,
    /// How many file systems were left out because there are too many.
    pub left_out: usize,
}

/// One line of the table; paths are still escaped.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    pub id: u32,
    pub parent: u32,
    pub number: DeviceNumber,
    pub root: &'a [u8],
    pub point: &'a [u8],
    pub options: &'a [u8],
    pub kind: &'a [u8],
    pub source: &'a [u8],
    pub super_options: &'a [u8],
}

impl DataMounts {
    /// Reads the table of our own mount namespace.
    pub fn read(roots: &Roots) -> Result<Self, KernelError> {
        file::read(&table(roots), |bytes| Ok(Self::parse(bytes)))
    }

    /// Each file system once, at the point that shows most of it. What a later mount covers cannot be reached and is left out.
    pub fn parse(bytes: &[u8]) -> Self {
        let lines: Vec<Line<'_>> = lines(bytes).collect();
        let covered = Covered::of(&lines);
        let mut known: HashMap<DeviceNumber, Vec<&Line<'_>>> = HashMap::new();
        let mut order = Vec::new();
        for line in lines.iter().filter(|line| line.is_place_for_data() && !covered.is(line)) {
            let points = known.entry(line.number).or_default();
            if points.is_empty() {
                order.push(line.number);
            }
            points.push(line);
        }
        let left_out = order.len().saturating_sub(MOST);
        let mounts = order.iter().take(MOST).filter_map(|number| Mount::of(known.remove(number)?)).collect();
        Self { mounts, left_out }
    }
}

/// The file of the mount table of our own namespace.
pub fn table(roots: &Roots) -> PathBuf {
    roots.proc("self/mountinfo")
}

/// The lines of the table that are as documented.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    text::lines(bytes).filter_map(Line::parse)
}

impl<'a> Line<'a> {
    /// `36 35 98:0 /root /point options tag:1 - type source options`
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = text::fields(line);
        let id = small(fields.next()?)?;
        let parent = small(fields.next()?)?;
        let number = DeviceNumber::parse(fields.next()?)?;
        let (root, point, options) = (fields.next()?, fields.next()?, fields.next()?);
        let mut behind = fields.skip_while(|field| *field != b"-").skip(1);
        let kind = behind.next()?;
        // A source may be an empty word.
        let rest: Vec<&[u8]> = behind.collect();
        let (source, super_options) = match rest[..] {
            [source, options, ..] => (source, options),
            [options] => (&b""[..], options),
            [] => (&b""[..], &b""[..]),
        };
        Some(Self { id, parent, number, root, point, options, kind, source, super_options })
    }

    fn is_place_for_data(&self) -> bool {
        match self.kind {
            kind if IMAGES.contains(&kind) || FUSE_VIEWS.contains(&kind) => false,
            kind if WITHOUT_DEVICE.contains(&kind) || kind.starts_with(b"fuse.") => true,
            b"tmpfs" => self.point == b"/dev/shm" || !OF_THE_SYSTEM.iter().any(|above| is_below(self.point, above)),
            // The root of a container tells how much space its layers have left; other layers are somebody else's.
            b"overlay" => self.point == b"/",
            _ => self.number.major != 0,
        }
    }
}

impl Mount {
    /// From all points of one file system.
    fn of(mut lines: Vec<&Line<'_>>) -> Option<Self> {
        let depth = |line: &Line<'_>| line.point.split(|byte| *byte == b'/').count();
        // The whole file system before a part of it, then the shortest path.
        lines.sort_by_key(|line| (line.root != b"/", depth(line), line.point.len()));
        let best = lines.first()?;
        Some(Self {
            id: best.id,
            number: best.number,
            point: unescape(best.point),
            also: lines[1..].iter().take(MOST_POINTS).map(|line| unescape(line.point)).collect(),
            options: joined(best.options, best.super_options),
            kind: text::lossy(best.kind),
            source: unescape(best.source).to_string_lossy().into_owned(),
        })
    }

    pub fn is_read_only(&self) -> bool {
        self.options.split(',').any(|option| option == "ro")
    }

    /// Another machine or another process answers for it, or does not.
    pub fn is_remote(&self) -> bool {
        REMOTE.contains(&self.kind.as_str()) || self.kind.starts_with("fuse.")
    }

    /// Where to ask for it, seen from any process of this mount namespace.
    pub fn reached_by(&self, roots: &Roots) -> PathBuf {
        roots.proc("self/root").join(self.point.strip_prefix("/").unwrap_or(&self.point))
    }
}

/// Which mounts lie below another one, where no path leads to them.
struct Covered<'a> {
    /// The last place in the table of each parent and point.
    last: HashMap<(u32, &'a [u8]), usize>,
    by_id: HashMap<u32, Cover<'a>>,
}

enum Cover<'a> {
    /// Something is mounted on its root, which is this point, and is reached in its place.
    Topped(&'a [u8]),
    /// Nothing of it or on it is reached.
    Hidden,
}

impl<'a> Covered<'a> {
    fn of(lines: &[Line<'a>]) -> Self {
        let last = lines.iter().enumerate().map(|(place, line)| ((line.parent, line.point), place)).collect();
        let mut covered = Self { last, by_id: HashMap::new() };
        for (place, line) in lines.iter().enumerate() {
            if let Some(cover) = covered.cover_of(line, place) {
                covered.by_id.insert(line.id, cover);
            }
        }
        covered
    }

    fn is(&self, line: &Line<'_>) -> bool {
        self.by_id.contains_key(&line.id)
    }

    fn cover_of(&self, line: &Line<'a>, place: usize) -> Option<Cover<'a>> {
        let by_parent = match self.by_id.get(&line.parent) {
            Some(Cover::Hidden) => true,
            Some(Cover::Topped(point)) => *point != line.point,
            None => false,
        };
        // A later one that is mounted beside it, but further up.
        let mut by_sibling = above(line.point).filter_map(|point| self.last.get(&(line.parent, point)));
        if by_parent || by_sibling.any(|at| *at > place) {
            return Some(Cover::Hidden);
        }
        let is_topped = line.id != line.parent && self.last.contains_key(&(line.id, line.point));
        is_topped.then_some(Cover::Topped(line.point))
    }
}

impl DeviceNumber {
    pub fn parse(field: &[u8]) -> Option<Self> {
        let colon = field.iter().position(|byte| *byte == b':')?;
        Some(Self { major: small(&field[..colon])?, minor: small(&field[colon + 1..])? })
    }
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

fn small(field: &[u8]) -> Option<u32> {
    text::decimal(field).and_then(|value| u32::try_from(value).ok())
}

/// The directories above a point, the root included.
fn above(point: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = point.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes.map(|(at, _)| &point[..at.max(1)]).filter(move |above| *above != point)
}

fn is_below(point: &[u8], above: &[u8]) -> bool {
    point.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Options of the mount and of the file system, each once.
fn joined(mount: &[u8], file_system: &[u8]) -> String {
    let (mount, file_system) = (text::lossy(mount), text::lossy(file_system));
    let is_read_only = |options: &str| options.split(',').any(|option| option == "ro");
    let mut options: Vec<&str> = mount.split(',').collect();
    // A file system that has gone read-only still has mounts that would be writable.
    if is_read_only(&file_system) {
        options.retain(|option| *option != "rw");
    }
    for option in file_system.split(',') {
        if !option.is_empty() && option != "rw" && !options.contains(&option) {
            options.push(option);
        }
    }
    options.join(",")
}

/// Blanks and backslashes in paths are written as `\040` and so on.
pub fn unescape(field: &[u8]) -> PathBuf {
    let mut path = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, behind)) = rest.split_first() {
        let octal = (first == b'\\').then(|| behind.get(..3).and_then(octal_byte)).flatten();
        path.push(octal.unwrap_or(first));
        rest = if octal.is_some() { &behind[3..] } else { behind };
    }
    OsString::from_vec(path).into()
}

fn octal_byte(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

/// The file system that a path lies in: the one whose point is the longest above it.
pub fn mount_of<'m>(mounts: &'m [Mount], path: &Path) -> Option<&'m Mount> {
    let points = |mount: &'m Mount| std::iter::once(&mount.point).chain(&mount.also).map(move |point| (point, mount));
    let above = mounts.iter().flat_map(points).filter(|(point, _)| path.starts_with(point));
    above.max_by_key(|(point, _)| point.components().count()).map(|(_, mount)| mount)
}

#[cfg(test)]
mod tests;
