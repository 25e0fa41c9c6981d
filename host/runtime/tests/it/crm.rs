//! A CRM of a few lines, on a port of its own.

use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// A CRM that holds people.
pub struct Crm {
    pub base_url: String,
    people: Arc<Mutex<Vec<Value>>>,
    seen_tokens: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Shared {
    people: Arc<Mutex<Vec<Value>>>,
    seen_tokens: Arc<Mutex<Vec<String>>>,
    is_silent: bool,
}

impl Crm {
    /// One that answers.
    pub async fn start() -> Self {
        Self::serve(false).await
    }

    /// One that takes a ping and never answers it.
    pub async fn start_silent() -> Self {
        Self::serve(true).await
    }

    pub fn people(&self) -> Vec<Value> {
        self.people.lock().expect("unpoisoned").clone()
    }

    pub fn seen_tokens(&self) -> Vec<String> {
        self.seen_tokens.lock().expect("unpoisoned").clone()
    }

    async fn serve(is_silent: bool) -> Self {
        let shared = Shared {
            people: Arc::default(),
            seen_tokens: Arc::default(),
            is_silent,
        };
        let crm = Router::new()
            .route("/people", get(find).post(create))
            .route("/ping", get(ping))
            .route("/redirect", get(redirect))
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("some port is free");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move { axum::serve(listener, crm).await });
        Self {
            base_url: format!("http://{address}"),
            people: shared.people,
            seen_tokens: shared.seen_tokens,
        }
    }
}

async fn find(
    State(crm): State<Shared>,
    headers: HeaderMap,
    Query(asked): Query<Vec<(String, String)>>,
) -> Json<Value> {
    let token = headers.get("authorization").map(|value| value.to_str());
    if let Some(Ok(token)) = token {
        let mut seen = crm.seen_tokens.lock().expect("unpoisoned");
        seen.push(token.to_owned());
    }
    let people = crm.people.lock().expect("unpoisoned");
    let found = people.iter().filter(|person| {
        let mut asked = asked.iter();
        asked.all(|(field, value)| person[field] == value.as_str())
    });
    Json(found.cloned().collect())
}

async fn create(State(crm): State<Shared>, Json(mut person): Json<Value>) -> Json<Value> {
    let mut people = crm.people.lock().expect("unpoisoned");
    person["id"] = json!(format!("p{}", people.len() + 1));
    people.push(person.clone());
    Json(person)
}

async fn ping(State(crm): State<Shared>) -> &'static str {
    if crm.is_silent {
        std::future::pending::<()>().await;
    }
    "pong"
}

async fn redirect() -> Response {
    let location = [("location", "http://169.254.169.254/latest/meta-data")];
    (StatusCode::FOUND, location).into_response()
}
