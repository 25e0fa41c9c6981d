//! Whether a webhook comes from the Chatwoot that shares a secret with us, and is of now.
//!
//! The signature is `hex(HMAC-SHA256(secret, timestamp + "." + body))` over the bytes as they came: Chatwoot escapes
//! `<`, `>` and `&` in its JSON, so a body that was parsed and written again never matches.

use std::time::Duration;

use gladhand_core::clock::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Carries `sha256=` and 64 hex digits.
pub const SIGNATURE_HEADER: &str = "x-chatwoot-signature";
/// Carries when the request was signed, in seconds since the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "x-chatwoot-timestamp";
/// Names the delivery: equal where Chatwoot's own queue sent the same webhook twice.
pub const DELIVERY_HEADER: &str = "x-chatwoot-delivery";

/// How far a request's timestamp may be from our clock, in either direction, unless the operator says otherwise.
///
/// Chatwoot signs when it sends, so a backlog of its queue does not age a request; only clocks that differ do.
pub const DEFAULT_WINDOW: Duration = Duration::from_mins(5);

/// A request as it came: the headers that carry the proof, and what they prove.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `X-Chatwoot-Timestamp`
    pub timestamp: Option<&'a str>,
    /// `X-Chatwoot-Signature`
    pub signature: Option<&'a str>,
    /// Every byte of the body.
    pub body: &'a [u8],
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The source has a secret that proves nothing.
    #[error(
        "the source's webhook_secret is empty; copy the secret that Chatwoot shows for this webhook"
    )]
    EmptySecret,
    /// Nothing was signed.
    #[error(
        "the request has no X-Chatwoot-Signature header; Chatwoot signs account webhooks since 4.11.2 and never those of \
         macros and automations, for which a source without a webhook_secret and with a token in its URL is made"
    )]
    MissingSignature,
    /// What was signed cannot be known.
    #[error("the request has no X-Chatwoot-Timestamp header; does a proxy drop it?")]
    MissingTimestamp,
    /// Not Chatwoot's form of a signature.
    #[error(
        "X-Chatwoot-Signature is not `sha256=` and 64 hex digits; is it another product's webhook?"
    )]
    MalformedSignature,
    /// Not Chatwoot's form of a timestamp.
    #[error("X-Chatwoot-Timestamp is not a number of seconds; is it another product's webhook?")]
    MalformedTimestamp,
    /// A replay, or a clock that is off.
    #[error(
        "the request was signed {skew_secs} s ago, more than the {window_secs} s allowed; it is a replay, or the clock \
         here or on the Chatwoot server is off"
    )]
    TooOld {
        /// By how much it is behind our clock.
        skew_secs: u64,
        /// What is allowed.
        window_secs: u64,
    },
    /// A clock that is off.
    #[error(
        "the request was signed {skew_secs} s in the future, more than the {window_secs} s allowed; the clock here or on \
         the Chatwoot server is off"
    )]
    TooNew {
        /// By how much it is ahead of our clock.
        skew_secs: u64,
        /// What is allowed.
        window_secs: u64,
    },
    /// Right secret, wrong text.
    #[error(
        "the signature was made over the body alone; Chatwoot signs `timestamp.body`, so something between it and here \
         signs again, or a script imitates it"
    )]
    BodyAlone,
    /// Another secret, or another body.
    #[error(
        "the signature does not match; is webhook_secret the one that Chatwoot shows for this webhook, and does a proxy \
         change the body?"
    )]
    Mismatch,
}

/// Proves that whoever holds `secret` sent the request within `window` of `now`.
pub fn verify(
    secret: &SecretString,
    request: &Signed<'_>,
    now: Timestamp,
    window: Duration,
) -> Result<(), Error> {
    let secret = secret.expose_secret().as_bytes();
    if secret.is_empty() {
        return Err(Error::EmptySecret);
    }
    let signature = request.signature.ok_or(Error::MissingSignature)?;
    let timestamp = request.timestamp.ok_or(Error::MissingTimestamp)?;
    let signature = parse_signature(signature).ok_or(Error::MalformedSignature)?;
    let signed_at = parse_timestamp(timestamp).ok_or(Error::MalformedTimestamp)?;
    check_age(signed_at, now, window)?;

    // `verify_slice` takes the same time wherever the difference is.
    let expected = keyed(secret)
        .chain_update(timestamp)
        .chain_update(b".")
        .chain_update(request.body);
    if expected.verify_slice(&signature).is_ok() {
        return Ok(());
    }
    // The commonest mistake of those who write their own sender deserves its own answer.
    let is_body_alone = keyed(secret)
        .chain_update(request.body)
        .verify_slice(&signature)
        .is_ok();
    Err(if is_body_alone {
        Error::BodyAlone
    } else {
        Error::Mismatch
    })
}

/// Whether the token in an unsigned source's URL is the expected one, in a time that tells nothing of the difference.
///
/// An empty token is never the expected one.
pub fn equal(expected: &[u8], given: &[u8]) -> bool {
    // Equal codes of both under one key mean equal texts, and comparing codes betrays neither text nor length.
    let given = keyed(expected).chain_update(given).finalize();
    let is_equal = keyed(expected)
        .chain_update(expected)
        .verify_slice(&given.into_bytes());
    is_equal.is_ok() && !expected.is_empty()
}

fn parse_signature(header: &str) -> Option<[u8; 32]> {
    let mut signature = [0; 32];
    hex::decode_to_slice(header.strip_prefix("sha256=")?, &mut signature).ok()?;
    Some(signature)
}

fn parse_timestamp(header: &str) -> Option<Timestamp> {
    // `parse` alone would take a sign.
    let is_digits = header.bytes().all(|byte| byte.is_ascii_digit());
    let secs: i64 = header.parse().ok().filter(|_| is_digits)?;
    Some(Timestamp(secs.saturating_mul(1_000)))
}

fn check_age(signed_at: Timestamp, now: Timestamp, window: Duration) -> Result<(), Error> {
    let window_secs = window.as_secs();
    let (age, lead) = (now.since(signed_at), signed_at.since(now));
    if age > window {
        let skew_secs = age.as_secs();
        return Err(Error::TooOld {
            skew_secs,
            window_secs,
        });
    }
    if lead > window {
        let skew_secs = lead.as_secs();
        return Err(Error::TooNew {
            skew_secs,
            window_secs,
        });
    }
    Ok(())
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests;
