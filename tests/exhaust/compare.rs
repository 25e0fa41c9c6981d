//! How a run ended beside how the same story ends without faults. Pure.

use std::collections::BTreeMap;

use gladhand_tests::ledger::Row;

use crate::gate::Passed;
use crate::run::{Ended, Job};

/// What a run found out.
#[derive(Debug)]
pub struct Finding {
    pub job: Job,
    /// What is not as it is without faults, a line each.
    pub differences: Vec<String>,
    /// Records that are there more often than without faults.
    pub duplicates: usize,
    /// None of its faults found anything to strike.
    pub is_unreached: bool,
    /// What the CRM was asked.
    pub passed: Vec<Passed>,
}

/// Compares how a story ended with how it ends without faults.
pub fn compare(job: Job, baseline: &Ended, ended: Ended) -> Finding {
    let mut differences = ended.undelivered;
    let mut duplicates = 0;
    let (was, is) = (counted(&baseline.rows, key), counted(&ended.rows, key));
    for (key, count) in &is {
        duplicates += count.saturating_sub(was.get(key).copied().unwrap_or_default().max(1));
    }
    let (was, is) = (counted(&baseline.rows, whole), counted(&ended.rows, whole));
    for (row, count) in &was {
        let missing = count.saturating_sub(is.get(row).copied().unwrap_or_default());
        differences.extend((0..missing).map(|_| format!("missing {row}")));
    }
    for (row, count) in &is {
        let extra = count.saturating_sub(was.get(row).copied().unwrap_or_default());
        differences.extend((0..extra).map(|_| format!("too much {row}")));
    }
    let (was, is) = (order(&baseline.rows), order(&ended.rows));
    if differences.is_empty() && was != is {
        differences.push(format!("made in another order: {}", is.join(", ")));
    }
    Finding {
        job,
        differences,
        duplicates,
        is_unreached: ended.unstruck == job.faults.strikes(job.step).len(),
        passed: ended.passed,
    }
}

fn key(row: &Row) -> String {
    format!("{} {}", row.object, row.identity)
}

/// What was made, in the order in which each thing was first made.
fn order(rows: &[Row]) -> Vec<String> {
    let mut keys = Vec::new();
    for key in rows.iter().map(key) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

fn whole(row: &Row) -> String {
    format!("{} {}", row.object, row.fields)
}

fn counted(rows: &[Row], name: fn(&Row) -> String) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(name(row)).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Faults, Step};
    use crate::scenario;

    fn row(identity: &str, name: &str) -> Row {
        Row {
            object: "people".to_owned(),
            identity: identity.to_owned(),
            fields: name.to_owned(),
        }
    }

    fn ended(rows: Vec<Row>) -> Ended {
        Ended {
            rows,
            passed: Vec::new(),
            began_at: 0,
            readings: 0,
            undelivered: Vec::new(),
            unstruck: 0,
        }
    }

    #[track_caller]
    fn check(rows: Vec<Row>, differences: &[&str], duplicates: usize) {
        let job = Job {
            scenario: scenario::ALL[0],
            faults: Faults::one(Fault::Reset),
            step: Step {
                request: 1,
                reading: 0,
            },
        };
        let baseline = ended(vec![row("a", "Anna"), row("b", "Ben")]);
        let finding = compare(job, &baseline, ended(rows));
        assert_eq!(finding.differences, differences);
        assert_eq!(finding.duplicates, duplicates);
    }

    #[test]
    fn what_is_missing_too_much_doubled_or_in_another_order_is_told_apart() {
        check(vec![row("a", "Anna"), row("b", "Ben")], &[], 0);
        check(vec![row("a", "Anna")], &["missing people Ben"], 0);
        check(
            vec![row("a", "Anna"), row("b", "Ben"), row("b", "Ben")],
            &["too much people Ben"],
            1,
        );
        check(
            vec![row("a", "Anna"), row("b", "Benjamin")],
            &["missing people Ben", "too much people Benjamin"],
            0,
        );
        check(
            vec![row("b", "Ben"), row("a", "Anna")],
            &["made in another order: people b, people a"],
            0,
        );
    }
}
