//! The `system` activities that every change of a person or lead leaves behind.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::activities::Activity;
use super::attributes::Attribute;
use super::error::Failure;
use super::lookup::name_of;
use super::php;
use super::state::{Call, State, Subject};

/// A record was made.
pub fn created(state: &mut State, call: &Call<'_>, subject: Subject) {
    write(state, call, subject, "Created".to_owned(), None);
}

/// A column that is no attribute changed. `new` is as written, `old` as read.
pub fn column_changed(
    state: &mut State,
    call: &Call<'_>,
    subject: Subject,
    column: &str,
    new: &Value,
    old: &Value,
) {
    let additional = json!({
        "attribute": column,
        "new": { "value": new, "label": new },
        "old": { "value": old, "label": old },
    });
    write(
        state,
        call,
        subject,
        format!("Updated {column}"),
        Some(additional),
    );
}

/// The value of an attribute changed. What cannot be told in words fails here, after the change.
pub fn value_changed(
    state: &mut State,
    call: &Call<'_>,
    subject: Subject,
    attribute: &Attribute,
    (sent, new): (&Value, &Value),
    old: &Value,
) -> Result<(), Failure> {
    if attribute.kind == "price" && !sent.is_null() && !php::number(sent).1 {
        return Err(Failure::Broken {
            exception: "TypeError",
            message: "NumberFormatter::formatCurrency(): Argument #1 ($amount) must be of type float, string given"
                .to_owned(),
        });
    }
    // PHP finds null, an empty text and 0 alike.
    if php::is_empty(Some(new)) && php::is_empty(Some(old)) {
        return Ok(());
    }
    let additional = json!({
        "attribute": attribute.name,
        "new": { "value": new, "label": label(state, attribute, new)? },
        "old": { "value": old, "label": label(state, attribute, old)? },
    });
    let title = format!("Updated {}", attribute.name);
    write(state, call, subject, title, Some(additional));
    Ok(())
}

/// An amount in the base currency.
pub fn price(amount: f64) -> String {
    let cents = format!("{:.2}", amount.abs());
    let (whole, fraction) = cents.split_once('.').unwrap_or((&cents, "00"));
    let mut grouped = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if amount < 0.0 { "-" } else { "" };
    format!("{sign}${grouped}.{fraction}")
}

fn label(state: &State, attribute: &Attribute, value: &Value) -> Result<Value, Failure> {
    Ok(match attribute.kind.as_str() {
        "price" => Value::from(price(php::number(value).0)),
        "boolean" => Value::from(if php::is_empty(Some(value)) {
            "No"
        } else {
            "Yes"
        }),
        "select" | "lookup" => name_of(state, attribute, super::state::key(value)),
        "email" | "phone" => match value {
            Value::Array(items) => Value::from(contacts(items)?),
            _ => Value::Null,
        },
        "date" => value
            .as_str()
            .and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok())
            .map_or(Value::Null, |day| {
                Value::from(day.format("%a %b %d, %Y").to_string())
            }),
        "address" => Value::Null,
        _ => value.clone(),
    })
}

fn contacts(items: &[Value]) -> Result<String, Failure> {
    let labels: Result<Vec<_>, _> = items
        .iter()
        .map(|item| {
            let label = item
                .get("label")
                .ok_or_else(|| Failure::php("Undefined array key \"label\""))?;
            let text = |value: &Value| php::text(value).unwrap_or_default();
            Ok(format!("{} ({})", text(&item["value"]), text(label)))
        })
        .collect();
    labels.map(|labels| labels.join(", "))
}

fn write(
    state: &mut State,
    call: &Call<'_>,
    subject: Subject,
    title: String,
    additional: Option<Value>,
) {
    if !state.is_audited {
        return;
    }
    let id = state.activities.take_id();
    state.activities.insert(Activity {
        additional: additional.map(|additional| additional.to_string()),
        is_done: 1,
        user_id: Some(call.user),
        ..Activity::new(id, "system", Some(title), call.now)
    });
    state.link(subject, id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_by_thousands() {
        assert_eq!(price(0.0), "$0.00");
        assert_eq!(price(100.0), "$100.00");
        assert_eq!(price(1_234_567.5), "$1,234,567.50");
    }
}
