//! Things that have a directory each, whose files are kept open: which ones there are is asked seldom.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::Moment;
use crate::kernel::{KernelError, attribute};

/// Between two listings of a directory; what is plugged in shows so much later.
const PERIOD: Duration = Duration::from_mins(1);

/// What is below a directory, opened by its name.
#[derive(Debug)]
pub(super) struct Listed<T> {
    directory: PathBuf,
    at: Option<Duration>,
    things: Vec<T>,
}

impl<T> Listed<T> {
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), at: None, things: Vec::new() }
    }

    /// All things that `open` makes of the names in the directory; none for names that it does not know.
    ///
    /// # Errors
    /// The directory cannot be listed, or something in it cannot be opened; asked again the next time.
    pub fn get(
        &mut self,
        now: Moment,
        open: impl Fn(&Path, &str) -> Result<Option<T>, KernelError>,
    ) -> Result<&mut [T], KernelError> {
        if self.at.is_none_or(|at| now.since(at) >= PERIOD) {
            self.at = None;
            let names = attribute::entries(&self.directory)?;
            let things = names.iter().filter_map(|name| open(&self.directory.join(name), name).transpose());
            self.things = things.collect::<Result<_, _>>()?;
            self.at = Some(now.boot);
        }
        Ok(&mut self.things)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::{Fixture, at};

    #[test]
    fn what_comes_and_goes_is_noticed_at_the_next_listing() {
        let fixture = Fixture::new();
        let mut nodes = Listed::new(fixture.roots.sys("node"));
        let mut at_second = |second| -> Result<Vec<String>, KernelError> {
            let moment = at(Duration::from_secs(second));
            let known = |_: &Path, name: &str| Ok(name.starts_with("node").then(|| name.to_owned()));
            nodes.get(moment, known).map(|names| names.to_vec())
        };
        assert!(at_second(0).unwrap_err().is_gone());
        fixture.file("sys/node/node0/x", "").file("sys/node/online", "0");
        assert_eq!(at_second(1).unwrap(), ["node0"]);
        fixture.file("sys/node/node1/x", "");
        assert_eq!(at_second(60).unwrap(), ["node0"]);
        assert_eq!(at_second(61).unwrap(), ["node0", "node1"]);
        fixture.remove("sys/node");
        assert!(at_second(121).is_err() && at_second(122).is_err());
    }
}
