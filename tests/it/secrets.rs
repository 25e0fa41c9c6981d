//! A secret goes into the host and nowhere else: not into its files, its answers, its recordings, its metrics.

use std::fs;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use gladhand_tests::chatwoot::day;
use gladhand_tests::fault::{Fault, Matcher, Rule};
use gladhand_tests::host::SECRET;
use hyper::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::bed::{Bed, CONNECTION, NOON, appears, jane};

/// The token, and the part of it that is secret even where the rest is left off.
fn canaries(token: &str) -> Vec<String> {
    let secret = token
        .split('|')
        .next_back()
        .expect("a token has a last part");
    assert!(secret.len() >= 32, "long enough to be found by no accident");
    vec![token.to_owned(), secret.to_owned(), SECRET.to_owned()]
}

#[track_caller]
fn check_free_of(canaries: &[String], place: &str, bytes: &[u8]) {
    for canary in canaries {
        let is_there = bytes
            .windows(canary.len())
            .any(|window| window == canary.as_bytes());
        assert!(!is_there, "{place} holds a secret");
    }
}

/// Everything that the admin API tells.
async fn told(bed: &Bed) -> Vec<(String, Vec<u8>)> {
    let mut paths = vec![
        "/api/v1/sources".to_owned(),
        "/api/v1/sources/support".to_owned(),
        "/api/v1/connections".to_owned(),
        format!("/api/v1/connections/{CONNECTION}"),
        "/api/v1/deliveries?limit=1000".to_owned(),
    ];
    paths.extend(
        bed.deliveries()
            .await
            .iter()
            .map(|delivery| format!("/api/v1/deliveries/{}", delivery.id)),
    );
    let mut told = Vec::new();
    for path in paths {
        let answer = bed.api(Method::GET, &path, Vec::new()).await;
        assert_eq!(answer.status, 200, "{path}");
        told.push((path, answer.body.to_vec()));
    }
    told
}

/// Every file below a folder but those that the test wrote for the host to read.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() {
            files.extend(self::files(&entry));
        } else if !entry.ends_with("webhook.secret")
            && !entry.ends_with(format!("{CONNECTION}.token"))
        {
            files.push(entry);
        }
    }
    files
}

fn check_files(canaries: &[String], dir: &Path) {
    let files = files(dir);
    assert!(
        files.iter().any(|file| file.ends_with("gladhand.db")),
        "{files:?}"
    );
    for file in files {
        check_free_of(
            canaries,
            &file.display().to_string(),
            &fs::read(&file).expect("it can be read"),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_day_with_trouble_no_secret_is_in_a_file_an_answer_or_a_metric() {
    let bed = Bed::new().await;
    for (nth, fault) in [
        (2, Fault::Html { status: 502 }),
        (5, Fault::Reset { done: true }),
        (9, Fault::Redirect),
    ] {
        bed.crm.inject(Rule::new(Matcher::any().nth(nth), fault));
    }
    let (webhooks, _) = day(NOON);
    bed.send("day", &webhooks).await;
    bed.finish().await;

    let requests = bed.crm.requests();
    let token = requests
        .iter()
        .find_map(|seen| seen.token.clone())
        .expect("the token was sent");
    let canaries = canaries(&token);
    let answers = told(&bed).await;
    let exchanges = answers
        .iter()
        .filter(|(_, body)| String::from_utf8_lossy(body).contains("/api/v1/leads"))
        .count();
    assert!(exchanges > 0, "what was sent is recorded and shown");
    for (path, body) in &answers {
        check_free_of(&canaries, path, body);
    }
    check_free_of(&canaries, "/metrics", bed.metrics().await.as_bytes());
    let database =
        fs::read(bed.dir().join("gladhand.db-wal")).expect("the log is there while the host runs");
    let is_known = |word: &str| {
        database
            .windows(word.len())
            .any(|window| window == word.as_bytes())
    };
    assert!(is_known(CONNECTION), "what is no secret is found this way");
    check_files(&canaries, bed.dir());
    let bed = bed.restarted().await;
    check_files(&canaries, bed.dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_crm_says_back_is_shown_to_nobody() {
    // Such as a CRM that prints the request into its error page.
    let echo = Router::new().fallback(|headers: HeaderMap| async move {
        let sent = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let answer = json!({ "message": format!("no user has sent {sent} before") }).to_string();
        let told = [
            ("x-ratelimit-remaining", "59".to_owned()),
            ("x-debug", sent.to_owned()),
        ];
        (StatusCode::INTERNAL_SERVER_ERROR, told, answer)
    });
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, echo).await });
    let bed = Bed::behind(|_| format!("http://{address}")).await;
    let token = fs::read_to_string(bed.dir().join(format!("{CONNECTION}.token")))
        .expect("the test wrote it");
    bed.send("echo", &appears(jane())).await;
    bed.rest().await;

    let canaries = canaries(&token);
    let answers = told(&bed).await;
    let detail: Value =
        serde_json::from_slice(&answers.last().expect("the delivery").1).expect("JSON");
    let message = detail["delivery"]["failure"]["message"]
        .as_str()
        .expect("it failed");
    assert!(
        message.contains("no user has sent"),
        "the answer came this far: {message}"
    );
    assert!(
        detail["attempts"][0]["exchanges"]
            .as_array()
            .is_some_and(|all| !all.is_empty()),
        "{detail:#}"
    );
    for (path, body) in &answers {
        check_free_of(&canaries, path, body);
    }
    check_free_of(&canaries, "/metrics", bed.metrics().await.as_bytes());
    check_files(&canaries, bed.dir());
}
