//! One value of a row, as SQL compares it.

use std::borrow::Cow;
use std::cmp::Ordering;

use gladhand_core::clock::Timestamp;

use super::like::is_like;
use super::php;

/// One value of a row, as SQL compares it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// NULL, which equals nothing.
    Null,
    /// An integer or flag.
    Int(i64),
    /// A decimal.
    Number(f64),
    /// A text compared without regard to case.
    Text(Cow<'a, str>),
    /// JSON: compared byte by byte.
    Json(Cow<'a, str>),
}

impl<'a> Cell<'a> {
    /// A text that may be NULL.
    pub fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(Cow::Borrowed(text)))
    }

    /// A foreign key that may be NULL.
    pub fn key(key: Option<u32>) -> Self {
        key.map_or(Self::Null, |key| Self::Int(i64::from(key)))
    }

    /// A time that may be NULL.
    pub fn time(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Null, |at| Self::Text(php::column_time(at).into()))
    }

    /// SQL's `=` with a text from the query string.
    pub fn equals(&self, text: &str) -> bool {
        match self {
            Self::Null => false,
            Self::Int(number) => *number == php::leading_integer(text),
            Self::Number(number) => text.parse() == Ok(*number),
            Self::Text(is) => is.to_lowercase() == text.to_lowercase(),
            Self::Json(is) => is == text,
        }
    }

    /// SQL's `LIKE`.
    pub fn is_like(&self, pattern: &str) -> bool {
        match self {
            Self::Null => false,
            Self::Int(number) => is_like(&number.to_string(), pattern),
            Self::Number(number) => is_like(&format!("{number:.4}"), pattern),
            Self::Text(is) => is_like(&is.to_lowercase(), &pattern.to_lowercase()),
            Self::Json(is) => is_like(is, pattern),
        }
    }

    /// SQL's order: NULL first.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
            (Self::Json(a), Self::Json(b)) => a.cmp(b),
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }

    /// What an index lists it under; none for what no index holds.
    pub fn key_text(&self) -> Option<String> {
        match self {
            Self::Null | Self::Number(_) => None,
            Self::Int(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.to_lowercase()),
            Self::Json(text) => Some(text.clone().into_owned()),
        }
    }
}
