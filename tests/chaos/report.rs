//! What a campaign leaves behind: the lines and the table that are printed, and the files that explain a finding.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::audit::Evidence;
use crate::record::Index;
use crate::stage::Stage;

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
    for fault in &stage.faults {
        row(
            &format!("fault {}", fault.name()),
            stage.history.strikes(*fault),
        );
    }
    row("hosts that ended by themselves", stage.fleet.ended());
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

/// What lies there, and what it is good for.
const KEPT: [(&str, &str); 8] = [
    ("host-0.log", "what the first host said"),
    ("host-1.log", "what the second one said"),
    ("postgres.log", "what the database server said"),
    (STRUCK, "what was broken, and when"),
    (
        REQUESTS,
        "what the CRM was asked and answered, in order: grep the contact of a finding",
    ),
    (
        DELIVERIES,
        "every delivery, newest first: its state, and why",
    ),
    (SENT, "every webhook, and whether it was acknowledged"),
    (CRM, "what the CRM holds"),
];
const STRUCK: &str = "struck";
const REQUESTS: &str = "requests";
const DELIVERIES: &str = "deliveries";
const SENT: &str = "sent";
const CRM: &str = "crm.json";

/// Leaves behind what explains findings, or why there are none, and says what lies there.
pub fn keep(logs: &Path, evidence: Option<&Evidence>, stage: &Stage) {
    if let Err(error) = write(logs, evidence, stage) {
        line(&format!(
            "not everything that explains it could be kept: {error:#}"
        ));
    }
    line(&format!(
        "\nwhat explains it is kept in {}:",
        logs.display()
    ));
    for (name, what) in KEPT {
        if logs.join(name).exists() {
            line(&format!("  {name:<14} {what}"));
        }
    }
}

fn write(logs: &Path, evidence: Option<&Evidence>, stage: &Stage) -> Result<()> {
    fs::write(logs.join(STRUCK), format!("{:#?}", stage.history))?;
    if let Some(evidence) = evidence {
        fs::write(logs.join(REQUESTS), asked(evidence)?)?;
        fs::write(logs.join(DELIVERIES), format!("{:#?}", evidence.rows))?;
        fs::write(logs.join(SENT), format!("{:#?}", evidence.told))?;
        let crm = serde_json::to_string_pretty(&evidence.crm)?;
        fs::write(logs.join(CRM), crm)?;
    }
    if let Some(postgres) = &stage.postgres {
        fs::copy(postgres.log(), logs.join("postgres.log"))
            .with_context(|| format!("copying {}", postgres.log().display()))?;
    }
    Ok(())
}

fn asked(evidence: &Evidence) -> Result<String> {
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
    Ok(asked)
}

fn row(name: &str, value: impl std::fmt::Display) {
    line(&format!("| {name:<42} | {value:>10} |"));
}
