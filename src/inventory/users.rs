//! Names of users, so that a job's owner has one.

use std::collections::BTreeMap;
use std::path::Path;

use crate::kernel::{file, text};

/// The users of `/etc/passwd` (passwd(5)) by number; the first name of a number counts. Empty where it cannot be read.
pub fn users() -> BTreeMap<u32, String> {
    file::read(Path::new("/etc/passwd"), |bytes| Ok(parse(bytes))).unwrap_or_default()
}

fn parse(bytes: &[u8]) -> BTreeMap<u32, String> {
    let mut users = BTreeMap::new();
    for line in text::lines(bytes) {
        let mut fields = line.split(|byte| *byte == b':');
        let (Some(name), Some(uid)) = (fields.next(), fields.nth(1)) else { continue };
        if let Some(uid) = text::decimal(uid).and_then(|uid| u32::try_from(uid).ok()) {
            users.entry(uid).or_insert_with(|| text::lossy(name));
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_by_number() {
        let users =
            parse(b"root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\nchia:x:1000:1000::/home/chia:\n+nis\nbad:x:y\n");
        assert_eq!(users, BTreeMap::from([(0, "root".to_owned()), (1000, "chia".to_owned())]));
    }
}
