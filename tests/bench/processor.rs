//! Processor time that a host and a database have used, as the kernel counts it for each process.

use anyhow::{Context as _, Result};
use gladhand_tests::database::Database;
use sqlx::query_scalar;

/// The kernel counts in hundredths of a second, whatever its clock's own rate.
const TICK_US: u64 = 10_000;

/// Places in `/proc/<pid>/stat`, counted behind the name.
const PARENT: usize = 1;
const OWN: [usize; 2] = [11, 12];
const OF_ENDED_CHILDREN: [usize; 2] = [13, 14];

/// Of one process, in microseconds; none where it has ended.
pub fn of_process(id: u32) -> Option<u64> {
    Some(sum(&counts(id)?, &OWN))
}

/// Of the server that a database is in, with all its processes; none where the database is a file of the host's.
pub async fn of_server(database: &Database) -> Result<Option<u64>> {
    if let Database::Sqlite(_) = database {
        return Ok(None);
    }
    let mut connection = database.connect().await?;
    let session: i32 = query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut connection)
        .await?;
    let session = counts(u32::try_from(session)?).context("the session's process is there")?;
    let server = session[PARENT];
    let mut used = 0;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Who has ended meanwhile counts as the server's ended child from now on.
        let Some(counts) = counts(id) else { continue };
        if u64::from(id) == server {
            used += sum(&counts, &OWN) + sum(&counts, &OF_ENDED_CHILDREN);
        } else if counts[PARENT] == server {
            used += sum(&counts, &OWN);
        }
    }
    Ok(Some(used))
}

fn sum(counts: &[u64], places: &[usize]) -> u64 {
    places.iter().map(|place| counts[*place] * TICK_US).sum()
}

/// What stands behind a process's name, which may hold any character; the state, which is a letter, counts as zero.
fn counts(id: u32) -> Option<Vec<u64>> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, behind) = text.rsplit_once(')')?;
    let counts: Vec<u64> = behind
        .split_whitespace()
        .map(|count| count.parse().unwrap_or(0))
        .collect();
    (counts.len() > OF_ENDED_CHILDREN[1]).then_some(counts)
}
