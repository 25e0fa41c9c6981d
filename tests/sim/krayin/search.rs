//! The `/search` routes: `search=field:value;…`, `searchFields=field:like;…`, `searchJoin`, `orderBy`, `limit`, as
//! l5-repository reads them (facts §4). It knows no record.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::Answer;
use super::cell::Cell;
use super::error::Failure;
use super::state::{Call, Outcome};
use super::table::{Row, Table};

/// One thing that is looked for.
#[derive(Debug)]
struct Condition {
    field: String,
    operator: Operator,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equals,
    Like,
    In,
}

/// The answer to a search in `table`.
///
/// `fields` are those that the repository searches without being told; `read` also knows those of related
/// records, such as `organization.name`.
pub fn search<'t, T: Row>(
    table: &'t Table<T>,
    call: &Call<'_>,
    fields: &[&str],
    read: impl Fn(&'t T, &str) -> Option<Cell<'t>>,
    render: impl Fn(&T) -> Value,
) -> Outcome {
    let query = |name: &str| call.request.query(name).unwrap_or_default();
    let conditions = conditions(query("search"), query("searchFields"), fields);
    let is_and = query("searchJoin").eq_ignore_ascii_case("and");
    let order = Some(query("orderBy")).filter(|order| !order.is_empty());
    let asked = conditions
        .iter()
        .map(|condition| condition.field.as_str())
        .chain(order);
    let is_known = |field: &&str| T::COLUMNS.contains(field) || fields.contains(field);
    if let Some(field) = asked.into_iter().find(|field| !is_known(field)) {
        return Err(Failure::no_column(field));
    }
    let holds = |row: &'t T, condition: &Condition| {
        read(row, &condition.field).is_some_and(|cell| condition.holds(&cell))
    };
    let matches = |row: &&'t T| {
        row.created() <= call.visible_until
            && (conditions.is_empty()
                || if is_and {
                    conditions.iter().all(|condition| holds(row, condition))
                } else {
                    conditions.iter().any(|condition| holds(row, condition))
                })
    };
    let limit = query("limit").parse().unwrap_or(10);
    let candidates: Box<dyn Iterator<Item = &'t T>> = match narrow(table, &conditions, is_and) {
        Some(ids) => Box::new(ids.into_iter().filter_map(|id| table.get(id))),
        None => Box::new(table.rows()),
    };
    let found = candidates.filter(matches);
    let Some(order) = order else {
        return Ok(Answer::data(found.take(limit).map(render).collect()));
    };
    let mut found: Vec<&T> = found.collect();
    found.sort_by(|a, b| match (read(a, order), read(b, order)) {
        (Some(a), Some(b)) => a.order(&b),
        _ => std::cmp::Ordering::Equal,
    });
    if query("sortedBy").eq_ignore_ascii_case("desc") {
        found.reverse();
    }
    Ok(Answer::data(
        found.into_iter().take(limit).map(render).collect(),
    ))
}

impl Condition {
    fn holds(&self, cell: &Cell<'_>) -> bool {
        match self.operator {
            Operator::Equals => cell.equals(&self.value),
            Operator::Like => cell.is_like(&format!("%{}%", self.value)),
            Operator::In => self.value.split(',').any(|value| cell.equals(value)),
        }
    }
}

/// The ids that can match, in order; none where every row must be looked at.
fn narrow<T: Row>(table: &Table<T>, conditions: &[Condition], is_and: bool) -> Option<Vec<u32>> {
    let mut ids = conditions.iter().map(|condition| match condition.operator {
        Operator::Like => table.resembling(&condition.field, &format!("%{}%", condition.value)),
        Operator::Equals => table.having(&condition.field, &[&condition.value]),
        Operator::In => table.having(
            &condition.field,
            &condition.value.split(',').collect::<Vec<_>>(),
        ),
    });
    if conditions.is_empty() {
        None
    } else if is_and {
        ids.flatten().min_by_key(Vec::len)
    } else {
        let all = ids.try_fold(BTreeSet::new(), |mut all, ids| {
            all.extend(ids?);
            Some(all)
        });
        all.map(|all| all.into_iter().collect())
    }
}

fn conditions(search: &str, search_fields: &str, fields: &[&str]) -> Vec<Condition> {
    if search.is_empty() {
        return Vec::new();
    }
    let has_pairs = search.contains(':');
    let pairs: Vec<(&str, &str)> = search
        .split(';')
        .filter(|_| has_pairs)
        .filter_map(|pair| {
            let mut parts = pair.split(':');
            Some((parts.next()?, parts.next()?))
        })
        .collect();
    // A part without a field is looked for in every field.
    let anywhere = if has_pairs || search.contains(';') {
        search.split(';').find(|part| !part.contains(':'))
    } else {
        Some(search)
    };
    accepted(search_fields, fields, &pairs)
        .into_iter()
        .filter_map(|(field, operator)| {
            let named = pairs
                .iter()
                .rev()
                .find(|(name, _)| *name == field)
                .map(|(_, value)| *value);
            let value = named.or(anywhere.filter(|_| operator != Operator::In))?;
            Some(Condition {
                field,
                operator,
                value: value.to_owned(),
            })
        })
        .collect()
}

/// The fields that take part, each with its operator.
fn accepted(
    search_fields: &str,
    fields: &[&str],
    pairs: &[(&str, &str)],
) -> Vec<(String, Operator)> {
    let defaults = || {
        fields
            .iter()
            .map(|field| ((*field).to_owned(), Operator::Equals))
    };
    if search_fields.is_empty() {
        return defaults().collect();
    }
    let mut all: Vec<(String, Operator)> = defaults().collect();
    let mut named: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
    for wanted in search_fields.split(';') {
        let (field, operator) = match wanted.split_once(':') {
            Some((field, "like")) => (field, Operator::Like),
            Some((field, "=")) => (field, Operator::Equals),
            Some((field, "in")) => (field, Operator::In),
            _ => {
                named.push(wanted);
                continue;
            }
        };
        named.push(field);
        // A field that the repository does not know is taken at its word: the database refuses it.
        all.retain(|(name, _)| name != field);
        all.push((field.to_owned(), operator));
    }
    all.retain(|(name, _)| named.contains(&name.as_str()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(search: &str, search_fields: &str, expect: &str) {
        let shown: Vec<_> = conditions(search, search_fields, &["name", "emails"])
            .into_iter()
            .map(|condition| {
                format!(
                    "{} {:?} {}",
                    condition.field, condition.operator, condition.value
                )
            })
            .collect();
        assert_eq!(shown.join(", "), expect);
    }

    #[test]
    fn a_search_names_its_fields_or_means_them_all() {
        check("emails:a@b.c", "emails:like", "emails Like a@b.c");
        check("emails:a@b.c", "", "emails Equals a@b.c");
        check(
            "name:x;emails:y",
            "name:like;emails:=",
            "name Like x, emails Equals y",
        );
        check("jane", "name:like", "name Like jane");
        check("jane", "", "name Equals jane, emails Equals jane");
        check("foo:bar", "foo:like", "foo Like bar");
    }
}
