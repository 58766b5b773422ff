//! Who else can change the policies: whoever can write a policy file, or exchange a folder on the way to it, commands a program
//! that runs as root.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::error::PolicyError;
use super::rule::Rule;
use super::source::policy_files;
use super::way::ways;

const OTHERS_WRITE: u32 = 0o002;
/// In such a folder, `/tmp` for instance, only the owner of an entry can exchange it.
const STICKY: u32 = 0o1000;

/// A warning for each file, and each folder on the way to one, that others than root and ourselves can change.
pub(super) fn doubts(paths: &[PathBuf]) -> Vec<PolicyError> {
    let folders = ways(paths).into_keys().map(|folder| (folder, true));
    let files = policy_files(paths).unwrap_or_default().into_iter().map(|file| (file, false));
    let doubt = |(path, is_folder): (PathBuf, bool)| {
        let metadata = fs::metadata(&path).ok()?;
        doubt(&path, &metadata, is_folder)
    };
    folders.chain(files).filter_map(doubt).collect()
}

fn doubt(path: &Path, metadata: &Metadata, is_folder: bool) -> Option<PolicyError> {
    let what = if is_folder { "policies can be exchanged" } else { "the policy can be changed" };
    let is_open = metadata.mode() & OTHERS_WRITE != 0 && !(is_folder && metadata.mode() & STICKY != 0);
    if is_open {
        let hint = format!("chmod o-w {}", path.display());
        let problem = format!("anybody may write here, so {what} by everybody");
        return Some(PolicyError::doubt(path, problem, hint).under(Rule::WritableByOthers));
    }
    let owner = metadata.uid();
    if owner != 0 && owner != geteuid().as_raw() {
        let hint = format!("chown root {}", path.display());
        let problem = format!("belongs to user {owner}, so {what} by that user");
        return Some(PolicyError::doubt(path, problem, hint).under(Rule::WritableByOthers));
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// What is said of paths below `root`; the folders above are the machine's own matter.
    fn said(root: &Path, paths: &[PathBuf]) -> Vec<String> {
        let doubts = doubts(paths);
        doubts.iter().filter(|doubt| doubt.path.starts_with(root)).map(ToString::to_string).collect()
    }

    #[test]
    fn files_and_folders_that_others_can_write_are_named_with_what_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let file = root.join("p.yaml");
        fs::write(&file, "").unwrap();
        let paths = [root.clone()];
        assert_eq!(said(&root, &paths), Vec::<String>::new());

        chmod(&file, 0o646);
        let expected = format!(
            "{0}: anybody may write here, so the policy can be changed by everybody\n  hint: chmod o-w {0}",
            file.display()
        );
        assert_eq!(said(&root, &paths), [expected]);
        chmod(&file, 0o600);
        chmod(&root, 0o777);
        assert!(said(&root, &paths)[0].contains("policies can be exchanged by everybody"));
        chmod(&root, 0o1777);
        assert_eq!(said(&root, &paths), Vec::<String>::new(), "entries of a sticky folder are their owners'");
    }

    #[test]
    fn a_folder_that_a_link_leads_through_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("open")).unwrap();
        fs::create_dir(root.join("policies")).unwrap();
        fs::write(root.join("open/p.yaml"), "").unwrap();
        symlink("../open/p.yaml", root.join("policies/p.yaml")).unwrap();
        chmod(&root.join("open"), 0o777);
        let said = said(&root, &[root.join("policies")]);
        assert!(said.len() == 1 && said[0].starts_with(&root.join("open").display().to_string()), "{said:?}");
    }

    #[test]
    fn what_belongs_to_somebody_else_is_said() {
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::write(root.join("p.yaml"), "").unwrap();
        chown(root.join("p.yaml"), Some(1234), None).unwrap();
        let said = said(&root, &[root.join("p.yaml")]);
        assert!(said.len() == 1 && said[0].contains("belongs to user 1234"), "{said:?}");
    }
}
