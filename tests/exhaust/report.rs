//! What was found out, for people on stdout and its progress on stderr.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Error;

use crate::compare::Finding;
use crate::gate::Passed;
use crate::options::Options;
use crate::run::Job;

/// How far the runs are.
pub struct Progress {
    total: usize,
    made: AtomicUsize,
    differing: AtomicUsize,
}

impl Progress {
    /// Nothing is run yet of so many.
    pub fn new(total: usize) -> Self {
        say(&format!("exhaust: {total} runs"));
        Self {
            total,
            made: AtomicUsize::new(0),
            differing: AtomicUsize::new(0),
        }
    }

    /// Another run is over.
    pub fn made(&self, finding: &Finding) {
        const EVERY: usize = 100;
        let is_different = usize::from(finding.is_different());
        let differing = self.differing.fetch_add(is_different, Ordering::Relaxed) + is_different;
        let made = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        if made.is_multiple_of(EVERY) {
            say(&format!(
                "exhaust: {made} of {}, {differing} different",
                self.total
            ));
        }
    }
}

impl Finding {
    /// A run that did not come to an end.
    pub fn stuck(job: Job, error: &Error, passed: Vec<Passed>) -> Self {
        Self {
            job,
            differences: vec![format!("{error:#}")],
            duplicates: 0,
            is_unreached: false,
            passed,
        }
    }

    /// Whether anything is not as it is without faults.
    pub fn is_different(&self) -> bool {
        !self.differences.is_empty() || self.duplicates > 0
    }
}

/// Prints what was found out; whether nothing differs.
pub fn print(findings: &[Finding], options: &Options) -> bool {
    for finding in findings.iter().filter(|finding| finding.is_different()) {
        print_difference(finding, options);
    }
    print_table(findings);
    let unreached = findings.iter().filter(|finding| finding.is_unreached);
    let unreached = unreached.count();
    if unreached > 0 {
        line(&format!(
            "{unreached} of the runs were over before their fault could strike"
        ));
    }
    let differences = findings
        .iter()
        .filter(|finding| finding.is_different())
        .count();
    let duplicates: usize = findings.iter().map(|finding| finding.duplicates).sum();
    line(&format!(
        "runs {}, differences {differences}, duplicates {duplicates}",
        findings.len()
    ));
    differences == 0 && duplicates == 0
}

fn print_difference(finding: &Finding, options: &Options) {
    let Job {
        scenario,
        faults,
        step,
    } = &finding.job;
    let teeth = if options.has_teeth { " --teeth" } else { "" };
    line(&format!(
        "\n--connector {} --scenario {} --fault {faults} --step {step}{teeth}",
        options.connector.name(),
        scenario.name
    ));
    for difference in &finding.differences {
        line(&format!("  {difference}"));
    }
    line("  what the CRM was asked:");
    for (index, passed) in finding.passed.iter().enumerate() {
        line(&format!(
            "  {:>4} {} → {}",
            index + 1,
            passed.request,
            passed.ending
        ));
    }
}

/// A line per fault, a column per scenario; `12` are runs without, `12 (3)` with three differences.
fn print_table(findings: &[Finding]) {
    let mut scenarios: Vec<&str> = Vec::new();
    let mut faults: Vec<String> = Vec::new();
    let mut cells: BTreeMap<(String, &str), (usize, usize)> = BTreeMap::new();
    for finding in findings {
        let (scenario, fault) = (finding.job.scenario.name, row(finding));
        if !scenarios.contains(&scenario) {
            scenarios.push(scenario);
        }
        if !faults.contains(&fault) {
            faults.push(fault.clone());
        }
        let cell = cells.entry((fault, scenario)).or_default();
        cell.0 += 1;
        cell.1 += usize::from(finding.is_different());
    }
    scenarios.sort_unstable();
    faults.sort_unstable();
    line(&format!("\n| fault | {} |", scenarios.join(" | ")));
    line(&format!("|---|{}", "---|".repeat(scenarios.len())));
    for fault in faults {
        let cells = scenarios
            .iter()
            .map(|scenario| match cells.get(&(fault.clone(), *scenario)) {
                None => String::new(),
                Some((runs, 0)) => runs.to_string(),
                Some((runs, differing)) => format!("{runs} ({differing})"),
            });
        let cells: Vec<String> = cells.collect();
        line(&format!("| {fault} | {} |", cells.join(" | ")));
    }
    line("");
}

/// Pairs are told by their first fault: the table stays readable.
fn row(finding: &Finding) -> String {
    let faults = finding.job.faults.to_string();
    match faults.find(['+', '/']) {
        Some(between) => format!("{}any", &faults[..=between]),
        None => faults,
    }
}

/// Prints a line of the result.
#[expect(clippy::disallowed_macros, reason = "the program is what it prints")]
pub fn line(text: &str) {
    println!("{text}");
}

/// Tells whoever watches.
#[expect(clippy::disallowed_macros, reason = "progress is no result")]
pub fn say(text: &str) {
    eprintln!("{text}");
}
