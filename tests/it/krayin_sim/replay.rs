//! Replays the recordings of a real server in their order against one simulator.
//!
//! The recorder emptied the rate limit between files and moved its clock as time went by; so does the replay.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use gladhand_core::clock::{Clock as _, ManualClock, Timestamp};
use gladhand_tests::krayin::{Config, Contract};
use serde_json::{Value, json};

use super::compare::{Recorded, differences};
use super::talk::Talk;

/// Recordings that are not imitated, and why.
const NOT_IMITATED: &[(&str, &str)] = &[(
    "900-outgoing-webhooks.json",
    "sent by Krayin, not answered by it: the simulator has neither webhooks nor workflows",
)];

/// When the recorded installation was made.
const INSTALLED: &str = "2026-11-20T11:09:42Z";
/// Requests that the recorder sent before a file, so that its own is the sixtieth of the minute.
const SPENT_BEFORE: (u32, usize) = (177, 59);
/// Recorded in the window that the file before had used up.
const SAME_WINDOW: [u32; 2] = [178, 179];

struct Recording {
    file: String,
    content: Value,
}

/// The tokens that `<token>` stood for.
#[derive(Default)]
struct Tokens {
    first: String,
    current: String,
    limited: String,
}

#[tokio::test]
async fn every_recording_but_those_in_the_table_is_answered_alike() {
    let mut wrong = Vec::new();
    for (file, found) in replay().await {
        let reason = NOT_IMITATED
            .iter()
            .find(|(name, _)| *name == file)
            .map(|(_, reason)| *reason);
        match (found.as_slice(), reason) {
            ([], None) => tell(&format!("{file}: the same")),
            (found, None) => {
                tell(&format!("{file}: DIFFERS"));
                for difference in found {
                    tell(&format!("    {difference}"));
                }
                wrong.push(file);
            }
            (_, Some(reason)) => tell(&format!("{file}: not imitated, {reason}")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} recordings differ: {wrong:?}",
        wrong.len()
    );
}

#[tokio::test]
async fn every_entry_of_the_table_really_differs() {
    let replayed = replay().await;
    for (file, _) in NOT_IMITATED {
        let (_, found) = replayed
            .iter()
            .find(|(name, _)| name == file)
            .expect("the table names recordings");
        assert!(
            !found.is_empty(),
            "{file} is answered alike by now: take it out of the table"
        );
    }
}

/// Every recording in order, and where its answer differs.
async fn replay() -> Vec<(String, Vec<String>)> {
    let clock = Arc::new(ManualClock::new(moment(INSTALLED).expect("a date")));
    let mut talk = Talk::stranger(Config {
        clock: clock.clone(),
        ..Config::default()
    });
    let mut tokens = Tokens::default();
    let mut results = Vec::new();
    for Recording { file, content } in recordings() {
        let found = if content.is_array() {
            deliveries(&mut talk, &content).await
        } else {
            exchange(&mut talk, &mut tokens, &clock, number(&file), &content).await
        };
        results.push((file, found));
    }
    results
}

async fn exchange(
    talk: &mut Talk,
    tokens: &mut Tokens,
    clock: &ManualClock,
    number: u32,
    content: &Value,
) -> Vec<String> {
    let recorded = &content["response"];
    if let Some(at) = latest(&recorded["body"]) {
        clock.advance(at.since(clock.now()));
    }
    let is_debug = content["server"]["APP_DEBUG"] == true;
    talk.krayin.set_contract(if is_debug {
        Contract::Debug
    } else {
        Contract::Production
    });
    if !SAME_WINDOW.contains(&number) {
        talk.krayin.reset_throttle();
    }
    if number == SPENT_BEFORE.0 {
        talk.token.clone_from(&tokens.current);
        for _ in 0..SPENT_BEFORE.1 {
            talk.ask("GET", "/api/v1/get", Value::Null).await;
        }
    }
    let request = &content["request"];
    let token = tokens.of(number);
    let headers: Vec<(&str, String)> = request["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            (
                name.as_str(),
                value.as_str().unwrap_or_default().replace("<token>", token),
            )
        })
        .collect();
    let method = request["method"].as_str().expect("a recorded method");
    let path = request["path"].as_str().expect("a recorded path");
    let told = talk
        .bare(method, path, &headers, request["body"].clone())
        .await;
    tokens.note(&told.body);
    let recorded = Recorded {
        status: recorded["status"].as_u64().expect("a recorded status"),
        headers: recorded["headers"].as_object().expect("recorded headers"),
        body: &recorded["body"],
        text: recorded["body_text"].as_str(),
    };
    differences(&recorded, &told.answer, talk.krayin.base_url())
}

/// Webhooks that the real server sent: there would have to be a way to subscribe to them.
async fn deliveries(talk: &mut Talk, content: &Value) -> Vec<String> {
    talk.token = talk.krayin.token();
    talk.krayin.set_contract(Contract::Production);
    talk.krayin.reset_throttle();
    let webhook = json!({ "name": "w", "entity_type": "leads", "method": "post", "end_point": "http://127.0.0.1:1/leads" });
    let told = talk.ask("POST", "/api/v1/settings/webhooks", webhook).await;
    let sent = content.as_array().map_or(0, Vec::len);
    if told.status == 200 {
        Vec::new()
    } else {
        vec![format!(
            "{sent} deliveries recorded, nothing to subscribe with"
        )]
    }
}

impl Tokens {
    fn of(&self, number: u32) -> &str {
        match number {
            5 | 6 => &self.first,
            10..=13 => "9|no-such-token",
            174..=176 => &self.limited,
            _ => &self.current,
        }
    }

    fn note(&mut self, body: &Value) {
        let Some(token) = body["token"].as_str() else {
            return;
        };
        if body["data"]["id"] != 1 {
            token.clone_into(&mut self.limited);
            return;
        }
        if self.first.is_empty() {
            token.clone_into(&mut self.first);
        }
        token.clone_into(&mut self.current);
    }
}

fn recordings() -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/krayin/transcripts");
    let mut recordings: Vec<_> = fs::read_dir(folder)
        .expect("the recordings are in the tree")
        .map(|entry| {
            let path = entry.expect("a readable folder").path();
            let text = fs::read_to_string(&path).expect("a readable recording");
            Recording {
                file: path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                content: serde_json::from_str(&text).expect("a recording is JSON"),
            }
        })
        .collect();
    recordings.sort_by(|a, b| a.file.cmp(&b.file));
    assert_eq!(recordings.len(), 182);
    recordings
}

fn number(file: &str) -> u32 {
    file.split('-')
        .next()
        .and_then(|number| number.parse().ok())
        .expect("a recording has a number")
}

/// When a recorded answer was made, as far as it tells: the latest change in it.
fn latest(body: &Value) -> Option<Timestamp> {
    match body {
        Value::Array(items) => items.iter().filter_map(latest).max(),
        Value::Object(fields) => fields
            .iter()
            .filter_map(|(key, value)| match key.as_str() {
                "created_at" | "updated_at" => moment(value.as_str()?),
                _ => latest(value),
            })
            .max(),
        _ => None,
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(Timestamp(at.timestamp_millis()).after(Duration::ZERO))
}

/// To the terminal, also where the test passes: which recordings hold is worth seeing.
fn tell(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}
