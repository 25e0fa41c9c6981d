//! A small Krayin 2.1 in memory, with the traps that the connector must not fall into.

mod persons;

use gladhand_sdk::http::{Error, Request};
use gladhand_sdk::testing::{self, Answer};
use serde_json::{Map, Value, json};

pub const SITE: &str = "https://crm.example.com";

/// What happens to the next write of a kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing arrives, and that is known.
    Unreachable,
    /// Nothing is written, and nothing is answered.
    TimeoutBefore,
    /// It is written, and nothing is answered.
    TimeoutAfter,
    /// It is written, and answered with 500.
    ErrorAfter,
    /// Answered with a web page of status 200.
    WebPage,
}

/// The whole CRM.
#[derive(Debug, Default)]
pub struct Crm {
    pub persons: Vec<Value>,
    pub organizations: Vec<Value>,
    pub leads: Vec<Value>,
    pub activities: Vec<Value>,
    pub fault: Option<(&'static str, Fault)>,
    /// The whole answer to everything.
    pub always: Option<fn() -> Answer>,
    pub token_is_dead: bool,
    /// Requests that are still let through.
    pub left: Option<u32>,
    pub permission: Option<&'static str>,
    next_id: u64,
}

impl Crm {
    fn table(&mut self, kind: &str) -> &mut Vec<Value> {
        match kind {
            "persons" => &mut self.persons,
            "organizations" => &mut self.organizations,
            "leads" => &mut self.leads,
            _ => &mut self.activities,
        }
    }

    pub fn insert(&mut self, kind: &str, mut record: Value) -> u64 {
        self.next_id += 1;
        record["id"] = json!(self.next_id);
        let id = self.next_id;
        self.table(kind).push(record);
        id
    }

    pub fn answer(&mut self, request: &Request) -> Answer {
        if let Some(answer) = self.always {
            return answer();
        }
        let path = request
            .url
            .strip_prefix(&format!("{SITE}/api/v1/"))
            .unwrap_or_else(|| panic!("{} is not of the REST API", request.url));
        let accepts = request
            .headers
            .iter()
            .any(|(name, value)| name == "accept" && value == "application/json");
        assert!(
            accepts,
            "without `accept` Krayin answers errors with web pages"
        );
        if self.token_is_dead || self.left == Some(0) {
            return testing::json(
                500,
                &json!({"message": "admin::app.common.internal-server-error"}),
            );
        }
        self.left = self.left.map(|left| left - 1);
        let answer = self.write_or_read(request, path);
        let left = self.left.unwrap_or(59).to_string();
        answer.map(|mut response| {
            response
                .headers
                .push(("X-RateLimit-Remaining".into(), left));
            response
        })
    }

    fn write_or_read(&mut self, request: &Request, path: &str) -> Answer {
        let is_write = request.method != "GET";
        let fault = match self.fault {
            Some((on, fault)) if is_write && path.starts_with(on) => {
                self.fault = None;
                Some(fault)
            }
            _ => None,
        };
        match fault {
            Some(Fault::Unreachable) => return Err(Error::Unreachable("no route".into())),
            Some(Fault::TimeoutBefore) => return Err(Error::Timeout),
            Some(Fault::WebPage) => return testing::html(200, "<!DOCTYPE html><title>500</title>"),
            _ => {}
        }
        let answer = if is_write {
            let body = testing::body(request);
            let body = body.as_object().expect("bodies are objects");
            self.write(&request.method, path, body)
        } else {
            self.read(path, &request.query)
        };
        match fault {
            Some(Fault::TimeoutAfter) => Err(Error::Timeout),
            Some(Fault::ErrorAfter) => broken(),
            _ => answer,
        }
    }

    fn read(&self, path: &str, query: &[(String, String)]) -> Answer {
        let parameter = |name: &str| {
            let value = query.iter().find(|(own, _)| own == name);
            value.map_or("", |(_, value)| value.as_str())
        };
        match path {
            "get" => ok(&json!({"id": 1, "view_permission": self.permission.unwrap_or("global")})),
            "settings/pipelines" => ok(&pipelines()),
            "settings/sources" => {
                ok(&json!([{"id": 2, "name": "Web"}, {"id": 1, "name": "Email"}]))
            }
            "settings/types" => ok(
                &json!([{"id": 2, "name": "Existing Business"}, {"id": 1, "name": "New Business"}]),
            ),
            "settings/users" => {
                ok(&json!([{"id": 1, "name": "Example", "email": "admin@example.com"}]))
            }
            "contacts/persons/search" => {
                let (field, part) = parameter("search").split_once(':').expect("field:value");
                // By bytes, in the stored JSON.
                ok(&matching(&self.persons, |person| {
                    person[field].to_string().contains(part)
                }))
            }
            "settings/attributes/lookup/organizations" => {
                let part = parameter("query").to_lowercase();
                ok(&matching(&self.organizations, |organization| {
                    organization["name"]
                        .as_str()
                        .is_some_and(|name| name.to_lowercase().contains(&part))
                }))
            }
            "settings/attributes/lookup-entity/persons" => {
                let found = self
                    .persons
                    .iter()
                    .find(|person| is(person, parameter("query")));
                testing::json(200, found.unwrap_or(&json!({})))
            }
            "contacts/organizations" => ok(&filtered(&self.organizations, query)),
            "contacts/persons" => ok(&filtered(&self.persons, query)),
            "activities" => ok(&filtered(&self.activities, query)),
            "leads" => ok(&filtered(&self.leads, query)),
            path => match path.strip_prefix("leads/") {
                Some(id) => match self.leads.iter().find(|lead| is(lead, id)) {
                    Some(lead) => ok(lead),
                    None => missing(),
                },
                None => panic!("GET {path} is not expected"),
            },
        }
    }

