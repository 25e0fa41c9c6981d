//! A client of the simulator, with the headers that every client of Krayin sends.

use gladhand_tests::http::{Answer, Client};
use gladhand_tests::krayin::{Config, Krayin};
use hyper::Method;
use serde_json::{Value, json};

/// A simulator and somebody who is logged in.
pub struct Talk {
    pub krayin: Krayin,
    pub token: String,
    client: Client,
}

/// An answer, its body read as JSON; null where it is none.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub body: Value,
    pub answer: Answer,
}

impl Talk {
    /// With a fresh simulator and a token of its administrator.
    pub fn start(config: Config) -> Self {
        let mut talk = Self::stranger(config);
        talk.token = talk.krayin.token();
        talk
    }

    /// With a fresh simulator that has issued no token yet.
    pub fn stranger(config: Config) -> Self {
        let krayin = Krayin::start(config).expect("port 0 is always free");
        Self {
            token: String::new(),
            client: client(&krayin),
            krayin,
        }
    }

    /// A request with token and `Accept`, on a connection that is kept.
    pub async fn ask(&mut self, method: &str, path: &str, body: Value) -> Told {
        self.try_ask(method, path, body)
            .await
            .expect("the simulator answers")
    }

    /// The same where no answer may come.
    pub async fn try_ask(&mut self, method: &str, path: &str, body: Value) -> anyhow::Result<Told> {
        let headers = [
            ("accept", "application/json".to_owned()),
            ("content-type", "application/json".to_owned()),
            ("authorization", format!("Bearer {}", self.token)),
        ];
        send(&mut self.client, method, path, &headers, body).await
    }

    /// A request on a connection of its own with just these headers.
    pub async fn bare(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: Value,
    ) -> Told {
        let mut client = client(&self.krayin);
        send(&mut client, method, path, headers, body)
            .await
            .expect("the simulator answers")
    }

    /// Another client with the same token.
    pub fn twin(&self) -> (Client, [(&'static str, String); 2]) {
        let headers = [
            ("accept", "application/json".to_owned()),
            ("authorization", format!("Bearer {}", self.token)),
        ];
        (client(&self.krayin), headers)
    }

    /// Makes a person and gives its id.
    pub async fn person(&mut self, email: &str, phone: &str) -> u64 {
        let made = self
            .ask("POST", "/api/v1/contacts/persons", person(email, phone))
            .await;
        made.body["data"]["id"].as_u64().expect("a person is made")
    }
}

/// A simulator without a rate limit.
pub fn talk() -> Talk {
    Talk::start(Config {
        throttle: None,
        ..Config::default()
    })
}

/// The body of a person.
pub fn person(email: &str, phone: &str) -> Value {
    json!({
        "name": "Jane", "emails": [{ "value": email, "label": "work" }],
        "contact_numbers": [{ "value": phone, "label": "work" }],
    })
}

/// One request.
pub async fn send(
    client: &mut Client,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: Value,
) -> anyhow::Result<Told> {
    let bytes = match body {
        Value::Null => Vec::new(),
        Value::String(raw) => raw.into_bytes(),
        body => body.to_string().into_bytes(),
    };
    let method = Method::from_bytes(method.as_bytes())?;
    let answer = client.request(method, path, headers, bytes).await?;
    let body = serde_json::from_slice(&answer.body).unwrap_or_default();
    Ok(Told {
        status: answer.status,
        body,
        answer,
    })
}

fn client(krayin: &Krayin) -> Client {
    Client::new(krayin.base_url().trim_start_matches("http://"))
}
