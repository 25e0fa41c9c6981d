//! All runs: first every story without faults, which says how many steps it has, then each step with each fault, on a few
//! lanes at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, bail};
use tokio::task::JoinSet;

use crate::compare::{Finding, compare};
use crate::fault::{self, Fault, Faults, Step, When};
use crate::lane::Lane;
use crate::options::Options;
use crate::report::Progress;
use crate::run::{self, Ended, Job};
use crate::scenario::{self, Scenario};

/// Most of a run is waiting: for time-outs, for threads, for the next look.
const LANES: usize = 4;

/// More than between any two requests: an idle host goes on reading its clock.
const MOST_READINGS: u64 = 120;

/// How every story ends without faults.
type Baselines = BTreeMap<&'static str, Ended>;

/// Runs what the options ask for.
pub async fn run(options: &Options) -> Result<Vec<Finding>> {
    let first = Lane::new(options.connector, None).await?;
    let mut baselines = Baselines::new();
    let mut jobs = VecDeque::new();
    for scenario in chosen(options) {
        let ended = run::run(&first, &scenario, Vec::new(), false)
            .await
            .with_context(|| format!("{} without faults", scenario.name))?;
        if !ended.undelivered.is_empty() || ended.rows.is_empty() {
            bail!(
                "{} fails without faults: {:?}",
                scenario.name,
                ended.undelivered
            );
        }
        jobs.extend(jobs_of(options, scenario, &ended));
        baselines.insert(scenario.name, ended);
    }
    if jobs.is_empty() {
        bail!("no step of a chosen scenario is what was asked for");
    }
    let mut lanes = Vec::new();
    for _ in 1..LANES.min(jobs.len()) {
        lanes.push(Lane::new(options.connector, Some(&first)).await?);
    }
    lanes.push(first);
    let progress = Arc::new(Progress::new(jobs.len()));
    let jobs = Arc::new(Mutex::new(jobs));
    let baselines = Arc::new(baselines);
    let mut working = JoinSet::new();
    for lane in lanes {
        working.spawn(work(
            lane,
            jobs.clone(),
            baselines.clone(),
            progress.clone(),
            options.has_teeth,
        ));
    }
    let mut findings = Vec::new();
    while let Some(worked) = working.join_next().await {
        findings.extend(worked??);
    }
    findings.sort_by_cached_key(|Finding { job, .. }| {
        let Step { request, reading } = job.step;
        (job.scenario.name, job.faults.to_string(), request, reading)
    });
    Ok(findings)
}

async fn work(
    lane: Lane,
    jobs: Arc<Mutex<VecDeque<Job>>>,
    baselines: Arc<Baselines>,
    progress: Arc<Progress>,
    has_teeth: bool,
) -> Result<Vec<Finding>> {
    let next = || {
        jobs.lock()
            .expect("no lane panics while holding it")
            .pop_front()
    };
    let mut findings = Vec::new();
    while let Some(job) = next() {
        let plan = job.faults.strikes(job.step);
        let finding = match run::run(&lane, &job.scenario, plan, has_teeth).await {
            Ok(ended) => compare(job, &baselines[job.scenario.name], ended),
            Err(error) => Finding::stuck(job, &error, lane.gate.passed()),
        };
        progress.made(&finding);
        findings.push(finding);
    }
    Ok(findings)
}

fn chosen(options: &Options) -> Vec<Scenario> {
    match options.scenario {
        Some(scenario) => vec![scenario],
        None => scenario::ALL.to_vec(),
    }
}

fn jobs_of(options: &Options, scenario: Scenario, baseline: &Ended) -> Vec<Job> {
    let mut jobs = Vec::new();
    for faults in faults_of(options, scenario) {
        let steps = match options.step {
            Some(step) => vec![step],
            None if faults.first == Fault::KillBetween => readings(baseline),
            None => requests(baseline, faults),
        };
        jobs.extend(steps.into_iter().map(|step| Job {
            scenario,
            faults,
            step,
        }));
    }
    jobs
}

fn faults_of(options: &Options, scenario: Scenario) -> Vec<Faults> {
    if let Some(faults) = options.faults {
        return vec![faults];
    }
    let mut all: Vec<Faults> = fault::ALL
        .iter()
        .map(|(fault, _)| Faults::one(*fault))
        .collect();
    if scenario.in_pairs && !options.without_pairs {
        all.extend(pairs());
    }
    all
}

fn pairs() -> Vec<Faults> {
    let singles = || {
        let faults = fault::ALL.iter().map(|(fault, _)| *fault);
        faults.filter(|fault| fault.is_single())
    };
    let seconds = || {
        // Where the next request is a write, it is the next write, too.
        let next = singles().filter(|fault| !fault.is_about_writes());
        let next = next.map(|fault| (When::Next, fault));
        next.chain(singles().map(|fault| (When::NextWrite, fault)))
    };
    singles()
        .flat_map(|first| {
            seconds().map(move |second| Faults {
                first,
                second: Some(second),
            })
        })
        .collect()
}

/// Every request; the first of a pair strikes one that reads only where no other fault does the same to it.
fn requests(baseline: &Ended, faults: Faults) -> Vec<Step> {
    let is_spared = |request: &str| {
        faults.second.is_some() && faults.first.is_about_writes() && request.starts_with("GET ")
    };
    let requests = baseline.passed.iter().zip(1..);
    requests
        .filter(|(passed, _)| !is_spared(&passed.request))
        .map(|(_, request)| Step {
            request,
            reading: 0,
        })
        .collect()
}

/// Every reading of the clock between an answer and the request that follows, and before the first request.
fn readings(baseline: &Ended) -> Vec<Step> {
    let came = baseline.passed.iter().map(|passed| passed.came_at);
    let answered = baseline.passed.iter().map(|passed| passed.answered_at);
    let from = std::iter::once(baseline.began_at).chain(answered);
    let to = came.chain([baseline.readings]);
    from.zip(to)
        .enumerate()
        .flat_map(|(request, (from, to))| {
            let count = to.saturating_sub(from).min(MOST_READINGS);
            (1..=count).map(move |reading| Step { request, reading })
        })
        .collect()
}
