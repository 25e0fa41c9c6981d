//! Reads one table of a configuration: asks for keys by name and type, and reports everything that does not fit.
//!
//! What cannot be read is reported and then absent; a configuration with problems is never used.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::str::FromStr;

use super::node::{Node, Origin, Table, Value};
use super::problem::{Problem, suggest};
use super::secret::Secret;

/// What was found wrong so far.
#[derive(Debug, Default)]
pub struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    /// Reports one.
    pub fn add(&self, origin: &Origin, message: impl Into<String>) {
        self.0
            .borrow_mut()
            .push(Problem::new(origin.clone(), message));
    }

    /// All, in the order of their places.
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort();
        problems
    }
}

/// A table that is being read. Dropping it unfinished would lose its unknown keys: `finish` takes it.
#[must_use]
pub struct Section<'a> {
    /// `[server]`, `[[source]]`
    name: &'static str,
    origin: Origin,
    table: Table,
    known: Vec<&'static str>,
    /// Where the values of the keys were written that were asked for.
    places: BTreeMap<&'static str, Origin>,
    problems: &'a Problems,
}

impl<'a> Section<'a> {
    /// The table at the root.
    pub fn root(table: Table, problems: &'a Problems) -> Self {
        Self {
            name: "the configuration",
            origin: Origin::Defaults,
            table,
            known: Vec::new(),
            places: BTreeMap::new(),
            problems,
        }
    }

