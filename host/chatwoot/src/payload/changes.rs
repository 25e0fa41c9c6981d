//! What changed, as Rails tells it: `[{"status": {"previous_value": "open", "current_value": "resolved"}}, …]`.
//!
//! Names columns, also ones that the payload does not carry; times are ISO texts even where the payload has numbers.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::scalar::{Moment, or_empty};

/// The changed columns, in the order of the table.
#[derive(Debug, Default)]
pub(crate) struct Changes(Vec<(String, Change)>);

/// One column before and after.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Change {
    #[serde(default)]
    pub(crate) previous_value: Value,
    #[serde(default)]
    pub(crate) current_value: Value,
}

impl Changes {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Change)> {
        self.0
            .iter()
            .map(|(column, change)| (column.as_str(), change))
    }

    /// When the change was made; the only clock that a contact's event carries.
    pub(crate) fn made_at(&self) -> Option<Moment> {
        let (_, change) = self.iter().find(|(column, _)| *column == "updated_at")?;
        Moment::parse(&change.current_value)
    }

    /// Whether something changed and all of it is one of `columns`.
    pub(crate) fn are_only(&self, columns: &[&str]) -> bool {
        !self.0.is_empty() && self.iter().all(|(column, _)| columns.contains(&column))
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list: Vec<Map<String, Value>> = or_empty(deserializer)?;
        let changes = list.into_iter().flatten().map(|(column, change)| {
            // A column whose change is told in another way has changed all the same.
            (column, Change::deserialize(change).unwrap_or_default())
        });
        Ok(Self(changes.collect()))
    }
}
