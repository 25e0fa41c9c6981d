//! Krayin over HTTP: where its REST API is, and what an answer means (facts: error contract of three generations).
//!
//! The only file that looks at a status. It must not know a record.

use std::cell::Cell;

use gladhand_sdk::http::{self, Effect, Request, Response, Verdict};
use gladhand_sdk::{Connection, Failure, FailureKind, cache};
use serde_json::Value;

use crate::error::Error;
use crate::model::{self, Named};

/// Krayin's own limit, and how long after it everything is answered with 500.
const WINDOW_MS: u64 = 60_000;

/// Remembered between deliveries, because the 500 of a throttled request does not say what it is.
const EXHAUSTED: &str = "exhausted";

/// One Krayin, for one call of the connector.
pub struct Client {
    site: String,
    /// What the last answer said is left of the minute.
    remaining: Cell<Option<u32>>,
}

impl Client {
    /// The Krayin of a connection.
    pub fn new(connection: &Connection) -> Result<Self, Failure> {
        let given = connection.base_url.as_deref().unwrap_or_default();
        let site = site(given).ok_or_else(|| {
            Failure::new(
                FailureKind::Configuration,
                format!("`{given}` is no address of a Krayin: give it as https://crm.example.com"),
            )
        })?;
        Ok(Self {
            site,
            remaining: Cell::new(None),
        })
    }

    /// A request that reads `path` of the API.
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// A request that creates at `path` of the API.
    pub fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    /// A request that updates `path` of the API.
    pub fn put(&self, path: &str) -> Request {
        self.request("PUT", path)
    }

    /// A page of the admin, for people.
    pub fn page(&self, path: &str) -> String {
        format!("{}/admin/{path}", self.site)
    }

    fn request(&self, method: &str, path: &str) -> Request {
        // Without this header Krayin answers errors with redirects and with web pages of status 200.
        Request::new(method, format!("{}/api/v1/{path}", self.site))
            .header("accept", "application/json")
    }

    /// Sends a request and reads the JSON that comes back.
    pub fn send(&self, request: &Request) -> Result<Value, Error> {
        let response = self.exchange(request)?;
        match judge(&response, &request.url) {
            Judgement::Answer(value) => Ok(value),
            Judgement::Error(error) => {
                if response.is_success() {
                    doubt(request);
                }
                Err(error)
            }
            Judgement::Ambiguous => Err(self.probe()),
        }
    }

    /// Whether a list of the API holds a record: for those whose own address answers 500 where nothing is.
    pub fn holds(&self, list: &str, id: &str) -> Result<bool, Error> {
        let answer = self.send(&self.get(list).query("id", id).query("limit", "1"))?;
        let records: Vec<Named> = model::data(answer)?;
        Ok(records.iter().any(|record| record.id == id))
    }

    /// Who the token belongs to: the cheapest request that needs one.
    pub fn whoami(&self) -> Result<Value, Error> {
        let request = self.get("get");
        let response = self.exchange(&request)?;
        match judge(&response, &request.url) {
            Judgement::Answer(value) => Ok(value),
            Judgement::Error(error) => Err(error),
            Judgement::Ambiguous => Err(self.refused()),
        }
    }

    /// A bare 500 is a refused token, a used-up limit or a fault of Krayin: asking for the token's owner tells.
    fn probe(&self) -> Error {
        match self.whoami() {
            Ok(_) => Error::Broken(
                "Krayin answered 500 although the token is accepted: its log in storage/logs says why".to_owned(),
            ),
            Err(error) => error,
        }
    }

    /// Krayin says the same to a refused token and to the 61st request of a minute; its earlier answers tell them apart.
    fn refused(&self) -> Error {
        if self.remaining.get() == Some(0) || cache::get(EXHAUSTED).is_some() {
            Error::Throttled(WINDOW_MS)
        } else {
            Error::Rejected
        }
    }

    fn exchange(&self, request: &Request) -> Result<Response, Error> {
        let response = request.send()?;
        if response.is_replayed {
            return Ok(response);
        }
        if let Some(remaining) = rate_limit(&response) {
            self.remaining.set(Some(remaining));
            if remaining == 0 {
                cache::put(EXHAUSTED, &Value::Bool(true), WINDOW_MS);
                http::report_budget("requests", None, Some(0), Some(WINDOW_MS));
            }
        }
        Ok(response)
    }
}

enum Judgement {
    Answer(Value),
    Error(Error),
    /// A 500 that says nothing.
    Ambiguous,
}

