//! The environment, read once: the only place of the program that does.

use std::collections::BTreeMap;
use std::fmt;

/// What the variables of this program begin with; a double underscore ends each part of a key.
const PREFIX: &str = "GLADHAND__";

/// A copy of the environment. Prints names only, for values are secrets as often as not.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// The process's. Variables that are no text are left out: no setting is.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
        }
    }

    /// One that holds these.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            variables: variables.into_iter().map(own).collect(),
        }
    }

    /// The value of one; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The settings among them: (variable, key path, value).
    pub fn settings(&self) -> impl Iterator<Item = (&str, Vec<String>, &str)> {
        self.variables.iter().filter_map(|(name, value)| {
            let path = name
                .strip_prefix(PREFIX)?
                .split("__")
                .map(str::to_ascii_lowercase)
                .collect();
            Some((name.as_str(), path, value.as_str()))
        })
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_the_variables_with_the_prefix() {
        let environment = Environment::of([
            ("GLADHAND__SERVER__LISTEN", "x"),
            ("GLADHAND_TOKEN", "y"),
            ("HOME", "z"),
        ]);
        let settings: Vec<_> = environment.settings().collect();
        let path = vec!["server".to_owned(), "listen".to_owned()];
        assert_eq!(settings, [("GLADHAND__SERVER__LISTEN", path, "x")]);
    }

    #[test]
    fn values_are_never_printed() {
        let printed = format!("{:?}", Environment::of([("CRM_TOKEN", "hunter2")]));
        assert_eq!(printed, "{\"CRM_TOKEN\"}");
    }
}
