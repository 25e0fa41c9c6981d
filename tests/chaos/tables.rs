//! What the hosts' tables say, asked as an operator asks: through the admin API.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use gladhand_tests::http::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::fleet::Fleet;

/// A page of a thousand on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A delivery.
#[derive(Debug, Clone, Deserialize)]
pub struct Row {
    pub event_id: String,
    /// The contact.
    pub lane: String,
    pub kind: String,
    pub state: String,
    /// When it is tried next: milliseconds.
    pub not_before: Option<i64>,
    /// How often it was executed.
    pub attempts: u32,
    /// Why it stands where it stands.
    pub message: Option<String>,
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// Every delivery, newest first.
pub async fn deliveries(fleet: &Fleet) -> Result<Vec<Row>> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let query = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
        let page: Page<Row> = get(fleet, &format!("deliveries?limit=1000{query}")).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(all),
        }
    }
}

/// Whether anything is on its way or waits for a later time.
///
/// Asked state by state, so one that moves from state to state in between could be missed: all are asked twice.
pub async fn is_at_rest(fleet: &Fleet) -> Result<bool> {
    for state in ["pending", "running", "waiting"].repeat(2) {
        let page: Page<Row> = get(fleet, &format!("deliveries?state={state}&limit=1")).await?;
        if !page.items.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn get<T: DeserializeOwned>(fleet: &Fleet, path: &str) -> Result<T> {
    let (authority, token) = fleet.admin()?;
    let headers = [("authorization", format!("Bearer {token}"))];
    let (mut client, path) = (Client::new(&authority), format!("/api/v1/{path}"));
    let answer = timeout(PATIENCE, client.get(&path, &headers))
        .await
        .with_context(|| format!("{path}: no answer within {PATIENCE:?}"))?
        .with_context(|| path.clone())?;
    if answer.status != 200 {
        bail!(
            "{path}: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
    serde_json::from_slice(&answer.body).with_context(|| format!("reading {path}"))
}