/// What an answer means. The one place where a status becomes a decision.
fn judge(response: &Response, url: &str) -> Judgement {
    let json = response.json::<Value>();
    let error = match (response.status, json) {
        (200..=299, Ok(value)) => return Judgement::Answer(value),
        (200..=299, Err(_)) => Error::Misaddressed(format!(
            "{url} answers with a web page instead of JSON ({}): check the base URL, and that the package krayin/rest-api is installed",
            response.start()
        )),
        (300..=399, _) => Error::Misaddressed(format!(
            "{url} redirects to {}: give the base URL as people open it, with https where it is served so; a Krayin before 2.0.4 redirects on every error and must be updated",
            response.header("location").unwrap_or("another address")
        )),
        (401, _) => Error::Auth,
        (403, _) => Error::Permission,
        (404, Ok(_)) => Error::NotFound(url.to_owned()),
        (404 | 405, _) => Error::Misaddressed(format!(
            "{url} is no address of Krayin's REST API ({} {}): check the base URL, and that the package krayin/rest-api is installed",
            response.status,
            response.start()
        )),
        (400 | 422, Ok(value)) => invalid(&value),
        (429, _) => Error::Throttled(retry_after(response)),
        // An answer that carries the limit's headers came from behind the token check: Krayin could not do it.
        (500, Ok(_)) if rate_limit(response).is_none() => return Judgement::Ambiguous,
        (500, Ok(value)) => Error::Broken(format!(
            "Krayin answered 500 to this request ({}): its log in storage/logs says why",
            value["message"].as_str().unwrap_or("without a reason")
        )),
        (status, _) => Error::Broken(format!("Krayin answered {status}: {}", response.start())),
    };
    Judgement::Error(error)
}

fn invalid(answer: &Value) -> Error {
    let fields = answer["errors"].as_object().into_iter().flatten();
    Error::Invalid {
        message: answer["message"]
            .as_str()
            .unwrap_or("the values are not valid")
            .trim_end_matches('.')
            .to_owned(),
        fields: fields
            .map(|(field, problems)| {
                let problems = problems.as_array().into_iter().flatten();
                let text: Vec<&str> = problems.filter_map(Value::as_str).collect();
                (field.clone(), text.join(" "))
            })
            .collect(),
    }
}

/// A write that was answered with something that is not Krayin's: 200, and still nobody knows.
fn doubt(request: &Request) {
    match &request.effect {
        Effect::Read => {}
        Effect::Set(key) => http::conclude(key, Verdict::Unknown),
        Effect::Once(keys) => {
            for key in keys {
                http::conclude(key, Verdict::Unknown);
            }
        }
    }
}

fn rate_limit(response: &Response) -> Option<u32> {
    response
        .header("x-ratelimit-remaining")?
        .trim()
        .parse()
        .ok()
}

fn retry_after(response: &Response) -> u64 {
    response
        .header("retry-after")
        .and_then(|seconds| seconds.trim().parse::<u64>().ok())
        .map_or(WINDOW_MS, |seconds| seconds.saturating_mul(1000))
}

/// Where a Krayin is, from whatever people paste: `https://crm.example.com/admin/login` is `https://crm.example.com`.
///
/// Everything from the first `api` or `admin` of the path on is left off; a folder before it stays. Without a scheme it is
/// https. `None` where there is no host.
pub fn site(pasted: &str) -> Option<String> {
    let pasted = pasted.trim();
    let (scheme, rest) = match pasted.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("https".to_owned(), pasted),
    };
    if scheme != "https" && scheme != "http" {
        return None;
    }
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let mut segments = rest.split('/');
    let host = segments.next().filter(|host| !host.is_empty())?;
    let folders = segments
        .take_while(|segment| !matches!(segment.to_ascii_lowercase().as_str(), "api" | "admin"))
        .filter(|segment| !segment.is_empty() && *segment != "index.php");
    let mut site = format!("{scheme}://{}", host.to_ascii_lowercase());
    for folder in folders {
        site.push('/');
        site.push_str(folder);
    }
    Some(site)
}

#[cfg(test)]
mod tests {
    use super::site;

    #[track_caller]
    fn check(pasted: &str, expect: Option<&str>) {
        assert_eq!(site(pasted).as_deref(), expect, "{pasted}");
    }

    #[test]
    fn a_base_url_may_be_given_in_any_form_that_people_paste() {
        for pasted in [
            "https://crm.example.com",
            "https://crm.example.com/",
            " https://CRM.example.com// ",
            "HTTPS://crm.example.com/api/v1",
            "https://crm.example.com/api/v1/",
            "https://crm.example.com/api/v1/leads?page=2",
            "https://crm.example.com/api/admin",
            "https://crm.example.com/api/documentation",
            "https://crm.example.com/admin",
            "https://crm.example.com/admin/login",
            "https://crm.example.com/index.php/admin#top",
            "crm.example.com",
            "crm.example.com/admin",
        ] {
            check(pasted, Some("https://crm.example.com"));
        }
    }

    #[test]
    fn a_folder_and_a_port_stay() {
        check(
            "http://127.0.0.1:8080/crm/public/api/v1",
            Some("http://127.0.0.1:8080/crm/public"),
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        check("", None);
        check("https://", None);
        check("ftp://crm.example.com", None);
    }
}