    /// Where it begins.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Text that is not empty.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let Node { origin, value } = self.take(key)?;
        match value {
            Value::Text(text) | Value::Raw(text) if text.is_empty() => {
                self.problems
                    .add(&origin, format!("`{key}` in {} is empty", self.name));
                None
            }
            Value::Text(text) | Value::Raw(text) => Some(text),
            other => self.wrong(key, &origin, "text", &other),
        }
    }

    /// Text that must be there.
    pub fn required_text(&mut self, key: &'static str) -> Option<String> {
        if !self.table.contains_key(key) {
            self.problems
                .add(&self.origin, format!("{} needs `{key}`", self.name));
        }
        self.text(key)
    }

    /// Text that means something; `what` completes "must be …".
    pub fn parsed<T: FromStr>(&mut self, key: &'static str, what: &str) -> Option<T> {
        let parsed = self.text(key)?.parse().ok();
        if parsed.is_none() {
            self.report_at(&[key], &format!("`{key}` in {} must be {what}", self.name));
        }
        parsed
    }

    /// A whole number in the range of its type.
    pub fn integer<T: TryFrom<i64>>(&mut self, key: &'static str) -> Option<T> {
        let Node { origin, value } = self.take(key)?;
        let integer = match &value {
            Value::Integer(integer) => *integer,
            Value::Raw(text) if text.parse::<i64>().is_ok() => text.parse().ok()?,
            other => return self.wrong(key, &origin, "a whole number", other),
        };
        let fitting = T::try_from(integer).ok();
        if fitting.is_none() {
            self.problems.add(
                &origin,
                format!("`{key}` in {} cannot be {integer}", self.name),
            );
        }
        fitting
    }

    /// true or false.
    pub fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let Node { origin, value } = self.take(key)?;
        match &value {
            Value::Boolean(flag) => Some(*flag),
            Value::Raw(text) if text.parse::<bool>().is_ok() => text.parse().ok(),
            other => self.wrong(key, &origin, "true or false", other),
        }
    }

    /// One of the words; what the word stands for.
    pub fn one_of<T: Clone>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, meaning)| meaning.clone());
        if found.is_none() {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let suggestion = suggest(&text, &words);
            self.report_at(
                &[key],
                &format!("`{key}` in {} cannot be `{text}`{suggestion}", self.name),
            );
        }
        found
    }

    /// A list of words, each one of `known`; a flag or a variable separates them by commas.
    pub fn words(
        &mut self,
        key: &'static str,
        known: &[&'static str],
    ) -> Option<Vec<&'static str>> {
        let Node { origin, value } = self.take(key)?;
        let texts: Vec<(Origin, String)> = match value {
            Value::Raw(text) => text
                .split(',')
                .map(|word| (origin.clone(), word.trim().to_owned()))
                .collect(),
            Value::List(nodes) => nodes
                .into_iter()
                .map(|node| match node.value {
                    Value::Text(text) => Some((node.origin, text)),
                    other => self.wrong(key, &node.origin, "a list of words", &other),
                })
                .collect::<Option<_>>()?,
            other => return self.wrong(key, &origin, "a list of words", &other),
        };
        if texts.is_empty() {
            self.problems
                .add(&origin, format!("`{key}` in {} is empty", self.name));
            return None;
        }
        let mut words = Vec::with_capacity(texts.len());
        for (origin, text) in texts {
            let Some(word) = known.iter().find(|word| **word == text) else {
                let suggestion = suggest(&text, known);
                self.problems.add(
                    &origin,
                    format!(
                        "`{key}` in {} cannot hold `{text}`; it holds {}{suggestion}",
                        self.name,
                        known.join(", ")
                    ),
                );
                return None;
            };
            words.push(*word);
        }
        Some(words)
    }

    /// A list of ids, each a number or text.
    pub fn ids(&mut self, key: &'static str) -> Option<Vec<String>> {
        let Node { origin, value } = self.take(key)?;
        let Value::List(nodes) = value else {
            return self.wrong(key, &origin, "a list", &value);
        };
        let mut ids = Vec::with_capacity(nodes.len());
        for Node { origin, value } in nodes {
            match value {
                Value::Integer(id) => ids.push(id.to_string()),
                Value::Text(id) => ids.push(id),
                other => return self.wrong(key, &origin, "a list of numbers or texts", &other),
            }
        }
        Some(ids)
    }

    /// A secret, by reference.
    pub fn secret(&mut self, key: &'static str) -> Option<Secret> {
        let node = self.take(key)?;
        Secret::read(&format!("`{key}` in {}", self.name), node)
            .map_err(|problem| self.problems.0.borrow_mut().push(problem))
            .ok()
    }

    /// Secrets by name.
    pub fn secrets(&mut self, key: &'static str) -> Option<Vec<(String, Secret)>> {
        let Node { origin, value } = self.take(key)?;
        let Value::Table(table) = value else {
            return self.wrong(key, &origin, "a table of secrets", &value);
        };
        let mut secrets = Vec::with_capacity(table.len());
        for (name, (_, node)) in table {
            match Secret::read(&format!("`{key}.{name}` in {}", self.name), node) {
                Ok(secret) => secrets.push((name, secret)),
                Err(problem) => self.problems.0.borrow_mut().push(problem),
            }
        }
        Some(secrets)
    }

    /// Whatever was written, as JSON.
    pub fn json(&mut self, key: &'static str) -> Option<serde_json::Value> {
        let node = self.take(key)?;
        match node.into_json() {
            Ok(json) => Some(json),
            Err(origin) => {
                self.problems.add(
                    &origin,
                    format!("a number in `{key}` of {} is not finite", self.name),
                );
                None
            }
        }
    }

    /// A table in it; an empty one where there is none.
    pub fn section(&mut self, key: &'static str, name: &'static str) -> Section<'a> {
        let (origin, table) = match self.take(key) {
            Some(Node {
                origin,
                value: Value::Table(table),
            }) => (origin, table),
            Some(Node { origin, value }) => {
                self.problems.add(
                    &origin,
                    format!("`{key}` must be a table, {name}, not {}", value.kind()),
                );
                (origin, Table::new())
            }
            None => (self.origin.clone(), Table::new()),
        };
        Section {
            name,
            origin,
            table,
            known: Vec::new(),
            places: BTreeMap::new(),
            problems: self.problems,
        }
    }

    /// The tables of a list.
    pub fn sections(&mut self, key: &'static str, name: &'static str) -> Vec<Section<'a>> {
        let nodes = match self.take(key) {
            Some(Node {
                value: Value::List(nodes),
                ..
            }) => nodes,
            Some(Node { origin, value }) => {
                self.problems.add(
                    &origin,
                    format!("`{key}` must be written as {name}, not as {}", value.kind()),
                );
                return Vec::new();
            }
            None => return Vec::new(),
        };
        let mut sections = Vec::with_capacity(nodes.len());
        for Node { origin, value } in nodes {
            match value {
                Value::Table(table) => {
                    sections.push(Section {
                        name,
                        origin,
                        table,
                        known: Vec::new(),
                        places: BTreeMap::new(),
                        problems: self.problems,
                    });
                }
                other => self.problems.add(
                    &origin,
                    format!(
                        "`{key}` must be written as {name}, not as a list of {}",
                        other.kind()
                    ),
                ),
            }
        }
        sections
    }

    /// Reports something about the table as a whole.
    pub fn report(&self, message: &str) {
        self.problems.add(&self.origin, message);
    }

    /// Reports something about keys that were asked for, at the first of them that somebody wrote.
    pub fn report_at(&self, keys: &[&'static str], message: &str) {
        let mut places = keys.iter().filter_map(|key| self.places.get(key));
        let written = places.find(|origin| **origin != Origin::Defaults);
        self.problems.add(written.unwrap_or(&self.origin), message);
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self) {
        for (key, (origin, _)) in &self.table {
            let suggestion = suggest(key, &self.known);
            self.problems.add(
                origin,
                format!("unknown key `{key}` in {}{suggestion}", self.name),
            );
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let (_, node) = self.table.remove(key)?;
        self.places.insert(key, node.origin.clone());
        Some(node)
    }

    fn wrong<T>(&self, key: &str, origin: &Origin, expected: &str, found: &Value) -> Option<T> {
        let found = found.kind();
        self.problems.add(
            origin,
            format!("`{key}` in {} must be {expected}, not {found}", self.name),
        );
        None
    }
}
