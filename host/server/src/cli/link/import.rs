//! Links as files hold them: exports, and the text in which other integrations keep ids. Pure; knows no provider.

use std::collections::{BTreeMap, HashMap};

use gladhand_core::attempt::Entity;
use serde::Deserialize;
use serde_json::Map;

use crate::admin::NewLink;
use crate::admin::links::NewRecord;

/// So many problems are told: a file of the wrong kind is wrong in every line.
const PROBLEMS: usize = 20;

/// What stands between columns.
const SEPARATORS: [char; 3] = ['\t', ',', ';'];

/// What was read.
#[derive(Debug, Default)]
pub struct Import {
    /// In the order of the file.
    pub links: Vec<NewLink>,
    /// How many ids of which other provider were left out.
    pub others: BTreeMap<String, usize>,
}

/// Why a file was not read: every line that is wrong, with its number.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Unreadable(Vec<String>);

/// A line of JSON in the short form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Short {
    contact: Id,
    external_id: String,
}

/// Sources number their contacts, and programs write numbers without quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(u64),
}

/// Reads a file for a connection of this provider. Nothing of a file with a wrong line is used.
pub fn read(text: &str, provider: &str) -> Result<Import, Unreadable> {
    let mut import = Import::default();
    let mut problems = Vec::new();
    let mut seen = HashMap::new();
    // Spreadsheets begin their files with a mark.
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().enumerate();
    let filled = lines.filter(|(_, line)| !line.trim().is_empty());
    for (position, (index, line)) in filled.enumerate() {
        let number = index + 1;
        let found = if line.trim_start().starts_with('{') {
            import.json(line.trim(), provider)
        } else if position == 0 && is_header(line) {
            continue;
        } else {
            import.columns(line, provider)
        };
        let twins = found.and_then(|links| {
            links.into_iter().try_for_each(|link| {
                let key = (link.entity.clone(), link.link.object.clone());
                let remote_id = link.link.remote_id.clone();
                match seen.insert(key, (number, remote_id.clone())) {
                    Some((earlier, other)) if other != remote_id => Err(format!(
                        "{} `{}` is {} {remote_id} here and {other} in line {earlier}",
                        link.entity.kind, link.entity.id, link.link.object
                    )),
                    Some(_) => Ok(()),
                    None => {
                        import.links.push(NewLink {
                            line: Some(number),
                            ..link
                        });
                        Ok(())
                    }
                }
            })
        });
        if let Err(problem) = twins {
            problems.push(format!("line {number}: {problem}"));
        }
    }
    if problems.len() > PROBLEMS {
        let more = problems.len() - PROBLEMS;
        problems.truncate(PROBLEMS);
        problems.push(format!("and {more} more lines"));
    }
    if !problems.is_empty() {
        return Err(Unreadable(problems));
    }
    Ok(import)
}

impl Import {
    /// A line that is a JSON object, long or short.
    fn json(&mut self, line: &str, provider: &str) -> Result<Vec<NewLink>, String> {
        let object: Map<String, serde_json::Value> = serde_json::from_str(line)
            .map_err(|error| format!("this is no JSON object: {error}"))?;
        let is_short = object.contains_key("external_id");
        let value = serde_json::Value::Object(object);
        if is_short {
            let Short {
                contact,
                external_id,
            } = serde_json::from_value(value).map_err(|error| error.to_string())?;
            let contact = match contact {
                Id::Text(text) => text,
                Id::Number(number) => number.to_string(),
            };
            self.external(&contact, &external_id, provider)
        } else {
            let new = serde_json::from_value(value).map_err(|error| error.to_string())?;
            Ok(vec![new])
        }
    }

    /// `7,PROVIDER:person:41|PROVIDER:lead:12`
    fn columns(&mut self, line: &str, provider: &str) -> Result<Vec<NewLink>, String> {
        let (contact, external_id) = split(line).ok_or(
            "write the contact's id, a comma or a tab, and PROVIDER:OBJECT:ID, several with | between them",
        )?;
        if external_id.contains(SEPARATORS) {
            return Err(
                "a line has two columns, and several PROVIDER:OBJECT:ID have | between them"
                    .to_owned(),
            );
        }
        let links = self.external(contact, external_id, provider)?;
        let remote_ids = links.iter().map(|link| link.link.remote_id.as_str());
        let strange = std::iter::once(contact).chain(remote_ids).find(is_strange);
        match strange {
            Some(id) => Err(format!(
                "the id `{id}` holds a space or a control character; where that is meant, write the line as JSON"
            )),
            None => Ok(links),
        }
    }

    /// `PROVIDER:OBJECT:ID|…`; an id may hold colons itself.
    fn external(
        &mut self,
        contact: &str,
        text: &str,
        provider: &str,
    ) -> Result<Vec<NewLink>, String> {
        if contact.is_empty() {
            return Err("the contact's id is missing".to_owned());
        }
        let mut links = Vec::new();
        for part in text.split('|').map(str::trim) {
            let mut words = part.splitn(3, ':').map(str::trim);
            let found = (words.next(), words.next(), words.next());
            let (Some(of), Some(object), Some(remote_id)) = found else {
                return Err(wrong_part(part));
            };
            if of.is_empty() || object.is_empty() || remote_id.is_empty() {
                return Err(wrong_part(part));
            }
            if of == provider {
                links.push(link_of(contact, object, remote_id));
            } else {
                *self.others.entry(of.to_owned()).or_default() += 1;
            }
        }
        Ok(links)
    }
}

