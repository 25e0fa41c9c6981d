//! Ids, moments and the ways in which Chatwoot says nothing.

use chrono::DateTime;
use serde::de::{Deserialize, Deserializer, Error, Unexpected};
use serde_json::{Number, Value};

/// An id, which Chatwoot sends as a number and the domain keeps as a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) String);

/// More than any database counts to; an id ends in keys and indexes.
const MAX_ID_BYTES: usize = 40;

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::Number(number) if number.is_u64() => number.to_string(),
            Value::String(text) => text,
            _ => return Err(D::Error::invalid_type(Unexpected::Other("no id"), &"an id")),
        };
        if (1..=MAX_ID_BYTES).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(D::Error::invalid_length(
                text.len(),
                &"an id of 1 to 40 bytes",
            ))
        }
    }
}

/// Microseconds since the Unix epoch, UTC: what the finest of Chatwoot's three ways to write a time can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    /// In milliseconds, as the domain counts.
    pub(crate) fn timestamp(self) -> gladhand_core::clock::Timestamp {
        gladhand_core::clock::Timestamp(self.0.div_euclid(1_000))
    }

    /// Reads ISO 8601, whole seconds or fractional seconds.
    pub(crate) fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => {
                let moment = DateTime::parse_from_rfc3339(text).ok()?;
                Some(Self(moment.timestamp_micros())).filter(|moment| moment.0 >= 0)
            }
            Value::Number(number) => Self::from_seconds(number),
            _ => None,
        }
    }

    fn from_seconds(number: &Number) -> Option<Self> {
        if let Some(secs) = number.as_i64() {
            return (0..=LAST_SECOND)
                .contains(&secs)
                .then(|| Self(secs * 1_000_000));
        }
        let secs = number
            .as_f64()
            .filter(|secs| (0.0..=LAST_SECOND as f64).contains(secs))?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the range above fits, and Chatwoot's own clock ends at µs"
        )]
        Some(Self((secs * 1e6).round() as i64))
    }
}

/// The end of the year 9999: no clock means a later one, and microseconds of it still fit.
const LAST_SECOND: i64 = 253_402_300_799;

/// For fields: null, missing and 0 all mean that it did not happen.
pub(crate) fn moment<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Moment>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(None);
    }
    match Moment::parse(&value) {
        Some(Moment(0)) => Ok(None),
        Some(moment) => Ok(Some(moment)),
        None => Err(D::Error::invalid_value(
            Unexpected::Other("no time"),
            &"a time",
        )),
    }
}

/// For fields: null means what an empty list or object means.
pub(crate) fn or_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(written: &Value, expected: Option<Moment>) {
        assert_eq!(
            moment(written).expect("a time or nothing"),
            expected,
            "{written}"
        );
    }

    #[test]
    fn one_moment_is_written_in_three_ways() {
        check(
            &json!("2026-06-17T10:00:55.000Z"),
            Some(Moment(1_781_690_455_000_000)),
        );
        check(&json!(1_781_690_455), Some(Moment(1_781_690_455_000_000)));
        check(&json!(1_781_690_455.0), Some(Moment(1_781_690_455_000_000)));
    }

    #[test]
    fn the_float_keeps_its_microseconds() {
        check(
            &json!(1_781_690_455.762_634),
            Some(Moment(1_781_690_455_762_634)),
        );
    }

    #[test]
    fn another_time_zone_is_the_same_moment() {
        check(
            &json!("2026-06-17T15:30:55+05:30"),
            Some(Moment(1_781_690_455_000_000)),
        );
    }

    #[test]
    fn zero_and_null_are_no_moment() {
        check(&json!(0), None);
        check(&json!(0.0), None);
        check(&json!(null), None);
    }

    #[test]
    fn what_is_no_time_of_ours_is_refused() {
        for written in [
            json!("yesterday"),
            json!("1969-12-31T23:59:59Z"),
            json!(-1),
            json!(1e300),
            json!(u64::MAX),
            json!(true),
            json!([]),
        ] {
            assert!(moment(&written).is_err(), "{written}");
        }
    }

    #[test]
    fn an_id_is_a_text_whichever_way_it_is_written() {
        for written in [json!(101), json!("101")] {
            assert_eq!(Id::deserialize(&written).expect("an id"), Id("101".into()));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for written in [
            json!(""),
            json!("9".repeat(41)),
            json!(1.5),
            json!(-1),
            json!(null),
            json!({}),
        ] {
            assert!(Id::deserialize(&written).is_err(), "{written}");
        }
    }
}
