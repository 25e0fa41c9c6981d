//! Validation of records: rules are built from the attributes whose codes are present in the body, so a required
//! field that is absent is no error (facts §5).

use serde_json::{Map, Value};

use super::attributes::Attribute;
use super::error::Failure;
use super::php;
use super::state::{Call, State};
use super::values::Entity;

/// Field and message, in the order of the rules.
pub type Errors = Vec<(String, String)>;

/// Collects what is wrong with `input` as a record of `entity`. `prefix` is `person.` for one nested in a lead,
/// `except` the record that is being changed.
pub fn check(
    state: &State,
    entity: Entity,
    (prefix, input): (&str, &Map<String, Value>),
    except: Option<u32>,
    errors: &mut Errors,
) {
    for attribute in state
        .attributes
        .rows()
        .filter(|attribute| attribute.entity_type == entity.name())
    {
        let Some(value) = input.get(&attribute.code) else {
            continue;
        };
        let field = format!("{prefix}{}", attribute.code);
        match attribute.kind.as_str() {
            "boolean" => {}
            "address" => address(attribute, &field, value, errors),
            "email" | "phone" => contacts(state, attribute, &field, value, except, errors),
            _ => plain(state, attribute, &field, value, except, errors),
        }
    }
}

/// The lead's closing date, if it is there: a day, and not in the past.
pub fn close_date(call: &Call<'_>, errors: &mut Errors) {
    const FIELD: &str = "expected_close_date";
    let yesterday = php::yesterday(call.now);
    let value = match call.request.input.get(FIELD) {
        None => return,
        Some(value) if value == "" => return,
        Some(value) => value,
    };
    let day = value
        .as_str()
        .filter(|text| text.len() == 10)
        .and_then(|text| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok());
    if day.is_none() {
        let message = "The expected close date does not match the format Y-m-d.";
        errors.push((FIELD.to_owned(), message.to_owned()));
    }
    if day.is_none_or(|day| day <= yesterday) {
        let message = format!("The expected close date must be a date after {yesterday}.");
        errors.push((FIELD.to_owned(), message));
    }
}

/// Refuses a request in which one of these fields is blank.
pub fn require(call: &Call<'_>, fields: &[&str]) -> Result<(), Failure> {
    let errors: Errors = fields
        .iter()
        .filter(|field| php::is_blank(call.request.input.get(**field)))
        .map(|field| ((*field).to_owned(), required(field)))
        .collect();
    finish(errors)
}

/// Fails if there are errors.
pub fn finish(errors: Errors) -> Result<(), Failure> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Failure::Invalid(errors))
    }
}

/// What a blank field is told.
pub fn required(field: &str) -> String {
    format!("The {} field is required.", field.replace('_', " "))
}

/// Whether the server takes it for an address; a domain without a dot passes.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let is_dotted = |part: &str| part.split('.').all(|atom| !atom.is_empty());
    let is_atom = |c: char| !c.is_whitespace() && !"()<>[]:;@\\,\"".contains(c);
    is_dotted(local)
        && is_dotted(domain)
        && local.chars().all(is_atom)
        && domain
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '.'))
}

fn address(attribute: &Attribute, field: &str, value: &Value, errors: &mut Errors) {
    if attribute.is_required {
        for part in ["address", "country", "state", "city", "postcode"] {
            if php::is_blank(value.get(part)) {
                let field = format!("{field}.{part}");
                errors.push((field.clone(), required(&field)));
            }
        }
    }
}

fn contacts(
    state: &State,
    attribute: &Attribute,
    field: &str,
    value: &Value,
    except: Option<u32>,
    errors: &mut Errors,
) {
    if attribute.is_required && php::is_blank(Some(value)) {
        errors.push((field.to_owned(), required(field)));
    }
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    for (n, item) in items.iter().enumerate() {
        let field = format!("{field}.{n}.value");
        let value = item.get("value");
        if php::is_blank(value) {
            if attribute.is_required {
                errors.push((field.clone(), required(&field)));
            }
            continue;
        }
        let value = value.unwrap_or(&Value::Null);
        if attribute.kind == "email" && !value.as_str().is_some_and(is_email) {
            let message = format!(
                "The {} must be a valid email address.",
                field.replace('_', " ")
            );
            errors.push((field.clone(), message));
        }
        unique(state, attribute, &field, value, except, errors);
    }
    for (n, item) in items.iter().enumerate() {
        if attribute.is_required && php::is_blank(item.get("label")) {
            let field = format!("{field}.{n}.label");
            errors.push((field.clone(), required(&field)));
        }
    }
}

fn plain(
    state: &State,
    attribute: &Attribute,
    field: &str,
    value: &Value,
    except: Option<u32>,
    errors: &mut Errors,
) {
    // The closing date has rules of its own, which replace these.
    if attribute.entity_type == "leads" && attribute.code == "expected_close_date" {
        return;
    }
    if php::is_blank(Some(value)) {
        if attribute.is_required {
            errors.push((field.to_owned(), required(field)));
        }
        return;
    }
    let is_decimal = attribute.validation.as_deref() == Some("decimal") && attribute.kind == "text";
    if (is_decimal || attribute.kind == "price") && !is_decimal_text(value) {
        errors.push((field.to_owned(), format!("The {field} must be a decimal.")));
    }
    let is_numeric = attribute.validation.as_deref() == Some("numeric") && attribute.kind == "text";
    if is_numeric && !php::number(value).1 {
        let message = format!("The {} must be a number.", field.replace('_', " "));
        errors.push((field.to_owned(), message));
    }
    unique(state, attribute, field, value, except, errors);
}

fn unique(
    state: &State,
    attribute: &Attribute,
    field: &str,
    value: &Value,
    except: Option<u32>,
    errors: &mut Errors,
) {
    if attribute.is_unique && state.values.is_taken(attribute, value, except) {
        errors.push((
            field.to_owned(),
            "The value has already been taken.".to_owned(),
        ));
    }
}

/// Digits, and at most four more behind a point.
fn is_decimal_text(value: &Value) -> bool {
    let Some(text) = php::text(value) else {
        return false;
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    let are_digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    are_digits(whole) && are_digits(fraction) && (1..=4).contains(&fraction.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_without_a_dot_in_the_domain_pass_and_those_without_a_domain_do_not() {
        assert!(is_email("jane@example"));
        assert!(is_email("jane.doe+tag@example.com"));
        assert!(!is_email("notanemail"));
        assert!(!is_email("@example.com"));
        assert!(!is_email("a b@example.com"));
    }
}
