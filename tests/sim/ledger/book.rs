//! The records: made, changed, found. Pure; time comes in with each call.

use std::time::Duration;

use gladhand_core::clock::Timestamp;
use serde_json::{Map, Value, json};

/// A kind of record: its path, its fields, the one of them (the first that is filled) that tells one thing from another,
/// and the field that refers to another kind.
struct Kind {
    path: &'static str,
    fields: &'static [&'static str],
    identity: &'static [&'static str],
    refers: Option<(&'static str, &'static str)>,
}

const KINDS: [Kind; 4] = [
    Kind {
        path: "people",
        fields: &["name", "email", "phone", "company"],
        identity: &["email", "phone"],
        refers: Some(("company", "companies")),
    },
    Kind {
        path: "companies",
        fields: &["name"],
        identity: &["name"],
        refers: None,
    },
    Kind {
        path: "deals",
        fields: &["title", "person", "stage", "reference"],
        identity: &["reference"],
        refers: Some(("person", "people")),
    },
    Kind {
        path: "notes",
        fields: &["deal", "text", "reference"],
        identity: &["reference"],
        refers: Some(("deal", "deals")),
    },
];

/// The pipeline: (id, name).
const STAGES: [(&str, &str); 3] = [("s1", "New"), ("s2", "Talking"), ("s3", "Done")];

/// A record as compared: without its id, references by what they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The kind's path, such as `people`.
    pub object: String,
    /// What tells it from others of its kind: two rows with one identity are a duplicate.
    pub identity: String,
    /// Its fields as JSON.
    pub fields: String,
}

/// Everything that the CRM holds.
#[derive(Debug, Default)]
pub struct Book {
    /// For how long searches do not find a new record.
    pub search_lag: Duration,
    records: Vec<Record>,
}

/// Why a request changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such kind or record.
    #[error("there is no {0}")]
    NotFound(String),
    /// The body does not fit the kind.
    #[error("{0}")]
    Invalid(String),
}

#[derive(Debug)]
struct Record {
    kind: &'static str,
    id: String,
    fields: Map<String, Value>,
    made_at: Timestamp,
}

impl Book {
    /// The records of a kind of which every named field has the value asked for.
    pub fn find(
        &self,
        path: &str,
        asked: &[(String, String)],
        now: Timestamp,
    ) -> Result<Value, Error> {
        if path == "stages" {
            return Ok(STAGES
                .iter()
                .map(|(id, name)| json!({ "id": id, "name": name }))
                .collect());
        }
        let kind = kind(path)?;
        let has = |record: &Record, (field, value): &(String, String)| {
            record.fields.get(field).and_then(Value::as_str) == Some(value)
        };
        let found = self
            .of(kind.path)
            .filter(|record| record.made_at.after(self.search_lag) <= now)
            .filter(|record| asked.iter().all(|asked| has(record, asked)));
        Ok(found.map(Record::json).collect())
    }

    /// Makes a record, whether or not there is one like it.
    pub fn make(&mut self, path: &str, body: &Value, now: Timestamp) -> Result<Value, Error> {
        let kind = kind(path)?;
        let record = Record {
            kind: kind.path,
            id: format!("{}{}", &kind.path[..1], self.of(kind.path).count() + 1),
            fields: self.checked(kind, body)?,
            made_at: now,
        };
        let answer = record.json();
        self.records.push(record);
        Ok(answer)
    }

    /// Replaces the fields that the body names.
    pub fn change(&mut self, path: &str, id: &str, body: &Value) -> Result<Value, Error> {
        let kind = kind(path)?;
        let fields = self.checked(kind, body)?;
        let record = self
            .records
            .iter_mut()
            .find(|record| record.kind == kind.path && record.id == id)
            .ok_or_else(|| Error::NotFound(format!("{path}/{id}")))?;
        record.fields.extend(fields);
        Ok(record.json())
    }

    /// Everything, in the order in which it was made.
    pub fn rows(&self) -> Vec<Row> {
        self.records
            .iter()
            .map(|record| {
                let mut fields = record.fields.clone();
                if let Some((field, path)) = find_kind(record.kind).and_then(|kind| kind.refers)
                    && let Some(named) = fields.get(field).and_then(|id| self.named(path, id))
                {
                    fields.insert(field.to_owned(), named.into());
                }
                Row {
                    object: record.kind.to_owned(),
                    identity: record.identity(),
                    fields: Value::Object(fields).to_string(),
                }
            })
            .collect()
    }

    fn of(&self, path: &str) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(move |record| record.kind == path)
    }

    fn named(&self, path: &str, id: &Value) -> Option<String> {
        let id = id.as_str()?;
        let record = self.of(path).find(|record| record.id == id)?;
        Some(record.identity())
    }

    fn checked(&self, kind: &Kind, body: &Value) -> Result<Map<String, Value>, Error> {
        let Value::Object(fields) = body else {
            return Err(Error::Invalid("the body is no JSON object".to_owned()));
        };
        if let Some(unknown) = fields
            .keys()
            .find(|name| !kind.fields.contains(&name.as_str()))
        {
            return Err(Error::Invalid(format!("{} have no {unknown}", kind.path)));
        }
        if let Some((field, path)) = kind.refers
            && let Some(id) = fields.get(field).filter(|id| !id.is_null())
            && self.named(path, id).is_none()
        {
            return Err(Error::Invalid(format!("{field} {id} is not in {path}")));
        }
        Ok(fields.clone())
    }
}

impl Record {
    fn json(&self) -> Value {
        let mut fields = self.fields.clone();
        fields.insert("id".to_owned(), self.id.clone().into());
        Value::Object(fields)
    }

    fn identity(&self) -> String {
        let names = find_kind(self.kind).map_or(&[][..], |kind| kind.identity);
        names
            .iter()
            .find_map(|name| self.fields.get(*name)?.as_str())
            .unwrap_or("nothing")
            .to_owned()
    }
}

fn find_kind(path: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.path == path)
}

fn kind(path: &str) -> Result<&'static Kind, Error> {
    find_kind(path).ok_or_else(|| Error::NotFound(format!("{path:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_records_of_one_identity_are_told_by_their_rows() {
        let mut book = Book::default();
        for name in ["Jane", "Jane Doe"] {
            let body = json!({ "name": name, "email": "jane@doe.example" });
            book.make("people", &body, Timestamp(0)).unwrap();
        }
        let identities: Vec<_> = book.rows().into_iter().map(|row| row.identity).collect();
        assert_eq!(identities, ["jane@doe.example", "jane@doe.example"]);
    }

    #[test]
    fn a_new_record_is_not_found_before_the_lag_is_over() {
        let mut book = Book {
            search_lag: Duration::from_secs(30),
            ..Book::default()
        };
        book.make("companies", &json!({ "name": "Acme" }), Timestamp(0))
            .unwrap();
        let asked = [("name".to_owned(), "Acme".to_owned())];
        let found = |now| book.find("companies", &asked, Timestamp(now)).unwrap();
        assert_eq!(found(29_999), json!([]));
        assert_eq!(found(30_000), json!([{ "id": "c1", "name": "Acme" }]));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_reason() {
        let mut book = Book::default();
        let mut refused = |path, body| {
            book.make(path, &body, Timestamp(0))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused("deals", json!({ "person": "p9" })),
            "person \"p9\" is not in people"
        );
        assert_eq!(
            refused("notes", json!({ "colour": 1 })),
            "notes have no colour"
        );
        assert_eq!(refused("leads", json!({})), "there is no \"leads\"");
    }
}
