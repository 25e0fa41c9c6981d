//! `cargo xtask demo`: a day of Chatwoot's webhooks arrives in a simulated Krayin, before your eyes.
//!
//! The host is the real program, started as a process with a configuration file; only the two neighbours are simulated.

mod host;

mod show;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use gladhand_server::system::SystemClock;
use gladhand_tests::chatwoot::{Sender, day};
use gladhand_tests::host::{Joined, SECRET, SOURCE, Setup};
use gladhand_tests::krayin::{Config, Krayin};
use tokio::signal::unix::{SignalKind, signal};

use crate::host::Process;
use crate::show::{Show, line};

/// 17 June 2026, nine in the morning.
const MORNING_MS: i64 = 1_781_686_800_000;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let keep = arguments == ["--keep"];
    if !keep && !arguments.is_empty() {
        line("the demonstration takes --keep, which leaves it running, and nothing else");
        return ExitCode::from(2);
    }
    match until_ended(keep).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            line(&format!("\nthe demonstration failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Demonstrates, until a signal ends it: the host ends with it, whichever signal it is.
async fn until_ended(keep: bool) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = demonstrate(keep) => return ended,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    if keep {
        return Ok(());
    }
    bail!("somebody ended it")
}

async fn demonstrate(keep: bool) -> Result<()> {
    line("Gladhand: a day of Chatwoot webhooks, brought into a CRM.\n");
    // Its real limit is 60 requests a minute, and then this would take as long as a coffee.
    let crm = Krayin::start(Config {
        throttle: Some(60_000),
        ..Config::default()
    })
    .context("starting the simulated Krayin")?;
    let dir = tempfile::Builder::new()
        .prefix("gladhand-demo-")
        .tempdir()?;
    let setup = Setup::new(dir.path(), vec![joined(&crm)]);
    let host = Process::start(&setup)?;
    line(&format!("  host             http://{}", host.authority));
    line(&format!("  simulated Krayin {}", crm.base_url()));
    line(&format!("  everything else  {}\n", dir.path().display()));

    let clock = SystemClock::default();
    let (webhooks, expected) = day(MORNING_MS);
    let mut show = Show::new(&crm);
    let mut sender = Sender::new(&host.authority, SOURCE, SECRET, "first", &clock);
    for webhook in &webhooks {
        sender.send(webhook).await?;
        Show::sent(webhook);
        show.arrived();
    }
    host.settle(&mut show).await?;

    line(
        "\nThe day is over. The same day again, as Chatwoot would tell it twice: new delivery ids, later times.",
    );
    let (later, _) = day(MORNING_MS + 86_400_000);
    let mut sender = Sender::new(&host.authority, SOURCE, SECRET, "second", &clock);
    for webhook in &later {
        sender.send(webhook).await?;
    }
    host.settle(&mut show).await?;

    let found = show.table(webhooks.len() + later.len());
    if found != expected {
        bail!("Krayin should hold {expected:?} and holds {found:?}");
    }
    if keep {
        line(
            "\nThe host and the simulated Krayin keep running; Ctrl-C ends them and removes the folder. Why each one went as it did:\n",
        );
        line(&format!(
            "  gladhand --config {}/gladhand.toml --url http://{} delivery list",
            dir.path().display(),
            host.authority
        ));
        std::future::pending::<()>().await;
    }
    line(
        "\n  With `cargo xtask demo --keep` it keeps running, and shows why each delivery went as it did.",
    );
    host.stop()
}

fn joined(crm: &Krayin) -> Joined {
    Joined {
        settings: "stage_progression_enabled = true\nstage_on_conversation_created = 2\nstage_on_first_response = 3\n\
                   default_country = \"US\"\n"
            .to_owned(),
        // As people paste it.
        ..Joined::krayin("krayin-main", &format!("{}/admin/", crm.base_url()), crm.token())
    }
}
