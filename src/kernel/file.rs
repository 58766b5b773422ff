//! Reads small kernel files whole, into a buffer that each thread uses again and again: a tick reads hundreds of them.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::KernelError;

/// No file read here is longer on a sane machine; one that is longer is refused rather than half understood.
const LARGEST: usize = 4 << 20;
const FIRST_BUFFER: usize = 4096;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Opens `path`, reads it whole and gives it to `parse`, whose complaint becomes [`KernelError::Malformed`].
pub fn read<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<T, String>) -> Result<T, KernelError> {
    let file = File::open(path).map_err(|source| KernelError::io("open", path, source))?;
    with_contents(&file, parse, || path.to_owned())
}

/// Reads an open file whole, from its start. `path` is asked for only when something is wrong.
pub(super) fn with_contents<T>(
    file: &File,
    parse: impl FnOnce(&[u8]) -> Result<T, String>,
    path: impl FnOnce() -> PathBuf,
) -> Result<T, KernelError> {
    let parsed = with_prefix(file, LARGEST, |bytes| {
        if bytes.len() < LARGEST { parse(bytes) } else { Err(format!("longer than {LARGEST} bytes")) }
    });
    match parsed {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(problem)) => Err(KernelError::malformed(path(), problem)),
        Err(source) => Err(KernelError::io("read", path(), source)),
    }
}

/// Reads at most `limit` bytes of an open file.
pub(super) fn with_prefix<T>(file: &File, limit: usize, take: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
    // Taken out, so that `take` may itself read a file: it then gets a buffer of its own.
    let mut buffer = BUFFER.take();
    let filled = fill(file, limit, &mut buffer);
    let taken = filled.map(|length| take(&buffer[..length]));
    BUFFER.set(buffer);
    taken
}

fn fill(file: &File, limit: usize, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut filled = 0;
    while filled < limit {
        if filled == buffer.len() {
            buffer.resize((filled * 2).max(FIRST_BUFFER), 0);
        }
        let end = buffer.len().min(limit);
        match file.read_at(&mut buffer[filled..end], filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A file that is read each tick: opened once, read again from its start, and opened anew when that fails.
#[derive(Debug)]
pub struct KeptFile {
    path: PathBuf,
    file: Option<File>,
    openings: u64,
}

impl KeptFile {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None, openings: 0 }
    }

    /// How often the file has been opened: if this has changed, the counters inside may be those of another object.
    pub fn openings(&self) -> u64 {
        self.openings
    }

    pub fn read<T>(&mut self, mut parse: impl FnMut(&[u8]) -> Result<T, String>) -> Result<T, KernelError> {
        if let Some(file) = &self.file {
            match with_contents(file, &mut parse, || self.path.clone()) {
                Err(KernelError::Io { .. }) => self.file = None,
                answer => return answer,
            }
        }
        let file = File::open(&self.path).map_err(|source| KernelError::io("open", &self.path, source))?;
        self.openings += 1;
        let answer = with_contents(&file, parse, || self.path.clone());
        self.file = Some(file);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(bytes: &[u8]) -> Result<usize, String> {
        if bytes.contains(&0) { Err("holds a NUL".to_owned()) } else { Ok(bytes.len()) }
    }

    #[test]
    fn reads_files_of_any_length_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for size in [0, 1, FIRST_BUFFER - 1, FIRST_BUFFER, FIRST_BUFFER + 1, LARGEST - 1] {
            std::fs::write(&path, vec![b'x'; size]).unwrap();
            assert_eq!(read(&path, length).unwrap(), size);
        }
        std::fs::write(&path, vec![b'x'; LARGEST]).unwrap();
        assert!(matches!(read(&path, length), Err(KernelError::Malformed { .. })));
        std::fs::write(&path, "\0").unwrap();
        assert!(matches!(read(&path, length), Err(KernelError::Malformed { problem, .. }) if problem == "holds a NUL"));
    }

    #[test]
    fn may_be_used_inside_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (outer, inner) = (folder.path().join("outer"), folder.path().join("inner"));
        std::fs::write(&outer, "outer").unwrap();
        std::fs::write(&inner, "in").unwrap();
        let both = read(&outer, |bytes| Ok((read(&inner, length).unwrap(), bytes.to_vec()))).unwrap();
        assert_eq!(both, (2, b"outer".to_vec()));
    }

    #[test]
    fn a_kept_file_shows_what_is_in_it_now_and_comes_back_after_it_was_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut kept = KeptFile::new(&path);
        assert!(kept.read(length).unwrap_err().is_gone());
        std::fs::write(&path, "one").unwrap();
        assert_eq!(kept.read(length).unwrap(), 3);
        std::fs::write(&path, "three").unwrap();
        assert_eq!((kept.read(length).unwrap(), kept.openings()), (5, 1));
    }
}
