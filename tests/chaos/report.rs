//! What a campaign leaves behind: the lines and the table that are printed, and the files that explain a finding.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use anyhow::Result;

use crate::audit::Evidence;
use crate::fault::{Fault, Stage};
use crate::record::Index;

/// Prints a line, at once: who reads it may be a process that waits for it.
#[expect(clippy::disallowed_macros, reason = "a program that is what it prints")]
pub fn line(text: &str) {
    println!("{text}");
}

/// Prints the table.
pub fn table(evidence: &Evidence, stage: &Stage) {
    let told = &evidence.told;
    let acknowledged = told.iter().filter(|told| told.is_acknowledged()).count();
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &evidence.rows {
        *states.entry(row.state.as_str()).or_default() += 1;
    }
    let attempts: u32 = evidence.rows.iter().map(|row| row.attempts).sum();
    line(&format!(
        "\n| {:<42} | {:>10} |\n|{:-<44}|{:->12}|",
        "what", "how many", "", ""
    ));
    row("webhooks sent", told.len());
    row("  acknowledged", acknowledged);
    row("  not acknowledged", told.len() - acknowledged);
    for (fault, strikes) in Fault::ALL.iter().zip(&stage.strikes) {
        let strikes = strikes.load(Ordering::Relaxed);
        if strikes > 0 {
            row(&format!("fault {}", fault.name()), strikes);
        }
    }
    row("deliveries", evidence.rows.len());
    for (state, number) in states {
        row(&format!("  {state}"), number);
    }
    row("attempts", attempts);
    row("requests to the CRM", evidence.requests.len());
    row(
        "  in which a fault struck",
        evidence
            .requests
            .iter()
            .filter(|seen| seen.fault.is_some())
            .count(),
    );
    row("persons", evidence.crm.persons.len());
    row("leads", evidence.crm.leads.len());
    row("activities", evidence.crm.activities.len());
}

/// Leaves behind what explains the findings: the hosts' logs, what the CRM was asked, every delivery, what was sent.
pub fn keep(logs: &Path, evidence: &Evidence, stage: &Stage) -> Result<()> {
    let index = Index::of(&evidence.crm);
    let mut asked = String::new();
    for seen in &evidence.requests {
        let contact = index.of_request(seen).unwrap_or_default();
        writeln!(
            asked,
            "contact {contact} from {} until {:?}: {} {} {} {} -> {:?} {:?}",
            seen.at,
            seen.until,
            seen.method,
            seen.path,
            seen.query,
            String::from_utf8_lossy(&seen.body),
            seen.status,
            seen.fault,
        )?;
    }
    fs::write(logs.join("requests"), asked)?;
    fs::write(logs.join("struck"), format!("{:#?}", stage.struck))?;
    fs::write(logs.join("deliveries"), format!("{:#?}", evidence.rows))?;
    fs::write(logs.join("sent"), format!("{:#?}", evidence.told))?;
    fs::write(
        logs.join("crm.json"),
        serde_json::to_string_pretty(&evidence.crm)?,
    )?;
    line(&format!("\nwhat explains it is kept in {}", logs.display()));
    Ok(())
}

fn row(name: &str, value: impl std::fmt::Display) {
    line(&format!("| {name:<42} | {value:>10} |"));
}
