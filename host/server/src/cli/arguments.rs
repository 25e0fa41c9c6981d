//! How arguments are read: pairs, secrets, values, points in time.

use std::time::Duration;

use chrono::{DateTime, NaiveDate};
use gladhand_core::attempt::Entity;
use gladhand_core::clock::{Clock as _, Timestamp};
use gladhand_core::delivery::DeliveryState;
use gladhand_core::failure::FailureKind;
use serde_json::{Map, Value};

use crate::admin::links::ENTITY_KINDS;
use crate::config::Environment;
use crate::config::secret::Place;
use crate::nearest::nearest;
use crate::system::SystemClock;

/// `KEY=VALUE`
pub fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE"),
    }
}

/// `KEY=VALUE`, where the value is JSON, or text where it is no JSON.
pub fn setting(text: &str) -> Result<(String, Value), &'static str> {
    let (key, value) = pair(text)?;
    let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
    Ok((key, value))
}

/// `env:NAME` or `file:PATH`
pub fn secret(text: &str) -> Result<Place, &'static str> {
    text.parse()
}

/// `NAME=env:VARIABLE` or `NAME=file:PATH`
pub fn credential(text: &str) -> Result<(String, Place), &'static str> {
    let (name, place) = pair(text)?;
    Ok((name, place.parse()?))
}

/// `2026-11-20T12:00:00Z`, `2026-11-20`, or an age: `90s`, `15m`, `2h`, `7d`
pub fn since(text: &str) -> Result<Since, &'static str> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(Since::At(Timestamp(moment.timestamp_millis())));
    }
    if let Some(midnight) = text
        .parse::<NaiveDate>()
        .ok()
        .and_then(|date| date.and_hms_opt(0, 0, 0))
    {
        return Ok(Since::At(Timestamp(midnight.and_utc().timestamp_millis())));
    }
    let age = span_secs(text).map(|seconds| i64::from(seconds) * 1_000);
    age.map(Since::AgeMs).ok_or("write a time like 2026-11-20T12:00:00Z, a date like 2026-11-20, or an age like 15m, 2h or 7d")
}

/// `90s`, `15m`, `2h`, `7d`
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    let seconds = span_secs(text).map(u64::from);
    seconds
        .map(Duration::from_secs)
        .ok_or("write a time like 5s, 15m, 2h or 7d")
}

fn span_secs(text: &str) -> Option<u32> {
    let unit_secs = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u32 = text[..text.len() - 1].parse().ok()?;
    number.checked_mul(unit_secs)
}

/// A delivery's state.
pub fn state(text: &str) -> Result<DeliveryState, String> {
    let words = DeliveryState::ALL.iter().map(|state| state.as_str());
    DeliveryState::parse(text).ok_or_else(|| unknown_word(text, words))
}

/// What kind of thing went wrong.
pub fn failure_kind(text: &str) -> Result<FailureKind, String> {
    let words = FailureKind::ALL.iter().map(|kind| kind.as_str());
    FailureKind::parse(text).ok_or_else(|| unknown_word(text, words))
}

/// The id of a record, without the spaces around it.
pub fn record_id(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("write the id that the record has in the CRM"),
        id => Ok(id.to_owned()),
    }
}

/// `contact:7`
pub fn entity(text: &str) -> Result<Entity, String> {
    let advice = || {
        let kinds = ENTITY_KINDS.join(", ");
        format!("write KIND:ID like conversation:12, where KIND is one of {kinds}")
    };
    let (kind, id) = text.split_once(':').ok_or_else(advice)?;
    if !ENTITY_KINDS.contains(&kind) || id.is_empty() {
        return Err(advice());
    }
    Ok(Entity {
        kind: kind.to_owned(),
        id: id.to_owned(),
    })
}

fn unknown_word<'k>(word: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("it is one of {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// A point in time, or how long ago one was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Then.
    At(Timestamp),
    /// So many milliseconds ago.
    AgeMs(i64),
}

impl Since {
    /// The point in time, as a query takes it.
    pub fn query(self) -> String {
        self.before(SystemClock::new().now()).to_string()
    }

    /// The point in time.
    pub fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::AgeMs(age) => Timestamp(now.0 - age),
        }
    }
}

/// What was said of these, as a query.
pub fn query<const N: usize>(
    told: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    told.into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Settings as the API takes them.
pub fn object(settings: Vec<(String, Value)>) -> Map<String, Value> {
    settings.into_iter().collect()
}

/// Opens credentials and makes of them what the API takes.
pub fn credentials(
    given: &[(String, Place)],
    environment: &Environment,
) -> anyhow::Result<Map<String, Value>> {
    given
        .iter()
        .map(|(name, place)| Ok((name.clone(), open(place, environment)?)))
        .collect()
}

/// Opens a secret and makes of it what the API takes.
pub fn open(place: &Place, environment: &Environment) -> anyhow::Result<Value> {
    use secrecy::ExposeSecret;
    let secret = place.open(environment).map_err(anyhow::Error::msg)?;
    Ok(secret.expose_secret().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_setting(text: &str, value: Value) {
        assert_eq!(setting(text), Ok(("key".to_owned(), value)));
    }

    #[test]
    fn a_setting_is_json_or_else_text() {
        check_setting("key=3", 3.into());
        check_setting("key=true", true.into());
        check_setting("key=null", Value::Null);
        check_setting("key=US", "US".into());
        check_setting("key=\"3\"", "3".into());
        check_setting("key=[1, 2]", json!([1, 2]));
        check_setting("key=a=b", "a=b".into());
    }

    #[track_caller]
    fn check_since(text: &str, expect_ms: i64) {
        let now = Timestamp(1_800_000_000_000);
        assert_eq!(
            since(text).map(|since| since.before(now)),
            Ok(Timestamp(expect_ms))
        );
    }

    #[test]
    fn since_is_a_time_a_date_or_an_age() {
        check_since("2026-11-20T12:00:00Z", 1_795_176_000_000);
        check_since("2026-11-20T13:00:00+01:00", 1_795_176_000_000);
        check_since("2026-11-20", 1_795_132_800_000);
        check_since("90s", 1_799_999_910_000);
        check_since("2h", 1_799_992_800_000);
        check_since("7d", 1_799_395_200_000);
    }

    #[test]
    fn a_duration_is_a_number_with_a_unit() {
        for (text, seconds) in [("5s", 5), ("15m", 900), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "yesterday", "h", "-1h", "5ä", "2026-13-01", "99999999d"] {
            assert!(since(text).is_err() && duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_record_id_is_no_space() {
        assert_eq!(record_id(" 41 "), Ok("41".to_owned()));
        assert!(record_id("").is_err() && record_id(" \t").is_err());
    }

    #[test]
    fn a_secret_is_never_an_argument() {
        assert_eq!(
            credential("token=hunter2").expect_err("a secret on the command line"),
            "a secret is not written on the command line; write env:NAME or file:PATH"
        );
    }
}
