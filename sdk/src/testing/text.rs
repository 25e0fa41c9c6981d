//! Simple stand-ins for the host's text work: enough to see that a connector asks, not to judge texts.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::descriptor::MappingRule;

/// Digits with a plus sign: as given, or with the code of a few countries before it.
pub(super) fn e164(number: &str, country: Option<&str>) -> Option<String> {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let international = if number.trim_start().starts_with('+') {
        digits
    } else {
        let code = match country? {
            "US" | "CA" => "1",
            "BR" => "55",
            "DE" => "49",
            "GB" => "44",
            _ => return None,
        };
        format!("{code}{}", digits.trim_start_matches('0'))
    };
    (8..=15)
        .contains(&international.len())
        .then(|| format!("+{international}"))
}

/// Without tags.
pub(super) fn html_to_text(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for character in html.chars() {
        match character {
            '<' => is_tag = true,
            '>' => is_tag = false,
            _ if !is_tag => text.push(character),
            _ => {}
        }
    }
    text
}

pub(super) fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

pub(super) fn truncate_bytes(text: &str, limit: u32) -> String {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    text[..text.floor_char_boundary(limit)].to_owned()
}

/// `YYYY-MM-DD HH:MM:SS`, `minutes` east of UTC.
pub(super) fn local(at: Timestamp, minutes: i64) -> String {
    let seconds = i64::try_from(at / 1000).expect("milliseconds since 1970 fit") + minutes * 60;
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days are counted in eras of 400 years from 0000-03-01, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        time / 3_600,
        time / 60 % 60,
        time % 60
    )
}

/// Follows the rules; of the transforms only those that need no library.
pub(super) fn map_fields(
    rules: &[MappingRule],
    source: &Value,
) -> Result<Vec<(String, Value)>, String> {
    let mut fields = Vec::new();
    for rule in rules {
        let mut value = rule
            .source
            .iter()
            .filter_map(|pointer| source.pointer(pointer))
            .find(|value| !value.is_null() && value.as_str() != Some(""))
            .cloned();
        for name in &rule.transform {
            value = value.map(|value| transform(value, name)).transpose()?;
        }
        let value = value.or_else(|| rule.default.clone());
        fields.extend(value.map(|value| (rule.target.clone(), value)));
    }
    Ok(fields)
}

fn transform(value: Value, name: &str) -> Result<Value, String> {
    match (name, value) {
        ("trim", Value::String(text)) => Ok(Value::String(text.trim().to_owned())),
        ("lower", Value::String(text)) => Ok(Value::String(text.to_lowercase())),
        ("upper", Value::String(text)) => Ok(Value::String(text.to_uppercase())),
        ("string", Value::Number(number)) => Ok(Value::String(number.to_string())),
        ("trim" | "lower" | "upper" | "string", value) => Ok(value),
        (name, _) => Err(format!("the in-memory host has no transform `{name}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_of_the_calendar() {
        assert_eq!(local(0, 0), "1970-01-01 00:00:00");
        assert_eq!(local(951_782_400_000, 0), "2000-02-29 00:00:00");
        assert_eq!(local(1_767_225_599_000, 0), "2025-12-31 23:59:59");
        assert_eq!(local(1_767_225_599_000, 60), "2026-01-01 00:59:59");
    }

    #[test]
    fn numbers_get_their_country() {
        assert_eq!(
            e164("0171 1234567", Some("DE")).as_deref(),
            Some("+491711234567")
        );
        assert_eq!(
            e164("+1 (555) 123-0001", None).as_deref(),
            Some("+15551230001")
        );
        assert_eq!(e164("12", Some("US")), None);
        assert_eq!(e164("555 1230001", None), None);
    }
}
