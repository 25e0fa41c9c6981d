//! What the command line asks for.

use anyhow::{Context as _, Result, bail};

use crate::crm::{KINDS, Kind};
use crate::fault::{Faults, Step};
use crate::scenario::{self, Scenario};

/// What to run, and how.
#[derive(Debug, Default)]
pub struct Options {
    /// Which CRM.
    pub connector: Kind,
    /// Only this story.
    pub scenario: Option<Scenario>,
    /// Only this fault, or this pair.
    pub faults: Option<Faults>,
    /// Only here.
    pub step: Option<Step>,
    /// Every story with every single fault, and no pairs.
    pub without_pairs: bool,
    /// The host forgets what it sent whenever it is killed: there must be duplicates then.
    pub has_teeth: bool,
}

const HELP: &str = "there are --connector NAME, --scenario NAME, --fault NAME or NAME+NAME, --step REQUEST or REQUEST.READING, \
    --without-pairs and --teeth";

impl Options {
    /// Reads the arguments that follow the program's name.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{argument} needs a value; {HELP}"))
            };
            match argument.as_str() {
                "--connector" => options.connector = connector(&value()?)?,
                "--scenario" => options.scenario = Some(find(&value()?)?),
                "--fault" => options.faults = Some(value()?.parse()?),
                "--step" => options.step = Some(value()?.parse()?),
                "--without-pairs" => options.without_pairs = true,
                "--teeth" => options.has_teeth = true,
                other => bail!("unknown argument `{other}`; {HELP}"),
            }
        }
        Ok(options)
    }
}

fn connector(name: &str) -> Result<Kind> {
    let found = KINDS.iter().find(|(_, known)| *known == name);
    let found = found.map(|(kind, _)| *kind);
    found.with_context(|| {
        let known = KINDS.map(|(_, name)| name).join(", ");
        format!("there is no simulator for `{name}`; there are: {known}")
    })
}

fn find(name: &str) -> Result<Scenario> {
    let found = scenario::ALL.iter().find(|scenario| scenario.name == name);
    found.copied().with_context(|| {
        let known: Vec<_> = scenario::ALL.iter().map(|scenario| scenario.name).collect();
        format!(
            "there is no scenario `{name}`; these are: {}",
            known.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Options> {
        Options::read(arguments.iter().map(|&argument| argument.to_owned()))
    }

    #[test]
    fn one_run_is_named_by_its_scenario_fault_and_step() {
        let options = read(&[
            "--scenario",
            "conversation",
            "--fault",
            "reset+error",
            "--step",
            "4",
        ])
        .unwrap();
        assert_eq!(options.scenario.unwrap().name, "conversation");
        assert_eq!(options.faults.unwrap().to_string(), "reset+error");
        assert_eq!(options.step.unwrap().to_string(), "4");
    }

    #[test]
    fn what_there_is_not_is_refused_with_what_there_is() {
        for (arguments, words) in [
            (&["--scenario", "lunch"][..], "conversation"),
            (&["--fault"][..], "needs a value"),
            (&["--quick"][..], "--without-pairs"),
            (&["--connector", "abacus"][..], "krayin"),
        ] {
            let error = read(arguments).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
