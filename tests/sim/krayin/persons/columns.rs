//! The columns of a person: made of a request, refused by the database, kept with the unique index.

use serde_json::{Map, Value};

use super::super::error::Failure;
use super::super::php;
use super::super::state::{Call, State, key, nullable_key};
use super::Person;

/// `data` with the entries dropped that have no number, and with the `unique_id` that follows from it.
pub fn sanitized(
    call: &Call<'_>,
    data: &Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    let mut data = data.clone();
    if data.contains_key("organization_id") {
        let organization =
            nullable_key(data.get("organization_id")).map_or(Value::Null, Value::from);
        data.insert("organization_id".to_owned(), organization);
    }
    let email = data
        .get("emails")
        .and_then(|emails| emails.get(0)?.get("value"));
    let parts = [data.get("user_id"), data.get("organization_id"), email];
    let parts = parts
        .into_iter()
        .filter(|part| !php::is_empty(*part))
        .filter_map(|part| php::text(part?));
    let mut unique_id = parts.collect::<Vec<_>>().join("|");
    if let Some(numbers) = data
        .get("contact_numbers")
        .filter(|numbers| !numbers.is_null())
    {
        let numbers = present_numbers(call, numbers)?;
        match numbers.first() {
            Some(first) => {
                unique_id.push('|');
                unique_id.push_str(&php::text(&first["value"]).unwrap_or_default());
            }
            None if call.is_new() => {}
            None => return Err(Failure::php("Undefined array key 0")),
        }
        data.insert("contact_numbers".to_owned(), Value::Array(numbers));
    }
    data.insert("unique_id".to_owned(), Value::from(unique_id));
    Ok(data)
}

fn present_numbers(call: &Call<'_>, numbers: &Value) -> Result<Vec<Value>, Failure> {
    let items = numbers.as_array().map_or(&[][..], Vec::as_slice);
    if items.iter().any(|item| item.get("value").is_none()) {
        return Err(Failure::php("Undefined array key \"value\""));
    }
    let is_present = |item: &&Value| match &item["value"] {
        Value::Null => false,
        Value::String(number) => !call.is_new() || !number.is_empty(),
        _ => true,
    };
    Ok(items.iter().filter(is_present).cloned().collect())
}

/// Sets the columns that `data` names, and refuses what the database would.
pub fn apply(state: &State, row: &mut Person, data: &Map<String, Value>) -> Result<(), Failure> {
    for (column, value) in data {
        match column.as_str() {
            "name" => row.name = php::truncate_chars(php::text(value).unwrap_or_default(), 255),
            "emails" => {
                row.emails_text = php::json_text(value);
                row.emails = value.clone();
            }
            "contact_numbers" => {
                row.numbers_text = php::json_text(value);
                row.contact_numbers = value.clone();
            }
            "job_title" => {
                row.job_title = php::text(value).map(|text| php::truncate_chars(text, 255));
            }
            "user_id" => row.user_id = nullable_key(Some(value)),
            "organization_id" => row.organization_id = (!value.is_null()).then(|| key(value)),
            "unique_id" => row.unique_id = php::text(value).unwrap_or_default(),
            _ => {}
        }
    }
    if row.user_id.is_some_and(|user| !state.users.contains(user)) {
        return Err(Failure::foreign_key("persons", "user_id"));
    }
    if row
        .organization_id
        .is_some_and(|organization| !state.organizations.contains(organization))
    {
        return Err(Failure::foreign_key("persons", "organization_id"));
    }
    match state.unique_ids.get(&row.unique_id.to_lowercase()) {
        Some(owner) if *owner != row.id => Err(Failure::duplicate(
            &row.unique_id,
            "persons_unique_id_unique",
        )),
        _ => Ok(()),
    }
}

/// Stores a row, and keeps the unique index.
pub fn put(state: &mut State, row: Person) {
    let (id, unique_id) = (row.id, row.unique_id.to_lowercase());
    if state.persons.contains(id) {
        let old = state.persons.edit(id, |old| std::mem::replace(old, row));
        if let Some(old) = old.filter(|old| old.unique_id.to_lowercase() != unique_id) {
            state.unique_ids.remove(&old.unique_id.to_lowercase());
        }
    } else {
        state.persons.insert(row);
    }
    state.unique_ids.insert(unique_id, id);
}

/// What the database says about a person without addresses.
pub fn no_emails(call: &Call<'_>, data: &Map<String, Value>) -> Failure {
    let now = php::column_time(call.now);
    let columns = [
        "name",
        "contact_numbers",
        "job_title",
        "user_id",
        "organization_id",
        "unique_id",
    ];
    let present: Vec<_> = columns
        .into_iter()
        .filter(|column| data.contains_key(*column))
        .collect();
    let names = present
        .iter()
        .map(|column| format!("`{column}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let values = present.iter().map(|column| match &data[*column] {
        value @ (Value::Array(_) | Value::Object(_)) => php::json_text(value),
        value => php::text(value).unwrap_or_default(),
    });
    let values = values.collect::<Vec<_>>().join(", ");
    Failure::sql(format!(
        "SQLSTATE[23000]: Integrity constraint violation: 4025 CONSTRAINT `persons.emails` failed for \
         `krayin`.`persons` (Connection: mysql, SQL: insert into `persons` ({names}, `updated_at`, `created_at`) \
         values ({values}, {now}, {now}))"
    ))
}
