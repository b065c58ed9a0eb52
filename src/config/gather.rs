//! The three sources of options, joined: the command line goes before the environment, which goes before the file.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::environment::{self, CONFIG};
use super::file;
use super::keys::{Keys, Takes};
use crate::failure::{Exit, Failure};
use crate::sources::{Given, Place, Sources};

/// The variables that options are read from.
#[derive(Clone, Debug, Default)]
pub struct Surroundings(pub(super) Vec<(OsString, OsString)>);

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self(env::vars_os().collect())
    }

    /// Whether a variable names the configuration file.
    pub(crate) fn names_file(&self) -> bool {
        self.file().is_some()
    }

    /// The configuration file that a variable names.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let (_, file) = self.0.iter().find(|(name, _)| name == CONFIG)?;
        (!file.is_empty()).then(|| PathBuf::from(file))
    }

    /// What the variables say about each key, and warnings.
    pub(super) fn read(
        &self,
        keys: &Keys,
    ) -> Result<(BTreeMap<String, Given>, Vec<String>), Failure> {
        environment::read(&self.0, keys)
    }
}

/// Joins what was typed on the command line with the environment and the file, which is the one that `config` or a
/// variable names.
pub fn gather(
    typed: BTreeMap<String, Given>,
    config: Option<&Path>,
    surroundings: &Surroundings,
    keys: &Keys,
) -> Result<Sources, Failure> {
    let file = config.map(Path::to_owned).or_else(|| surroundings.file());
    let mut given = match file {
        Some(path) => read(&path, keys)?,
        None => BTreeMap::new(),
    };
    let (variables, warnings) = surroundings.read(keys)?;
    given.extend(variables);
    given.extend(typed);
    Ok(Sources { given, warnings })
}

/// Reads a configuration file.
pub(super) fn read(path: &Path, keys: &Keys) -> Result<BTreeMap<String, Given>, Failure> {
    let shown = path.display();
    let refuse =
        |why: String| Exit::Config.because(format!("the configuration file {shown} {why}"));
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| refuse(format!("cannot be read: {error}; check --config")))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(refuse(format!("is larger than {MAX_FILE} bytes")));
    }
    Ok(file::read(&shown.to_string(), &bytes, keys)?)
}

impl Sources {
    /// What the environment and the file say, as arguments of a command line.
    pub(crate) fn arguments(&self, keys: &Keys) -> Vec<String> {
        let mut arguments = Vec::new();
        for (name, given) in &self.given {
            let Some(key) = keys.get(name).filter(|_| given.place != Place::CommandLine) else {
                continue;
            };
            for item in &given.items {
                match key.takes {
                    Takes::Nothing if item.text == "true" => arguments.push(format!("--{name}")),
                    Takes::Nothing => {}
                    Takes::One | Takes::Several => {
                        arguments.extend([format!("--{name}"), item.text.clone()]);
                    }
                }
            }
        }
        arguments
    }
}

/// The configuration file of the package.
pub const DEFAULT_FILE: &str = "/etc/flashgate/flashgate.toml";

/// A hundred times the file that lists every key.
const MAX_FILE: u64 = 1024 * 1024;
