//! Whether an answer is the recorded one. Equal are: status, the headers that were recorded (and no rate limit
//! headers beyond them), and the body: the same JSON types and keys everywhere, and the same values, ids
//! included. Excepted are moments, tokens and the server's own address, which must have the same form.

use gladhand_tests::http::Answer;
use serde_json::Value;

/// The day of the recording; the replay runs on it too, so that days in messages can be compared as they are.
const DAY: &str = "2026-11-20";
/// Where the recorded server listened.
const RECORDED_URL: &str = "http://127.0.0.1:18080";

/// What a recording says about an answer.
pub struct Recorded<'a> {
    pub status: u64,
    pub headers: &'a serde_json::Map<String, Value>,
    pub body: &'a Value,
    pub text: Option<&'a str>,
}

/// Every difference, each with where it is.
pub fn differences(recorded: &Recorded<'_>, answer: &Answer, base_url: &str) -> Vec<String> {
    let mut found = Vec::new();
    if recorded.status != u64::from(answer.status) {
        found.push(format!(
            "status: {} recorded, {} answered",
            recorded.status, answer.status
        ));
    }
    headers(recorded, answer, base_url, &mut found);
    let text = String::from_utf8_lossy(&answer.body);
    if let Some(page) = recorded.text {
        pages(page, &text.replace(base_url, RECORDED_URL), &mut found);
    } else {
        match serde_json::from_str(&text) {
            Ok(body) => values("body", recorded.body, &body, base_url, &mut found),
            Err(_) => found.push(format!("body: JSON recorded, answered: {text}")),
        }
    }
    found
}

fn headers(recorded: &Recorded<'_>, answer: &Answer, base_url: &str, found: &mut Vec<String>) {
    let answered = |name: &str| {
        answer
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(|value| value.replace(base_url, RECORDED_URL))
    };
    for (name, value) in recorded.headers {
        let is_moment = matches!(name.as_str(), "Retry-After" | "X-RateLimit-Reset");
        let (value, answered) = (value.as_str().unwrap_or_default(), answered(name));
        let is_same = match &answered {
            Some(answered) if is_moment => answered.parse::<u64>().is_ok(),
            Some(answered) => answered == value,
            None => false,
        };
        if !is_same {
            found.push(format!("{name}: {value} recorded, {answered:?} answered"));
        }
    }
    for name in [
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "Retry-After",
        "X-RateLimit-Reset",
    ] {
        if !recorded.headers.contains_key(name) && answered(name).is_some() {
            found.push(format!("{name}: not recorded, but answered"));
        }
    }
}

/// Pages are compared whole where they were recorded whole, else by their titles.
fn pages(recorded: &str, answered: &str, found: &mut Vec<String>) {
    let title = |page: &str| {
        let page = page.split_once("<title>")?.1;
        Some(page.split_once("</title>")?.0.trim().to_owned())
    };
    let is_same = if recorded.contains("[truncated ") {
        title(recorded).is_none_or(|recorded| Some(recorded) == title(answered))
    } else {
        recorded.trim() == answered.trim()
    };
    if !is_same {
        found.push(format!(
            "page: {recorded:.200} recorded, {answered:.200} answered"
        ));
    }
}

fn values(path: &str, recorded: &Value, answered: &Value, base_url: &str, found: &mut Vec<String>) {
    match (recorded, answered) {
        (Value::Object(recorded), Value::Object(answered)) => {
            for (key, value) in recorded {
                match answered.get(key) {
                    Some(answered) => {
                        values(&format!("{path}.{key}"), value, answered, base_url, found);
                    }
                    None => found.push(format!("{path}.{key}: recorded, but not answered")),
                }
            }
            for key in answered.keys().filter(|key| !recorded.contains_key(*key)) {
                found.push(format!("{path}.{key}: answered, but not recorded"));
            }
        }
        (Value::Array(recorded), Value::Array(answered)) => {
            if recorded.len() != answered.len() {
                found.push(format!(
                    "{path}: {} recorded, {} answered",
                    recorded.len(),
                    answered.len()
                ));
            }
            for (n, (recorded, answered)) in recorded.iter().zip(answered).enumerate() {
                values(&format!("{path}[{n}]"), recorded, answered, base_url, found);
            }
        }
        (Value::String(recorded), Value::String(answered)) => {
            let answered = answered.replace(base_url, RECORDED_URL);
            if form(recorded) != form(&answered) {
                found.push(format!("{path}: {recorded} recorded, {answered} answered"));
            }
        }
        (recorded, answered) if recorded == answered => {}
        (recorded, answered) => {
            found.push(format!("{path}: {recorded} recorded, {answered} answered"));
        }
    }
}

/// A text without what may differ: the digits of moments of the day of the recording, the letters of tokens.
fn form(text: &str) -> String {
    if let Some((id, secret)) = text.split_once('|')
        && id.chars().all(|c| c.is_ascii_digit())
        && secret.len() == 48
        && secret.chars().all(char::is_alphanumeric)
    {
        return format!("{id}|token");
    }
    let mut rest = text;
    let mut form = String::new();
    while let Some(position) = rest.find(DAY) {
        let (before, moment) = rest.split_at(position);
        form.push_str(before);
        let time = moment.get(DAY.len()..DAY.len() + 9).unwrap_or_default();
        if time.starts_with([' ', 'T']) && time.matches(':').count() == 2 {
            form.extend(
                time.chars()
                    .map(|c| if c.is_ascii_digit() { '0' } else { c }),
            );
            rest = &moment[DAY.len() + 9..];
        } else {
            form.push_str(DAY);
            rest = &moment[DAY.len()..];
        }
    }
    form + rest
}

#[track_caller]
fn check(a: &str, b: &str, is_same: bool) {
    assert_eq!(form(a) == form(b), is_same, "{a} and {b}");
}

#[test]
fn moments_and_tokens_have_a_form_and_everything_else_a_value() {
    check(
        "2026-11-20T11:12:05.000000Z",
        "2026-11-20T11:12:06.000000Z",
        true,
    );
    check("2026-11-20T11:12:05.000000Z", "2026-11-20 11:12:05", false);
    check(
        "values (x, 2026-11-20 11:11:57)",
        "values (x, 2026-11-20 11:12:00)",
        true,
    );
    check(
        "values (x, 2026-11-20 11:11:57)",
        "values (y, 2026-11-20 11:11:57)",
        false,
    );
    check(
        "2030-12-01T10:00:00.000000Z",
        "2030-12-01T10:00:01.000000Z",
        false,
    );
    check(
        &format!("1|{}", "a".repeat(48)),
        &format!("1|{}", "b".repeat(48)),
        true,
    );
    check(
        &format!("1|{}", "a".repeat(48)),
        &format!("1|{}", "b".repeat(40)),
        false,
    );
}

#[test]
fn a_missing_key_another_type_and_another_length_are_differences() {
    let recorded = serde_json::json!({ "a": 1, "b": "1", "c": [1, 2], "d": null });
    let answered = serde_json::json!({ "a": "1", "b": "1", "c": [1], "e": null });
    let mut found = Vec::new();
    values(
        "body",
        &recorded,
        &answered,
        "http://127.0.0.1:1",
        &mut found,
    );
    let places: Vec<_> = found
        .iter()
        .filter_map(|found| found.split(':').next())
        .collect();
    assert_eq!(places, ["body.a", "body.c", "body.d", "body.e"]);
}
