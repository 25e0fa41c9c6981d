//! What every `GET` of a list has in common: column filters, order, pages (facts §4). It knows no record.

use serde_json::{Value, json};

use super::answer::{Answer, object};
use super::error::Failure;
use super::state::{Call, Outcome};
use super::table::{Row, Table};

/// Query parameters that are no column filters.
const RESERVED: [&str; 6] = [
    "entity_type",
    "limit",
    "page",
    "pagination",
    "order",
    "sort",
];
/// How many page links stand on each side of the current one.
const LINKS_PER_SIDE: u64 = 3;

/// The answer to the list of `table`.
pub fn index<T: Row>(table: &Table<T>, call: &Call<'_>, render: impl Fn(&T) -> Value) -> Outcome {
    let rows = select(table, call)?;
    let input = |name: &str| call.request.query(name).filter(|value| !value.is_empty());
    if matches!(call.request.query("pagination"), Some("" | "0")) {
        return Ok(Answer::data(rows.into_iter().map(render).collect()));
    }
    let per_page = number(input("limit")).unwrap_or(10);
    let page = number(input("page")).unwrap_or(1);
    let total = rows.len() as u64;
    let skipped = (page - 1).saturating_mul(per_page);
    let data: Vec<Value> = rows
        .into_iter()
        .skip(usize::try_from(skipped).unwrap_or(usize::MAX))
        .take(usize::try_from(per_page).unwrap_or(usize::MAX))
        .map(render)
        .collect();
    let (from, to) = if data.is_empty() {
        (Value::Null, Value::Null)
    } else {
        (json!(skipped + 1), json!(skipped + data.len() as u64))
    };
    let path = format!("{}{}", call.base_url, call.request.path);
    let last_page = total.div_ceil(per_page).max(1);
    let url = |page: u64| json!(format!("{path}?page={page}"));
    let neighbour = |is_there: bool, page: u64| if is_there { url(page) } else { Value::Null };
    let previous = neighbour(page > 1, page.saturating_sub(1));
    let next = neighbour(page < last_page, page + 1);
    let mut links = vec![json!({ "url": previous, "label": "&laquo; Previous", "active": false })];
    links.extend(numbered(page, last_page).into_iter().map(|number| match number {
        Some(number) => {
            json!({ "url": url(number), "label": number.to_string(), "active": number == page })
        }
        None => json!({ "url": null, "label": "...", "active": false }),
    }));
    links.push(json!({ "url": next, "label": "Next &raquo;", "active": false }));
    let ends = json!({ "first": url(1), "last": url(last_page), "prev": previous, "next": next });
    let meta = json!({
        "current_page": page, "from": from, "last_page": last_page, "links": links,
        "path": path, "per_page": per_page, "to": to, "total": total,
    });
    Ok(Answer::ok(object([
        ("data", Value::Array(data)),
        ("links", ends),
        ("meta", meta),
    ])))
}

/// The rows that pass the filters of the query, in its order.
fn select<'t, T: Row>(table: &'t Table<T>, call: &Call<'_>) -> Result<Vec<&'t T>, Failure> {
    let mut filters: Vec<(&str, Vec<&str>)> = Vec::new();
    for (column, values) in &call.request.query {
        if !RESERVED.contains(&column.as_str()) {
            filters.push((column, values.split(',').map(str::trim).collect()));
        }
    }
    let sort = call.request.query("sort").filter(|sort| !sort.is_empty());
    if call.is_new() {
        filters.retain(|(column, _)| T::COLUMNS.contains(column));
    }
    let asked = filters.iter().map(|(column, _)| *column).chain(sort);
    let unknown = asked
        .into_iter()
        .find(|column| !T::COLUMNS.contains(column));
    match unknown {
        Some(_) if call.is_new() => {
            return Err(Failure::invalid("sort", "The selected sort is invalid."));
        }
        Some(column) => return Err(Failure::no_column(column)),
        None => {}
    }
    let passes = |row: &&T| {
        row.created() <= call.visible_until
            && filters.iter().all(|(column, values)| {
                let held = row.cell(column);
                held.is_some_and(|held| values.iter().any(|value| held.equals(value)))
            })
    };
    let narrow = filters
        .iter()
        .filter_map(|(column, values)| table.having(column, values))
        .min_by_key(Vec::len);
    let mut rows: Vec<&T> = match narrow {
        Some(ids) => ids
            .into_iter()
            .filter_map(|id| table.get(id))
            .filter(passes)
            .collect(),
        None => table.rows().filter(passes).collect(),
    };
    if let Some(sort) = sort.filter(|sort| *sort != "id") {
        rows.sort_by(|a, b| match (a.cell(sort), b.cell(sort)) {
            (Some(a), Some(b)) => a.order(&b),
            _ => std::cmp::Ordering::Equal,
        });
    }
    let is_ascending = sort.is_some()
        && call
            .request
            .query("order")
            .is_some_and(|order| order.eq_ignore_ascii_case("asc"));
    if !is_ascending {
        rows.reverse();
    }
    Ok(rows)
}

/// The numbers between "previous" and "next"; none stands for the gap.
fn numbered(page: u64, last: u64) -> Vec<Option<u64>> {
    let window = LINKS_PER_SIDE + 4;
    let range = |from: u64, to: u64| (from..=to).map(Some).collect::<Vec<_>>();
    if last < LINKS_PER_SIDE * 2 + 8 {
        return range(1, last);
    }
    let gap = vec![None];
    let (start, finish) = (range(1, 2), range(last - 1, last));
    if page <= window {
        [range(1, window + LINKS_PER_SIDE), gap, finish].concat()
    } else if page > last - window {
        [
            start,
            gap,
            range(last - (window + LINKS_PER_SIDE - 1), last),
        ]
        .concat()
    } else {
        let slider = range(page - LINKS_PER_SIDE, page + LINKS_PER_SIDE);
        [start, gap.clone(), slider, gap, finish].concat()
    }
}

fn number(text: Option<&str>) -> Option<u64> {
    text.and_then(|text| text.parse().ok())
        .filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(page: u64, last: u64, expect: &str) {
        let shown: Vec<_> = numbered(page, last)
            .into_iter()
            .map(|number| number.map_or("…".to_owned(), |number| number.to_string()))
            .collect();
        assert_eq!(shown.join(" "), expect);
    }

    #[test]
    fn long_lists_have_gaps_between_their_page_links() {
        check(1, 4, "1 2 3 4");
        check(1, 20, "1 2 3 4 5 6 7 8 9 10 … 19 20");
        check(10, 20, "1 2 … 7 8 9 10 11 12 13 … 19 20");
        check(20, 20, "1 2 … 11 12 13 14 15 16 17 18 19 20");
    }
}
