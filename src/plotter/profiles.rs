//! The set of profiles: those shipped inside the binary, and the user's, which replace or extend them.

use std::path::Path;

use serde_yaml::{Budget, Options};

use super::compile;
use super::error::{ProfileError, Source};
use super::profile::Profile;
use super::schema;

const SHIPPED: &[(&str, &str)] = &[
    ("profiles/madmax.yaml", include_str!("profiles/madmax.yaml")),
    ("profiles/gigahorse.yaml", include_str!("profiles/gigahorse.yaml")),
    ("profiles/bladebit.yaml", include_str!("profiles/bladebit.yaml")),
    ("profiles/chiapos.yaml", include_str!("profiles/chiapos.yaml")),
    ("profiles/pos2.yaml", include_str!("profiles/pos2.yaml")),
    ("profiles/xchplot2.yaml", include_str!("profiles/xchplot2.yaml")),
];

/// All profiles, in the order in which they are tried.
#[derive(Debug, Default)]
pub struct Profiles {
    list: Vec<Profile>,
}

impl Profiles {
    /// The profiles inside the binary.
    ///
    /// # Errors
    /// None in a binary that has passed its tests; the error names the file, line and column.
    pub fn shipped() -> Result<Self, ProfileError> {
        let mut profiles = Self::default();
        for (file, text) in SHIPPED {
            profiles.list.extend(parse(Path::new(file), text)?);
        }
        Ok(profiles)
    }

    /// Takes in one of the user's files: a profile of a known name replaces it, others are tried before the known ones.
    /// A file with an error changes nothing.
    ///
    /// # Errors
    /// The file is not a profile; says where, why and what to write.
    pub fn add_file(&mut self, file: &Path, text: &str) -> Result<(), ProfileError> {
        let mut added = Vec::new();
        for profile in parse(file, text)? {
            match self.list.iter_mut().find(|known| known.name == profile.name) {
                Some(known) => *known = profile,
                None => added.push(profile),
            }
        }
        self.list.splice(0..0, added);
        Ok(())
    }

    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.list.iter().find(|profile| profile.name == name)
    }

    /// The names of all of them, in the order in which they are tried.
    pub fn names(&self) -> Vec<String> {
        self.list.iter().map(|profile| profile.name.clone()).collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.list.iter()
    }

    pub(super) fn at(&self, index: usize) -> Option<&Profile> {
        self.list.get(index)
    }
}

fn parse(file: &Path, text: &str) -> Result<Vec<Profile>, ProfileError> {
    let source = Source { file, text };
    let written: schema::File =
        serde_yaml::from_str_with_options(text, options()).map_err(|error| source.yaml_error(&error))?;
    if written.schema.value != 1 {
        let problem = format!("the schema {} is not known", written.schema.value);
        return Err(source.error(written.schema.defined, problem, "write `schema: 1`"));
    }
    let mut profiles: Vec<Profile> = Vec::new();
    for profile in &written.profiles {
        let compiled = compile::profile(source, profile.defined, &profile.value)?;
        if profiles.iter().any(|other| other.name == compiled.name) {
            let problem = format!("the file has two profiles with the name `{}`", compiled.name);
            return Err(source.error(profile.value.name.defined, problem, "rename or remove one of them"));
        }
        profiles.push(compiled);
    }
    Ok(profiles)
}

/// A profile is small; whatever is not small is a mistake or an attack.
fn options() -> Options {
    let budget: Option<Budget> = serde_yaml::budget! {
        max_events: 40_000,
        max_nodes: 20_000,
        max_depth: 12,
        flow_nesting_limit: 12,
        max_documents: 1,
        max_aliases: 200,
        max_anchors: 50,
        max_recorded_anchor_events: 20_000,
        max_total_scalar_bytes: 1 << 20,
        max_merge_keys: 0,
    };
    serde_yaml::options! { budget: budget, strict_booleans: true }
}
