//! The command line: what is run for how long, on which store, with what going wrong.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::fault::Fault;
use crate::teeth::Tooth;

/// What `--help` prints.
pub const HELP: &str = "\
cargo xtask chaos [--seconds N] [--kills N] [--seed S] [--store sqlite|postgres] [--fault NAME]... [--speed N]
                  [--rate N] [--contacts N] [--teeth NAME|all|none] [--release]

  --seconds N    how long there is load, and trouble in waves of half a minute (20); then it waits until everything has
                 come to rest
  --kills N      end the trouble after N kills of a host instead; from 100 on it also goes on until every other fault has
                 struck ten times
  --seed S       what is sent and when what goes wrong; the processes' own timing stays theirs (1)
  --store NAME   sqlite: one host; postgres: two hosts on one database that are killed in turn (sqlite)
  --fault NAME   only this one, can be said again: kill, crm, clock, leap, disk-full, io-error,
                 postgres-restart, backend-kill, pool-exhaustion (all that the store, the speed and this user allow:
                 clocks jump where they run faster than the machine's, disks can be filled by root)
  --speed N      how fast the clocks run (20); with 1 the hosts are `gladhand serve` itself
  --rate N       webhooks a second (60)
  --contacts N   how many people write (200)
  --teeth NAME   first take a protection away and see that the auditor finds what comes of it: journal, order,
                 lease, disk, lanes; or all, or none (none)
  --release      build and run optimised programs";

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long there is load and trouble.
    pub duration: Duration,
    /// After how many kills the trouble ends instead.
    pub kills: Option<u32>,
    /// What chance begins with.
    pub seed: u64,
    /// Where the hosts store.
    pub store: Store,
    /// What goes wrong; empty is everything that can.
    pub faults: Vec<Fault>,
    /// How fast the clocks run.
    pub speed: u32,
    /// Webhooks a second.
    pub rate: u32,
    /// How many people write.
    pub contacts: i64,
    /// Which harnesses are proved first.
    pub teeth: Vec<Tooth>,
}

/// Where the hosts store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// One host, one file.
    Sqlite,
    /// Two hosts on one database.
    Postgres,
}

impl Options {
    /// Reads the arguments; none where only help was asked for.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let mut options = Self {
            duration: Duration::from_secs(20),
            kills: None,
            seed: 1,
            store: Store::Sqlite,
            faults: Vec::new(),
            speed: 20,
            rate: 60,
            contacts: 200,
            teeth: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            if argument == "--help" {
                return Ok(None);
            }
            let value = || {
                arguments
                    .next()
                    .with_context(|| format!("{argument} needs a value"))
            };
            options.take(&argument, value)?;
        }
        options.agree()?;
        Ok(Some(options))
    }

    fn take(&mut self, argument: &str, value: impl FnOnce() -> Result<String>) -> Result<()> {
        match argument {
            "--seconds" => self.duration = Duration::from_secs(number(argument, &value()?, &1)?),
            "--kills" => self.kills = Some(number(argument, &value()?, &1)?),
            "--seed" => self.seed = number(argument, &value()?, &0)?,
            "--speed" => self.speed = number(argument, &value()?, &1)?,
            "--rate" => self.rate = number(argument, &value()?, &1)?,
            "--contacts" => self.contacts = number(argument, &value()?, &1)?,
            "--store" => {
                self.store = match value()?.as_str() {
                    "sqlite" => Store::Sqlite,
                    "postgres" => Store::Postgres,
                    other => bail!("there is no store `{other}`; there are sqlite and postgres"),
                }
            }
            "--fault" => {
                let name = value()?;
                let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name);
                self.faults.push(fault.with_context(|| {
                    format!(
                        "there is no fault `{name}`; there are {}",
                        names(&Fault::ALL.map(Fault::name))
                    )
                })?);
            }
            "--teeth" => {
                let name = value()?;
                self.teeth = match name.as_str() {
                    "all" => Tooth::ALL.to_vec(),
                    "none" => Vec::new(),
                    name => {
                        let tooth = Tooth::ALL.into_iter().find(|tooth| tooth.name() == name);
                        vec![tooth.with_context(|| {
                            format!(
                                "there is no tooth `{name}`; there are {}, all and none",
                                names(&Tooth::ALL.map(Tooth::name))
                            )
                        })?]
                    }
                }
            }
            other => bail!("there is no argument `{other}`\n\n{HELP}"),
        }
        Ok(())
    }

    /// Refuses what would never end, or strike nothing.
    fn agree(&self) -> Result<()> {
        let is_chosen = |fault| self.faults.is_empty() || self.faults.contains(&fault);
        if self.kills.is_some() && !is_chosen(Fault::Kill) {
            bail!("--kills counts what `--fault kill` does, which is not among the faults");
        }
        let cannot = self
            .faults
            .iter()
            .find(|fault| !fault.happens(self.store, self.speed));
        if let Some(fault) = cannot {
            bail!(
                "`--fault {}` cannot strike: {}",
                fault.name(),
                fault.needs()
            );
        }
        Ok(())
    }
}

fn number<N: std::str::FromStr + PartialOrd + std::fmt::Display>(
    argument: &str,
    text: &str,
    least: &N,
) -> Result<N> {
    match text.parse::<N>() {
        Ok(number) if number >= *least => Ok(number),
        _ => bail!("{argument} needs a number from {least}, not `{text}`"),
    }
}

fn names(names: &[&str]) -> String {
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<Options>> {
        Options::read(line.split_whitespace().map(str::to_owned))
    }

    #[track_caller]
    fn check_refused(line: &str, word: &str) {
        let refusal = read(line).expect_err("it is refused").to_string();
        assert!(refusal.contains(word), "{refusal}");
    }

    #[test]
    fn what_is_not_understood_is_said_with_what_there_is() {
        check_refused("--store oracle", "sqlite and postgres");
        check_refused("--fault fire", "backend-kill");
        check_refused("--teeth gold", "journal");
        check_refused("--speed 0", "from 1");
        check_refused("--seconds", "needs a value");
        check_refused("--slowly", "--seconds");
    }

    #[test]
    fn what_could_not_strike_or_would_never_end_is_refused_with_what_it_needs() {
        check_refused("--kills 20 --fault crm", "--fault kill");
        check_refused("--fault backend-kill", "--store postgres");
        check_refused("--fault leap --speed 1", "--speed");
        assert!(read("--kills 20").unwrap().is_some());
    }

    #[test]
    fn faults_add_up_and_teeth_are_named_together() {
        let options = read("--fault kill --fault crm --teeth all")
            .unwrap()
            .unwrap();
        assert_eq!(options.faults, [Fault::Kill, Fault::Crm]);
        assert_eq!(options.teeth, Tooth::ALL);
        assert!(read("--help").unwrap().is_none());
    }
}
