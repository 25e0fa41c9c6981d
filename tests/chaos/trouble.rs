//! Load and trouble: every fault strikes by itself, what died of it is started again, and a referee says when there was
//! enough.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::task::JoinSet;

use crate::fault::Fault;
use crate::load;
use crate::options::Options;
use crate::report;
use crate::stage::Stage;

/// How soon whatever watches over services notices that one has ended.
const WATCH: Duration = Duration::from_millis(500);
/// How often the referee looks.
const TICK: Duration = Duration::from_secs(1);
/// Trouble comes in waves of so many looks ...
const WAVE: u32 = 30;
/// ... with so much time between them that the lanes of a dead host come back and a doubtful write is looked up: in trouble
/// without an end nobody would get to the work that is to be troubled.
const LULL: Duration = Duration::from_secs(12);
/// How much longer than the kills the other faults may take, in looks: ten strikes take some two waves.
const EXTRA: u32 = 300;

/// Load and trouble until there was enough of it, or a harness broke; what was sent.
pub async fn trouble(options: &Options, stage: &Arc<Stage>) -> Result<Vec<load::Told>> {
    let mut tasks = Tasks {
        running: JoinSet::new(),
        stage,
    };
    for fault in stage.faults.clone() {
        let strikes = fault.strike(stage.clone(), options.seed);
        tasks.spawn(format!("the fault {}", fault.name()), strikes);
    }
    if let Some(tooth) = stage.tooth {
        tasks.spawn("taking leases over".to_owned(), tooth.gnaw(stage.clone()));
    } else {
        let (database, hosts) = (watch_database(stage.clone()), watch_hosts(stage.clone()));
        tasks.spawn("watching over PostgreSQL".to_owned(), database);
        tasks.spawn("watching over hosts".to_owned(), hosts);
    }
    tasks.spawn(
        "the referee".to_owned(),
        referee(options.clone(), stage.clone()),
    );
    let (fleet, clock) = (stage.fleet.clone(), stage.clock.clone());
    let told = load::drive(options, fleet, clock, stage.stop.clone()).await?;
    while let Some(ended) = tasks.running.join_next().await {
        ended??;
    }
    Ok(told)
}

struct Tasks<'s> {
    running: JoinSet<Result<()>>,
    stage: &'s Arc<Stage>,
}

impl Tasks<'_> {
    fn spawn(&mut self, what: String, task: impl Future<Output = Result<()>> + Send + 'static) {
        let stop = self.stage.stop.clone();
        self.running.spawn(async move {
            let ended = task.await;
            if ended.is_err() {
                // Without it the campaign would prove less than it says.
                stop.cancel();
            }
            ended.context(what)
        });
    }
}

async fn watch_database(stage: Arc<Stage>) -> Result<()> {
    let Some(postgres) = &stage.postgres else {
        stage.stop.cancelled().await;
        return Ok(());
    };
    while is_on_after(WATCH, &stage).await {
        postgres.keep_alive().await?;
    }
    Ok(())
}

async fn watch_hosts(stage: Arc<Stage>) -> Result<()> {
    while is_on_after(WATCH, &stage).await {
        stage.fleet.revive().await?;
    }
    Ok(())
}

/// Ends it when there was enough, and says meanwhile how far it is.
async fn referee(options: Options, stage: Arc<Stage>) -> Result<()> {
    let (mut looks, mut extra) = (0, 0);
    while is_on_after(TICK, &stage).await {
        looks += 1;
        match options.kills {
            None if TICK * looks >= options.duration => break,
            Some(kills) if stage.history.strikes(Fault::Kill) >= kills => extra += 1,
            _ => {}
        }
        if extra > EXTRA {
            bail!(
                "{:?} after the last kill there was still too little of: {}",
                TICK * EXTRA,
                shown(stage.wanting())
            );
        }
        if looks % WAVE == 0 && stage.tooth.is_none() {
            say_how_far(&stage);
            let _alone = stage.lull.write().await;
            is_on_after(LULL, &stage).await;
        }
    }
    stage.stop.cancel();
    Ok(())
}

fn say_how_far(stage: &Stage) {
    let strikes = stage
        .faults
        .iter()
        .map(|fault| format!("{} {}", fault.name(), stage.history.strikes(*fault)))
        .collect::<Vec<_>>();
    report::line(&format!(
        "a lull: {} requests to the CRM; {}",
        stage.crm.request_count(),
        strikes.join(", ")
    ));
}

/// Waits; false once the trouble is over.
async fn is_on_after(pause: Duration, stage: &Stage) -> bool {
    tokio::select! {
        () = stage.stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}

fn shown(wanting: Vec<(Fault, u32, u32)>) -> String {
    let shown = wanting
        .into_iter()
        .map(|(fault, has, must)| format!("{} struck {has} times of {must}", fault.name()));
    shown.collect::<Vec<_>>().join(", ")
}