/// What is more than an id as often as not.
fn is_strange(id: &&str) -> bool {
    id.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}

fn wrong_part(part: &str) -> String {
    format!("`{part}` is not of the form PROVIDER:OBJECT:ID")
}

fn link_of(contact: &str, object: &str, remote_id: &str) -> NewLink {
    NewLink {
        entity: Entity {
            kind: "contact".to_owned(),
            id: contact.to_owned(),
        },
        link: NewRecord {
            object: object.to_owned(),
            remote_id: remote_id.to_owned(),
            digest: None,
            revision: None,
            url: None,
            attributes: Map::new(),
        },
        updated_at: None,
        line: None,
    }
}

/// A line of columns whose second names a column: no id is without a colon.
fn is_header(line: &str) -> bool {
    split(line).is_some_and(|(_, external_id)| !external_id.contains(':'))
}

/// The two columns of a line, without the quotes that spreadsheets put around them.
fn split(line: &str) -> Option<(&str, &str)> {
    let (contact, external_id) = line.split_once(SEPARATORS)?;
    Some((unquoted(contact), unquoted(external_id)))
}

fn unquoted(cell: &str) -> &str {
    let cell = cell.trim();
    let inner = cell.strip_prefix('"');
    inner
        .and_then(|inner| inner.strip_suffix('"'))
        .unwrap_or(cell)
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `contact object remote_id` of every link.
    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        let import = read(text, "crm").expect("the file is right");
        let told: Vec<String> = import
            .links
            .iter()
            .map(|new| {
                let Entity { kind, id } = &new.entity;
                format!("{kind} {id} {} {}", new.link.object, new.link.remote_id)
            })
            .collect();
        assert_eq!(told, expect);
    }

    #[track_caller]
    fn check_refused(text: &str, expect: &str) {
        let error = read(text, "crm").expect_err("the file is wrong");
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn every_form_of_a_line_says_the_same() {
        let expect = ["contact 7 person 41", "contact 7 lead 12"];
        check("7,crm:person:41|crm:lead:12\n", &expect);
        check("7\tcrm:person:41 | crm:lead:12", &expect);
        check(
            "\u{feff}id;external\r\n\"7\";\"crm:person:41|crm:lead:12\"\r\n",
            &expect,
        );
        check(
            r#"{"contact": 7, "external_id": "crm:person:41|crm:lead:12"}"#,
            &expect,
        );
        check(
            concat!(
                r#"{"entity": {"kind": "contact", "id": "7"}, "link": {"object": "person", "remote_id": "41"}}"#,
                "\n\n",
                r#"{"entity": {"kind": "contact", "id": "7"}, "link": {"object": "lead", "remote_id": "12"}, "updated_at": 5}"#,
            ),
            &expect,
        );
    }

    #[test]
    fn an_id_may_hold_colons() {
        check("7,crm:person:urn:x:1", &["contact 7 person urn:x:1"]);
    }

    #[test]
    fn a_line_that_is_there_twice_counts_once() {
        check("7,crm:person:1\n7,crm:person:1", &["contact 7 person 1"]);
    }

    #[test]
    fn ids_of_other_providers_are_left_out_and_counted() {
        let import = read("7,crm:person:1|other:contact:2\n8,other:contact:3", "crm");
        let import = import.expect("the file is right");
        assert_eq!(import.links.len(), 1);
        assert_eq!(import.others, BTreeMap::from([("other".to_owned(), 2)]));
    }

    #[test]
    fn every_wrong_line_is_told_with_its_number() {
        check_refused(
            "7,crm:person\n\n,crm:person:1\n8\n{\"contact\": \"9\"}\n{nonsense",
            "line 1: `crm:person` is not of the form PROVIDER:OBJECT:ID\n\
             line 3: the contact's id is missing\n\
             line 4: write the contact's id, a comma or a tab, and PROVIDER:OBJECT:ID, several with | between them\n\
             line 5: unknown field `contact`, expected one of `entity`, `link`, `updated_at`, `line`\n\
             line 6: this is no JSON object: key must be a string at line 1 column 2",
        );
    }

    #[test]
    fn a_line_holds_two_columns_and_ids_without_spaces() {
        check_refused(
            "7,crm:person:41,crm:lead:12\n8;crm:person:4;Jane\n9,crm:person:4 1\n1 0\tcrm:person:5\n11,crm:person:\u{1}6",
            "line 1: a line has two columns, and several PROVIDER:OBJECT:ID have | between them\n\
             line 2: a line has two columns, and several PROVIDER:OBJECT:ID have | between them\n\
             line 3: the id `4 1` holds a space or a control character; where that is meant, write the line as JSON\n\
             line 4: the id `1 0` holds a space or a control character; where that is meant, write the line as JSON\n\
             line 5: the id `\u{1}6` holds a space or a control character; where that is meant, write the line as JSON",
        );
    }

    #[test]
    fn a_contact_is_one_record_of_a_kind() {
        check_refused(
            "7,crm:person:1\n7,crm:person:2",
            "line 2: contact `7` is person 2 here and 1 in line 1",
        );
    }

    #[test]
    fn a_file_of_the_wrong_kind_does_not_fill_the_screen() {
        let error = read(&"nonsense\n".repeat(1_000), "crm").expect_err("the file is wrong");
        let told = error.to_string();
        assert_eq!(told.lines().count(), 21);
        assert!(told.ends_with("and 980 more lines"), "{told}");
    }
}
