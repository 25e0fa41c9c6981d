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

use crate::audit::Findings;
use crate::clock::FastClock;
use crate::options::Options;
use crate::report::line;
use crate::teeth::Tooth;

/// Findings shown of each campaign: the first ones tell most.
const SHOWN: usize = 30;
/// A campaign that must fail and did not is tried again so often ...
const TRIES: usize = 2;
/// ... with so many times the load of the one before.
const LONGER: u32 = 3;

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

/// Runs the campaigns that must fail, all at once: each is mostly waiting. On a busy machine one can miss the moment in
/// which the protection is needed, and is tried again by itself and for longer.
async fn prove_teeth(options: &Options) -> Result<()> {
    let mut running = Vec::new();
    for tooth in &options.teeth {
        if tooth.can_be_pulled(options.store) {
            let (tooth, campaign) = (*tooth, tooth.campaign(options));
            let run = campaign.clone();
            let run = tokio::spawn(async move { campaign::run(&run, Some(tooth)).await });
            running.push((tooth, campaign, run));
        } else {
            line(&format!(
                "tooth {:<8} does not apply to this store",
                tooth.name()
            ));
        }
    }
    let mut missed = Vec::new();
    for (tooth, campaign, findings) in running {
        let what = || format!("the tooth {}", tooth.name());
        if !has_bitten(tooth, &findings.await?.with_context(what)?) {
            missed.push((tooth, campaign));
        }
    }
    for (tooth, mut campaign) in missed {
        let mut has_bitten_now = false;
        for _ in 0..TRIES {
            campaign.duration *= LONGER;
            let findings = campaign::run(&campaign, Some(tooth)).await;
            let what = || format!("the tooth {}, again", tooth.name());
            has_bitten_now = has_bitten(tooth, &findings.with_context(what)?);
            if has_bitten_now {
                break;
            }
        }
        if !has_bitten_now {
            let (taken, expected) = tooth.says();
            bail!(
                "{taken}, and the auditor finds nothing {expected}: what it says elsewhere is worth nothing"
            );
        }
    }
    Ok(())
}

/// Whether the auditor found what it must; says what it found.
fn has_bitten(tooth: Tooth, findings: &Findings) -> bool {
    let (taken, expected) = tooth.says();
    let has_bitten = tooth.found(findings) > 0;
    let again = if has_bitten {
        String::new()
    } else {
        format!(" (nothing {expected}: the moment was missed, or the auditor is blind)")
    };
    line(&format!(
        "tooth {:<8} {taken}: {}{again}",
        tooth.name(),
        findings.line()
    ));
    has_bitten
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
