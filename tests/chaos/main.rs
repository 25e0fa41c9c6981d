//! `cargo xtask chaos`: real hosts under load are killed, and everything around them fails, by chance that can be
//! repeated; then an auditor accounts for every acknowledged event.
//!
//! It ends by itself, with one line that scripts read, and with 1 unless every number in it is 0.

mod options;

mod campaign;

mod stage;

mod trouble;

mod script;

mod record;

mod load;

mod host;

mod fleet;

mod clock;

mod fault;

mod disk;

mod postgres;

mod tables;

mod audit;

mod teeth;

mod report;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use gladhand_core::clock::Timestamp;

use crate::clock::FastClock;
use crate::options::Options;
use crate::report::line;

/// Findings shown of each campaign: the first ones tell most.
const SHOWN: usize = 30;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match arguments.split_first() {
        Some((first, rest)) if first == "host" => serve(rest).await,
        _ => chaos(arguments).await,
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            line(&format!("chaos: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn chaos(arguments: Vec<String>) -> Result<bool> {
    let again = format!(
        "to try it again, with the same load and the same faults in another timing: cargo xtask chaos {}",
        arguments.join(" ")
    );
    let Some(options) = Options::read(arguments.into_iter())? else {
        line(options::HELP);
        return Ok(true);
    };
    prove_teeth(&options).await?;
    let campaign = campaign::run(&options, None).await;
    let findings = campaign.inspect_err(|_| line(&again))?;
    let found: Vec<_> = findings.all().collect();
    for (kind, what) in found.iter().take(SHOWN) {
        line(&format!("{kind}: {what}"));
    }
    if found.len() > SHOWN {
        line(&format!("and {} more", found.len() - SHOWN));
    }
    if !found.is_empty() {
        line(&again);
    }
    line(&findings.line());
    Ok(found.is_empty())
}

/// Runs the campaigns that must fail, all at once: each is mostly waiting.
async fn prove_teeth(options: &Options) -> Result<()> {
    let mut running = Vec::new();
    for tooth in &options.teeth {
        if tooth.can_be_pulled(options.store) {
            let (tooth, campaign) = (*tooth, tooth.campaign(options));
            let run = async move { campaign::run(&campaign, Some(tooth)).await };
            running.push((tooth, tokio::spawn(run)));
        } else {
            line(&format!(
                "tooth {:<8} does not apply to this store",
                tooth.name()
            ));
        }
    }
    for (tooth, findings) in running {
        let findings = findings
            .await?
            .with_context(|| format!("the tooth {}", tooth.name()))?;
        let (taken, expected) = tooth.says();
        line(&format!(
            "tooth {:<8} {taken}: {}",
            tooth.name(),
            findings.line()
        ));
        if tooth.found(&findings) == 0 {
            bail!(
                "{taken}, and the auditor finds nothing {expected}: what it says elsewhere is worth nothing"
            );
        }
    }
    Ok(())
}

/// `gladhand-chaos host CONFIG ORIGIN SPEED`: a host on a clock of the campaign's, started by the campaign.
async fn serve(arguments: &[String]) -> Result<bool> {
    let [config, origin, speed] = arguments else {
        bail!(
            "`host` is what a campaign starts, with a configuration, the time of the start and a speed"
        );
    };
    let clock = FastClock::new(Timestamp(origin.parse()?), speed.parse()?);
    host::serve(Path::new(config), clock).await
}
