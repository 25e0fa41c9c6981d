//! `cargo xtask bench`: what the host can do on this machine, its neighbours and the load included.
//!
//! Ratios within one run are what counts; absolute figures are this machine's. Nothing is asserted about them.

mod options;

mod scale;

mod report;

mod statements;

mod processor;

mod bed;

mod crm;

mod webhook;

mod fill;

mod load;

mod process;

mod intake;

mod intake_open;

mod drain;

mod deliver;

mod lanes;

mod backlog;

mod slow_neighbour;

mod memory;

mod steady;

mod soak;

mod paced;

mod two_hosts;

mod deliver_krayin;

mod native;

mod bridge;

mod instance;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::options::Options;
use crate::report::{Row, line};
use gladhand_tests::database::Kind;

/// Every scenario, in the order in which they run.
const SCENARIOS: [&str; 14] = [
    "intake",
    "intake-1000",
    "deliver-0",
    "deliver-1",
    "deliver-3",
    "deliver-krayin",
    "lanes",
    "backlog",
    "slow-neighbour",
    "memory",
    "soak",
    "paced",
    "two-hosts",
    "instance",
];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match arguments.as_slice() {
        [first, config] if first == "host" => process::forgetful(Path::new(config)).await,
        _ => measure(arguments).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            line(&format!("bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: Vec<String>) -> Result<()> {
    let Some(options) = Options::read(arguments.into_iter())? else {
        line(options::HELP);
        return Ok(());
    };
    let mut rows = Vec::new();
    for scenario in wanted(&options)? {
        rows.extend(run(scenario, &options).await.context(scenario)?);
    }
    report::tables(&rows);
    if let Some(path) = options.json {
        let text = serde_json::to_string_pretty(&rows)?;
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// What is to run: what was asked for, else everything that this store has.
fn wanted(options: &Options) -> Result<Vec<&'static str>> {
    let of_this_store = |name: &str| name != "two-hosts" || options.store == Kind::Postgres;
    let Some(asked) = &options.scenario else {
        return Ok(SCENARIOS
            .into_iter()
            .filter(|name| of_this_store(name))
            .collect());
    };
    match SCENARIOS.into_iter().find(|name| name == asked) {
        Some(name) if of_this_store(name) => Ok(vec![name]),
        Some(name) => bail!("{name} needs a database that hosts can share: add --store postgres"),
        None => bail!(
            "there is no scenario `{asked}`; these are: {}",
            SCENARIOS.join(", ")
        ),
    }
}

async fn run(scenario: &'static str, options: &Options) -> Result<Vec<Row>> {
    let (scale, kind) = (options.scale, options.store);
    let one = |row| vec![row];
    let calls = deliver::CALLS.iter().find(|(name, _)| *name == scenario);
    if let Some((_, calls)) = calls {
        return deliver::run(scale, kind, scenario, *calls).await.map(one);
    }
    match scenario {
        "intake" => intake::run(scale, kind).await.map(one),
        "intake-1000" => intake_open::run(scale, kind).await.map(one),
        "deliver-krayin" => deliver_krayin::run(scale, kind).await,
        "lanes" => lanes::run(scale, kind).await,
        "backlog" => backlog::run(scale, kind).await,
        "slow-neighbour" => slow_neighbour::run(scale, kind).await,
        "memory" => memory::run(scale, kind).await,
        "soak" => soak::run(scale, kind).await.map(one),
        "paced" => paced::run(scale, kind).await,
        "two-hosts" => two_hosts::run(scale).await,
        "instance" => instance::run(scale).await.map(one),
        other => bail!("{other} is listed and not there"),
    }
}
