//! The command line: which scenarios, how much of them, on which store.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::scale::Scale;
use gladhand_tests::database::Kind;

/// What `--help` prints.
pub const HELP: &str = "\
cargo xtask bench [--quick] [--scale tiny|quick|full] [--store sqlite|postgres] [--scenario NAME] [--json FILE]

  --quick          the same as --scale quick: some minutes; full takes the better part of an hour and
                   some gigabytes, tiny only shows that all works
  --store NAME     where the host stores (sqlite); a PostgreSQL is started for it, and every run has its own database
  --scenario NAME  only this one: intake, intake-1000, deliver-0, deliver-1, deliver-3, deliver-krayin, lanes, backlog,
                   slow-neighbour, memory, soak, paced, two-hosts (postgres only), instance
  --json FILE      the figures for programs, beside the tables on the output";

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// How much.
    pub scale: Scale,
    /// Where the hosts store.
    pub store: Kind,
    /// Where the figures go.
    pub json: Option<PathBuf>,
    /// The only scenario.
    pub scenario: Option<String>,
}

impl Options {
    /// Reads the arguments; `None` where help is wanted.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let mut options = Self {
            scale: Scale::FULL,
            store: Kind::Sqlite,
            json: None,
            scenario: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = |what: &str| {
                let missing = || format!("{argument} needs {what}");
                arguments.next().with_context(missing)
            };
            match argument.as_str() {
                "--help" => return Ok(None),
                "--quick" => options.scale = Scale::QUICK,
                "--scale" => options.scale = Scale::named(&value("tiny, quick or full")?)?,
                "--store" => options.store = Kind::named(&value("sqlite or postgres")?)?,
                "--json" => options.json = Some(value("a file")?.into()),
                "--scenario" => options.scenario = Some(value("a name")?),
                other => bail!("unknown argument `{other}`; this is what there is:\n{HELP}"),
            }
        }
        Ok(Some(options))
    }
}
