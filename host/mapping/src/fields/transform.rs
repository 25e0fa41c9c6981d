//! What a rule can do to a value: each transform, by name, total over every value there is.

use serde_json::{Number, Value};

use crate::text;

#[derive(Clone, Copy)]
pub enum Transform {
    Trim,
    Lower,
    Upper,
    E164,
    Html,
    Text,
    String,
    Integer,
    Number,
    Boolean,
}

impl Transform {
    /// The transform of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "trim" => Self::Trim,
            "lower" => Self::Lower,
            "upper" => Self::Upper,
            "e164" => Self::E164,
            "html" => Self::Html,
            "text" => Self::Text,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    /// Completes "cannot make … of".
    pub fn makes(self) -> &'static str {
        match self {
            Self::Trim => "trimmed text",
            Self::Lower => "lower-case text",
            Self::Upper => "upper-case text",
            Self::E164 => "a phone number",
            Self::Html => "HTML",
            Self::Text => "plain text",
            Self::String => "text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "yes or no",
        }
    }

    /// What it makes of the value; `None` where it cannot.
    pub fn apply(self, value: &Value, default_country: Option<&str>) -> Option<Value> {
        match self {
            Self::Trim => value.as_str().map(|text| text.trim().into()),
            Self::Lower => value.as_str().map(|text| text.to_lowercase().into()),
            Self::Upper => value.as_str().map(|text| text.to_uppercase().into()),
            Self::E164 => text::e164(value.as_str()?, default_country).map(Value::from),
            Self::Html => value
                .as_str()
                .map(|markdown| text::markdown_to_html(markdown).into()),
            Self::Text => value.as_str().map(|html| text::html_to_text(html).into()),
            Self::String => to_string(value),
            Self::Integer => to_integer(value),
            Self::Number => to_number(value),
            Self::Boolean => to_boolean(value),
        }
    }
}

fn to_string(value: &Value) -> Option<Value> {
    match value {
        Value::String(_) => Some(value.clone()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(flag) => Some(flag.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn to_integer(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) if number.is_f64() => whole(number.as_f64()?),
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => text.trim().parse::<i64>().ok().map(Value::from),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `12.0` is a whole number; beyond 2^53 a float no longer says which one.
fn whole(float: f64) -> Option<Value> {
    const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
    if float.fract() != 0.0 || float.abs() >= EXACT_BELOW {
        return None;
    }
    format!("{float:.0}").parse::<i64>().ok().map(Value::from)
}

fn to_number(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => {
            let text = text.trim();
            let integer = text.parse::<i64>().ok().map(Number::from);
            // `from_f64` refuses what `parse` takes for a number and JSON does not: `inf`, `NaN`.
            integer
                .or_else(|| Number::from_f64(text.parse().ok()?))
                .map(Value::Number)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn to_boolean(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) => Some(value.clone()),
        Value::Number(number) => match number.as_i64()? {
            0 => Some(false.into()),
            1 => Some(true.into()),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true.into()),
            "false" | "no" | "0" => Some(false.into()),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
