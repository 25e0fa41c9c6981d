//! A configuration before anybody knows what it means: a tree in which each value knows where it was written.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The compiled-in defaults.
    Defaults,
    /// A file.
    File {
        /// As it was named.
        path: Arc<str>,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
    /// `--set KEY=…`
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defaults => f.write_str("the defaults"),
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(key) => write!(f, "--set {key}"),
        }
    }
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub struct Node {
    /// Of the value.
    pub origin: Origin,
    /// What was written.
    pub value: Value,
}

impl Node {
    /// Whatever was written, as JSON; fails with the place of a number that JSON does not have.
    pub fn into_json(self) -> Result<serde_json::Value, Origin> {
        let Self { origin, value } = self;
        Ok(match value {
            Value::Text(text) | Value::Raw(text) => text.into(),
            Value::Integer(integer) => integer.into(),
            Value::Float(float) => serde_json::Number::from_f64(float).ok_or(origin)?.into(),
            Value::Boolean(flag) => flag.into(),
            Value::List(nodes) => {
                let nodes = nodes.into_iter().map(Self::into_json);
                nodes.collect::<Result<Vec<_>, _>>()?.into()
            }
            Value::Table(table) => {
                let fields = table.into_iter();
                let fields = fields.map(|(key, (_, node))| Ok((key, node.into_json()?)));
                serde_json::Value::Object(fields.collect::<Result<_, Origin>>()?)
            }
        })
    }
}

/// What can be written.
#[derive(Debug, Clone)]
pub enum Value {
    /// In quotes.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// true, false
    Boolean(bool),
    /// `[…]` or `[[…]]`
    List(Vec<Node>),
    /// `{…}` or `[…]` on a line of its own.
    Table(Table),
    /// From the environment or a flag, where nothing says which type is meant.
    Raw(String),
}

impl Value {
    /// For "must be …, not a …".
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Raw(_) => "text",
            Self::Integer(_) => "a number",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Keys with where they were written, and their values.
pub type Table = BTreeMap<String, (Origin, Node)>;

/// Reads TOML. `path` is `None` for the defaults.
pub fn parse(path: Option<&str>, text: &str) -> Result<Table, Vec<Problem>> {
    let reader = Reader {
        path: path.map(Arc::from),
        text,
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return reader.table(document.get_ref());
    }
    let problem = |error: &toml::de::Error| {
        Problem::new(
            reader.origin(&error.span().unwrap_or_default()),
            error.message(),
        )
    };
    Err(errors.iter().map(problem).collect())
}

/// Lays `over` on `base`: tables are joined, everything else is replaced.
pub fn overlay(base: &mut Table, over: Table) {
    for (key, (key_origin, node)) in over {
        if let Some((
            _,
            Node {
                value: Value::Table(below),
                ..
            },
        )) = base.get_mut(&key)
            && let Value::Table(above) = node.value
        {
            overlay(below, above);
        } else {
            base.insert(key, (key_origin, node));
        }
    }
}

/// A table that holds one value at `path`.
pub fn at_path(path: &[String], origin: &Origin, text: &str) -> Table {
    let Some((first, rest)) = path.split_first() else {
        return Table::new();
    };
    let value = if rest.is_empty() {
        Value::Raw(text.to_owned())
    } else {
        Value::Table(at_path(rest, origin, text))
    };
    Table::from([(
        first.clone(),
        (
            origin.clone(),
            Node {
                origin: origin.clone(),
                value,
            },
        ),
    )])
}

struct Reader<'a> {
    path: Option<Arc<str>>,
    text: &'a str,
}

impl Reader<'_> {
    fn table(&self, table: &DeTable<'_>) -> Result<Table, Vec<Problem>> {
        let mut read = Table::new();
        let mut problems = Vec::new();
        for (key, value) in table {
            match self.node(value) {
                Ok(node) => {
                    read.insert(key.get_ref().to_string(), (self.origin(&key.span()), node));
                }
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() {
            Ok(read)
        } else {
            Err(problems)
        }
    }

    fn node(&self, spanned: &Spanned<DeValue<'_>>) -> Result<Node, Vec<Problem>> {
        let origin = self.origin(&spanned.span());
        let value = match spanned.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(integer) => {
                match i64::from_str_radix(integer.as_str(), integer.radix()) {
                    Ok(integer) => Value::Integer(integer),
                    Err(_) => {
                        return Err(vec![Problem::new(
                            origin,
                            "this number is larger than any setting",
                        )]);
                    }
                }
            }
            DeValue::Float(float) => match float.as_str().parse() {
                Ok(float) => Value::Float(float),
                Err(_) => return Err(vec![Problem::new(origin, "this is no number")]),
            },
            DeValue::Boolean(flag) => Value::Boolean(*flag),
            DeValue::Datetime(datetime) => Value::Text(datetime.to_string()),
            DeValue::Array(array) => Value::List(
                array
                    .iter()
                    .map(|node| self.node(node))
                    .collect::<Result<_, _>>()?,
            ),
            DeValue::Table(table) => Value::Table(self.table(table)?),
        };
        Ok(Node { origin, value })
    }

    fn origin(&self, span: &Range<usize>) -> Origin {
        let Some(path) = &self.path else {
            return Origin::Defaults;
        };
        let before = &self.text[..self.text.floor_char_boundary(span.start)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            path: path.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}
