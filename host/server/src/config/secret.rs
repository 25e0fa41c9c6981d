//! Secrets as a configuration names them: where they are, never what they are.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use super::environment::Environment;
use super::node::{Node, Origin, Value};
use super::problem::{Problem, suggest};

/// A secret by reference, and where the reference was written.
#[derive(Debug, Clone)]
pub struct Secret {
    origin: Origin,
    place: Place,
}

/// Where a secret is.
#[derive(Clone)]
pub enum Place {
    /// In an environment variable of this name.
    Variable(String),
    /// In a file, which may end with a line break.
    File(PathBuf),
    /// In the environment variable that stands for the setting itself.
    Given(SecretString),
}

impl Secret {
    /// Understands `{ env = "NAME" }` and `{ file = "PATH" }`; `what` begins the sentence about anything else.
    pub fn read(what: &str, node: Node) -> Result<Self, Problem> {
        let Node { origin, value } = node;
        let table = match value {
            Value::Table(table) => table,
            Value::Raw(text) => {
                return Ok(Self {
                    origin,
                    place: Place::Given(text.into()),
                });
            }
            Value::Text(_) => {
                let message = format!(
                    "{what} must not be written here, where it would be copied and shown; write {{ env = \"NAME\" }} or {{ file = \"PATH\" }}"
                );
                return Err(Problem::new(origin, message));
            }
            other => {
                let message = format!(
                    "{what} must be {{ env = \"NAME\" }} or {{ file = \"PATH\" }}, not {}",
                    other.kind()
                );
                return Err(Problem::new(origin, message));
            }
        };
        let mut entries = table.into_iter();
        let place = match (entries.next(), entries.next()) {
            (
                Some((
                    key,
                    (
                        _,
                        Node {
                            value: Value::Text(text),
                            ..
                        },
                    ),
                )),
                None,
            ) if key == "env" => Place::Variable(text),
            (
                Some((
                    key,
                    (
                        _,
                        Node {
                            value: Value::Text(text),
                            ..
                        },
                    ),
                )),
                None,
            ) if key == "file" => Place::File(text.into()),
            (Some((key, (key_origin, _))), None) if key != "env" && key != "file" => {
                let message = format!(
                    "unknown key `{key}` in {what}{}",
                    suggest(&key, &["env", "file"])
                );
                return Err(Problem::new(key_origin, message));
            }
            _ => {
                let message = format!(
                    "{what} must be either {{ env = \"NAME\" }} or {{ file = \"PATH\" }}, with a text"
                );
                return Err(Problem::new(origin, message));
            }
        };
        Ok(Self { origin, place })
    }

    /// The secret itself.
    pub fn open(&self, environment: &Environment) -> Result<SecretString, Problem> {
        self.place
            .open(environment)
            .map_err(|message| Problem::new(self.origin.clone(), message))
    }
}

impl Place {
    /// The secret itself, or what to do about it.
    pub fn open(&self, environment: &Environment) -> Result<SecretString, String> {
        match self {
            Self::Variable(name) => {
                let value = environment.get(name).map(SecretString::from);
                value.ok_or_else(|| format!("the environment variable {name} is not set"))
            }
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    format!("the file {} cannot be read: {error}", path.display())
                })?;
                match text.trim_end_matches(['\r', '\n']) {
                    "" => Err(format!("the file {} is empty", path.display())),
                    secret => Ok(secret.into()),
                }
            }
            Self::Given(secret) => Ok(secret.clone()),
        }
    }
}

impl std::str::FromStr for Place {
    type Err = &'static str;

    /// `env:NAME` or `file:PATH`, as the command line writes it: what it is told is seen by every process.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Variable(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err("a secret is not written on the command line; write env:NAME or file:PATH"),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Given(_) => f.write_str("given"),
        }
    }
}
