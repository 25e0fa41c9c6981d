//! `cargo xtask bench`: what the host can do on this machine, its neighbours and the load included.
//!
//! Ratios within one run are what counts; absolute figures are this machine's. Nothing is asserted here.

mod bridge;

mod deliver;

mod intake;

mod instance;

mod native;

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::report::{Scale, line};

#[tokio::main]
async fn main() -> ExitCode {
    match measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            line(&format!("bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> Result<()> {
    let Options {
        scale,
        json,
        scenario,
    } = Options::read()?;
    let wanted = |name: &str| scenario.as_deref().is_none_or(|scenario| scenario == name);
    let mut rows = Vec::new();
    if wanted("intake") {
        rows.push(intake::run(scale).await.context("intake")?);
    }
    if wanted("deliver-3") {
        rows.extend(deliver::run(scale).await.context("deliver-3")?);
    }
    if wanted("instance") {
        rows.push(instance::run(scale).await.context("instance")?);
    }
    if rows.is_empty() {
        bail!("there is no such scenario; these are: intake, deliver-3, instance");
    }
    report::table(&rows);
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&rows)?;
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

struct Options {
    scale: Scale,
    json: Option<PathBuf>,
    scenario: Option<String>,
}

impl Options {
    fn read() -> Result<Self> {
        let mut options = Self {
            scale: Scale::FULL,
            json: None,
            scenario: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.scale = Scale::QUICK,
                "--json" => {
                    options.json = Some(arguments.next().context("--json needs a file")?.into());
                }
                "--scenario" => {
                    options.scenario = Some(arguments.next().context("--scenario needs a name")?);
                }
                other => bail!(
                    "unknown argument `{other}`; there are --quick, --json FILE and --scenario NAME"
                ),
            }
        }
        Ok(options)
    }
}
