//! How this Krayin writes a person: what it demands, refuses and quietly wipes.

use gladhand_sdk::testing::Answer;
use serde_json::{Map, Value, json};

use super::{Crm, broken, is, merge, missing, ok, refused};

impl Crm {
    pub fn write_person(&mut self, id: Option<&str>, body: &Map<String, Value>) -> Answer {
        for (list, required) in [("emails", true), ("contact_numbers", false)] {
            let entries = body
                .get(list)
                .and_then(Value::as_array)
                .expect("answers 500 without the key");
            assert!(
                !entries.is_empty(),
                "`{list}: []` is refused or answers 500"
            );
            for entry in entries {
                assert!(entry["label"].is_string() && entry["value"].is_string());
                assert!(
                    !required || entry["value"] != "",
                    "a blank address is refused"
                );
                let is_taken = self.persons.iter().any(|own| {
                    let others = own[list].as_array().into_iter().flatten();
                    !id.is_some_and(|id| is(own, id))
                        && entry["value"] != ""
                        && others
                            .into_iter()
                            .any(|other| other["value"] == entry["value"])
                });
                if is_taken {
                    return refused(&format!("{list}.0.value"));
                }
            }
        }
        let organization = &body.get("organization_id").cloned().unwrap_or_default();
        let is_there = self
            .organizations
            .iter()
            .any(|own| own["id"] == *organization);
        if !organization.is_null() && !is_there {
            return broken();
        }
        let Some(id) = id else {
            return self.create("persons", body);
        };
        let Some(person) = self.persons.iter_mut().find(|own| is(own, id)) else {
            return missing();
        };
        // What a PUT does not name: the owner is wiped and flags fall back, the rest stays.
        person["user_id"] = Value::Null;
        for value in person.as_object_mut().expect("an object").values_mut() {
            if value.is_boolean() {
                *value = json!(false);
            }
        }
        merge(person, body);
        ok(&person.clone())
    }
}
