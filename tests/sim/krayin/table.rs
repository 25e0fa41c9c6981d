//! A table: rows by id, the ids that an auto-increment column gives, and indexes over the columns that are asked
//! for often. It knows no record but what `Row` tells.

use std::collections::{BTreeMap, HashMap};

use gladhand_core::clock::Timestamp;

use super::cell::Cell;
use super::like::Runs;
use super::php;

/// What a table knows about its rows.
pub trait Row {
    /// Every column that a query may name.
    const COLUMNS: &'static [&'static str];
    /// Columns that are found by value.
    const INDEXED: &'static [&'static str] = &[];
    /// JSON columns that are found by what they contain.
    const SEARCHED: &'static [&'static str] = &[];

    /// Its primary key.
    fn id(&self) -> u32;
    /// When it was made: a search that lags does not see it before.
    fn created(&self) -> Timestamp;
    /// One of `COLUMNS`; none for any other.
    fn cell(&self, column: &str) -> Option<Cell<'_>>;
}

/// The table.
#[derive(Debug)]
pub struct Table<T> {
    rows: BTreeMap<u32, T>,
    last_id: u32,
    index: HashMap<(usize, String), Vec<u32>>,
    runs: Vec<Runs>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            last_id: 0,
            index: HashMap::new(),
            runs: Vec::new(),
        }
    }
}

impl<T: Row> Table<T> {
    /// The next id. An insert that fails at a foreign or unique key has used one up too.
    pub fn take_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    /// Adds a row under an id that was taken before.
    pub fn insert(&mut self, row: T) {
        let id = row.id();
        self.last_id = self.last_id.max(id);
        for (column, key) in keys(&row) {
            self.list(id, column, key);
        }
        if self.runs.is_empty() {
            self.runs.resize_with(T::SEARCHED.len(), Runs::default);
        }
        for (runs, text) in self.runs.iter_mut().zip(searched(&row)) {
            runs.add(id, &text);
        }
        self.rows.insert(id, row);
    }

    /// A row.
    pub fn get(&self, id: u32) -> Option<&T> {
        self.rows.get(&id)
    }

    /// Whether there is such a row.
    pub fn contains(&self, id: u32) -> bool {
        self.rows.contains_key(&id)
    }

    /// Changes a row; none where there is no such row.
    pub fn edit<R>(&mut self, id: u32, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let row = self.rows.get_mut(&id)?;
        let (old_keys, old_texts) = (keys(row), searched(row));
        let result = change(row);
        let (new_keys, new_texts) = (keys(row), searched(row));
        for (runs, (old, new)) in self.runs.iter_mut().zip(old_texts.iter().zip(&new_texts)) {
            if old != new {
                runs.remove(id, old);
                runs.add(id, new);
            }
        }
        if old_keys != new_keys {
            for (column, key) in old_keys {
                self.unlist(id, column, key);
            }
            for (column, key) in new_keys {
                self.list(id, column, key);
            }
        }
        Some(result)
    }

    /// Removes a row.
    pub fn remove(&mut self, id: u32) -> Option<T> {
        let row = self.rows.remove(&id)?;
        for (column, key) in keys(&row) {
            self.unlist(id, column, key);
        }
        for (runs, text) in self.runs.iter_mut().zip(searched(&row)) {
            runs.remove(id, &text);
        }
        Some(row)
    }

    /// Every row, in order of ids.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.values()
    }

    /// The ids whose column equals one of the texts; none where the column has no index.
    pub fn having(&self, column: &str, texts: &[&str]) -> Option<Vec<u32>> {
        if column == "id" {
            return Some(sorted(
                texts
                    .iter()
                    .filter_map(|text| u32::try_from(php::leading_integer(text)).ok()),
            ));
        }
        let position = T::INDEXED.iter().position(|indexed| *indexed == column)?;
        // Texts and integers have no key in common but digits, where both readings are the same.
        let lists = texts.iter().filter_map(|text| {
            self.index
                .get(&(position, text.to_lowercase()))
                .or_else(|| {
                    let number = php::leading_integer(text).to_string();
                    self.index.get(&(position, number))
                })
        });
        Some(sorted(lists.flatten().copied()))
    }

    /// The ids whose column can match the pattern; none where that is not known without looking.
    pub fn resembling(&self, column: &str, pattern: &str) -> Option<Vec<u32>> {
        let position = T::SEARCHED
            .iter()
            .position(|searched| *searched == column)?;
        self.runs.get(position)?.candidates(pattern)
    }

    fn list(&mut self, id: u32, column: usize, key: Option<String>) {
        let Some(key) = key else { return };
        let ids = self.index.entry((column, key)).or_default();
        if let Err(position) = ids.binary_search(&id) {
            ids.insert(position, id);
        }
    }

    fn unlist(&mut self, id: u32, column: usize, key: Option<String>) {
        let Some(key) = key.map(|key| (column, key)) else {
            return;
        };
        if let Some(ids) = self.index.get_mut(&key) {
            if let Ok(position) = ids.binary_search(&id) {
                ids.remove(position);
            }
            if ids.is_empty() {
                self.index.remove(&key);
            }
        }
    }
}

fn keys<T: Row>(row: &T) -> Vec<(usize, Option<String>)> {
    let key = |column: &&str| row.cell(column).and_then(|cell| cell.key_text());
    T::INDEXED.iter().map(key).enumerate().collect()
}

fn searched<T: Row>(row: &T) -> Vec<String> {
    let text = |column: &&str| match row.cell(column) {
        Some(Cell::Json(text)) => text.into_owned(),
        _ => String::new(),
    };
    T::SEARCHED.iter().map(text).collect()
}

fn sorted(ids: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::krayin::activities::Activity;
    use crate::krayin::state::State;

    #[track_caller]
    fn check<T: Row>(row: &T) {
        for column in T::COLUMNS.iter().chain(T::INDEXED).chain(T::SEARCHED) {
            assert!(row.cell(column).is_some(), "{column}");
        }
    }

    #[test]
    fn every_column_that_a_query_may_name_can_be_read() {
        let state = State::seeded(Timestamp(0), ("a@b.c", "secret"), true);
        state.users.rows().for_each(check);
        state.roles.rows().for_each(check);
        state.pipelines.rows().for_each(check);
        state.sources.rows().for_each(check);
        state.attributes.rows().for_each(check);
        check(&Activity::new(1, "note", None, Timestamp(0)));
    }

    #[test]
    fn an_index_follows_its_rows() {
        let mut table: Table<Activity> = Table::default();
        for title in ["A", "b", "a"] {
            let id = table.take_id();
            table.insert(Activity::new(
                id,
                "note",
                Some(title.to_owned()),
                Timestamp(0),
            ));
        }
        assert_eq!(table.having("title", &["a"]), Some(vec![1, 3]));
        table.edit(1, |row| row.title = Some("B".to_owned()));
        assert_eq!(table.having("title", &["a"]), Some(vec![3]));
        assert_eq!(table.having("title", &["B", "a"]), Some(vec![1, 2, 3]));
        table.remove(2);
        assert_eq!(table.having("title", &["b"]), Some(vec![1]));
        assert_eq!(table.having("comment", &["x"]), None);
    }
}
