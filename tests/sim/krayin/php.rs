//! The habits of PHP and of `MySQL` without strict mode that show through the API: what counts as empty, how a text
//! becomes a number, how JSON is written into a column, which texts are dates. It knows no record.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use gladhand_core::clock::Timestamp;
use serde_json::Value;

/// `empty()`.
pub fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::String(text)) => text.is_empty() || text == "0",
        Some(Value::Number(number)) => number.as_f64() == Some(0.0),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::Bool(true)) => false,
    }
}

/// What `required` refuses.
pub fn is_blank(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    }
}

/// A scalar as text; none for null and for what cannot be one.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(if *flag { "1" } else { "" }.to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What an integer column keeps of a value: the leading digits of a text, else 0.
pub fn integer(value: &Value) -> i64 {
    match value {
        Value::Number(number) => number
            .as_i64()
            .unwrap_or_else(|| truncated(number.as_f64().unwrap_or(0.0))),
        Value::Bool(flag) => i64::from(*flag),
        Value::String(text) => leading_integer(text),
        Value::Null | Value::Array(_) | Value::Object(_) => 0,
    }
}

/// `integer`, of a text.
pub fn leading_integer(text: &str) -> i64 {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign..]
        .find(|c: char| !c.is_ascii_digit())
        .map_or(text.len(), |end| sign + end);
    text[..digits].parse().unwrap_or(0)
}

/// What a number column keeps of a value; the flag tells whether it was a number at all.
pub fn number(value: &Value) -> (f64, bool) {
    match value {
        Value::String(text) => text
            .trim()
            .parse()
            .map_or((0.0, false), |number| (number, true)),
        Value::Number(number) => (number.as_f64().unwrap_or(0.0), true),
        Value::Bool(flag) => (f64::from(u8::from(*flag)), true),
        Value::Null | Value::Array(_) | Value::Object(_) => (0.0, false),
    }
}

/// A float as PHP writes it into JSON: without a fraction where it has none.
pub fn float_json(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        Value::from(truncated(number))
    } else {
        Value::from(number)
    }
}

/// JSON as `json_encode` writes it: `/` and everything beyond ASCII escaped.
///
/// `value` comes before `label`, as every client sends them.
pub fn json_text(value: &Value) -> String {
    let mut text = String::new();
    write_json(value, &mut text);
    text
}

/// `Y-m-d\TH:i:s.u\Z` in UTC, as every timestamp is answered.
pub fn iso(at: Timestamp) -> Value {
    utc(at).map_or(Value::Null, |at| {
        Value::from(at.format("%Y-%m-%dT%H:%M:%S.000000Z").to_string())
    })
}

/// `Y-m-d H:i:s` in UTC, as a column holds it.
pub fn column_time(at: Timestamp) -> String {
    utc(at).map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// The day before `now`, as `Y-m-d`.
pub fn yesterday(now: Timestamp) -> NaiveDate {
    let today = utc(now).map(|now| now.date_naive()).unwrap_or_default();
    today.pred_opt().unwrap_or(today)
}

/// The moment that a text names, whatever offset it carries: the offset is dropped, as the server does.
pub fn naive_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let of = |time: NaiveDateTime| Timestamp(time.and_utc().timestamp_millis());
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return day.and_hms_opt(0, 0, 0).map(of);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(of(time.naive_local()));
    }
    [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
    ]
    .iter()
    .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    .map(of)
}

/// `text` cut to so many characters, as a column of that width does silently.
pub fn truncate_chars(text: String, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

/// `text` cut to so many bytes, as a text column does silently.
pub fn truncate_bytes(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

fn utc(at: Timestamp) -> Option<DateTime<chrono::Utc>> {
    DateTime::from_timestamp_millis(at.0)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "an integer column clamps, and so does the cast"
)]
fn truncated(number: f64) -> i64 {
    number as i64
}

fn write_json(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                write_json(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key != "value");
            text.push('{');
            for (n, (key, value)) in fields.into_iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                write_string(key, text);
                text.push(':');
                write_json(value, text);
            }
            text.push('}');
        }
        Value::String(string) => write_string(string, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
    }
}

fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '/' => text.push_str("\\/"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            ' '..='~' => text.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(text, "\\u{unit:04x}").expect("writing to a text never fails");
                }
            }
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_in_a_column_escapes_slashes_and_everything_beyond_ascii() {
        let emails = json!([{"label": "work", "value": "a/é@x.test"}]);
        assert_eq!(
            json_text(&emails),
            r#"[{"value":"a\/\u00e9@x.test","label":"work"}]"#
        );
    }

    #[test]
    fn an_offset_is_dropped_and_garbage_is_no_time() {
        let plain = naive_time("2030-12-02 10:30:00");
        assert!(plain.is_some());
        assert_eq!(naive_time("2030-12-02T10:30:00+02:00"), plain);
        assert_eq!(naive_time("garbage"), None);
    }

    #[test]
    fn an_integer_column_keeps_the_leading_digits() {
        assert_eq!(integer(&json!("12abc")), 12);
        assert_eq!(integer(&json!("abc")), 0);
        assert_eq!(integer(&json!("-3")), -3);
    }
}