    fn write(&mut self, method: &str, path: &str, body: &Map<String, Value>) -> Answer {
        let segments: Vec<&str> = path.split('/').collect();
        match (method, segments.as_slice()) {
            ("POST", ["contacts", "persons"]) => self.write_person(None, body),
            ("PUT", ["contacts", "persons", id]) => self.write_person(Some(id), body),
            ("POST", ["contacts", "organizations"]) => {
                let taken = self
                    .organizations
                    .iter()
                    .any(|own| own["name"] == body["name"]);
                if taken {
                    refused("name")
                } else {
                    self.create("organizations", body)
                }
            }
            ("POST", ["leads"]) => {
                let mut lead = body.clone();
                assert!(
                    lead.contains_key("lead_pipeline_stage_id"),
                    "answers 500 without it"
                );
                let person = &lead["person"]["id"];
                if !self.persons.iter().any(|own| own["id"] == *person) {
                    return missing();
                }
                // The filter is on the column, which the answer does not show.
                lead.insert("person_id".into(), person.clone());
                self.create("leads", &lead)
            }
            ("PUT", ["leads", "stage", "edit", id]) => self.change("leads", id, body),
            ("POST", ["activities"]) => {
                if body["type"] != "note" {
                    assert!(body.contains_key("schedule_from") && body.contains_key("schedule_to"));
                }
                assert!(
                    !body.contains_key("person_id"),
                    "lead_id wins, person_id is lost"
                );
                self.create("activities", body)
            }
            ("PUT", ["activities", id]) => self.change("activities", id, body),
            _ => panic!("{method} {path} is not expected"),
        }
    }

    fn create(&mut self, kind: &str, body: &Map<String, Value>) -> Answer {
        let id = self.insert(kind, Value::Object(body.clone()));
        ok(&json!({"id": id}))
    }

    fn change(&mut self, kind: &str, id: &str, body: &Map<String, Value>) -> Answer {
        match self.table(kind).iter_mut().find(|own| is(own, id)) {
            Some(record) => {
                merge(record, body);
                ok(&record.clone())
            }
            None => missing(),
        }
    }
}

fn is(record: &Value, id: &str) -> bool {
    record["id"].as_u64() == id.parse().ok()
}

fn merge(record: &mut Value, body: &Map<String, Value>) {
    for (field, value) in body {
        record[field] = value.clone();
    }
}

/// `WHERE column IN (…)`, split at commas.
fn filtered(table: &[Value], query: &[(String, String)]) -> Value {
    matching(table, |record| {
        query
            .iter()
            .filter(|(column, _)| !["pagination", "limit"].contains(&column.as_str()))
            .all(|(column, values)| {
                let own = match &record[column] {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                values.split(',').any(|value| value == own)
            })
    })
}

fn matching(table: &[Value], is: impl Fn(&Value) -> bool) -> Value {
    table.iter().filter(|record| is(record)).cloned().collect()
}

fn pipelines() -> Value {
    let stages = ["New", "Follow Up", "Prospect", "Negotiation", "Won", "Lost"];
    let stages: Vec<Value> = stages
        .iter()
        .zip(1..)
        .map(|(name, id)| json!({"id": id, "code": name.to_lowercase().replace(' ', "-"), "name": name}))
        .collect();
    json!([{"id": 1, "name": "Default Pipeline", "is_default": 1, "stages": stages}])
}

fn ok(data: &Value) -> Answer {
    testing::json(200, &json!({"data": data}))
}

fn refused(field: &str) -> Answer {
    let problem = "The value has already been taken.";
    testing::json(
        422,
        &json!({"message": problem, "errors": {field: [problem]}}),
    )
}

fn missing() -> Answer {
    testing::json(
        404,
        &json!({"message": "admin::app.common.resource-not-found"}),
    )
}

fn broken() -> Answer {
    testing::json(
        500,
        &json!({"message": "admin::app.common.internal-server-error"}),
    )
}
