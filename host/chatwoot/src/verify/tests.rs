//! Each way to be refused, and that nothing but the signed bytes passes.

use proptest::prelude::*;

use super::*;

const SIGNED_AT: &str = "1781690460";
const NOW: Timestamp = Timestamp(1_781_690_460_000);
const BODY: &[u8] = br#"{"event":"message_created"}"#;

/// What Chatwoot puts into its signature header.
fn sign(secret: &SecretString, timestamp: &str, body: &[u8]) -> String {
    let mac = keyed(secret.expose_secret().as_bytes())
        .chain_update([timestamp.as_bytes(), b".", body].concat());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn secret() -> SecretString {
    SecretString::from("x7Vt2b4kqM3nWcP9sLrYdE8u")
}

#[track_caller]
fn check(
    signature: Option<&str>,
    timestamp: Option<&str>,
    now: Timestamp,
    expected: impl Into<Option<Error>>,
) {
    let request = Signed {
        signature,
        timestamp,
        body: BODY,
    };
    assert_eq!(
        verify(&secret(), &request, now, DEFAULT_WINDOW).err(),
        expected.into()
    );
}

fn after(secs: i64) -> Timestamp {
    Timestamp(NOW.0 + secs * 1_000)
}

#[test]
fn what_is_missing_is_named() {
    let signature = sign(&secret(), SIGNED_AT, BODY);
    check(None, Some(SIGNED_AT), NOW, Error::MissingSignature);
    check(Some(&signature), None, NOW, Error::MissingTimestamp);
}

#[test]
fn a_signature_of_another_form_is_malformed() {
    let signature = sign(&secret(), SIGNED_AT, BODY);
    let digits = signature.trim_start_matches("sha256=");
    for malformed in [
        "",
        "sha256=",
        "sha256=zz",
        digits,
        &signature[..70],
        &format!("{signature}00"),
    ] {
        check(
            Some(malformed),
            Some(SIGNED_AT),
            NOW,
            Error::MalformedSignature,
        );
    }
}

#[test]
fn a_timestamp_that_is_no_number_is_malformed() {
    for malformed in [
        "",
        "+1781690460",
        "-1781690460",
        "1781690460.5",
        "2026-06-17T10:01:00Z",
        "99999999999999999999",
    ] {
        let signature = sign(&secret(), malformed, BODY);
        check(
            Some(&signature),
            Some(malformed),
            NOW,
            Error::MalformedTimestamp,
        );
    }
}

#[test]
fn the_window_is_open_in_both_directions_up_to_its_edge() {
    let signature = sign(&secret(), SIGNED_AT, BODY);
    let (too_old, too_new) = (
        Error::TooOld {
            skew_secs: 301,
            window_secs: 300,
        },
        Error::TooNew {
            skew_secs: 301,
            window_secs: 300,
        },
    );
    check(Some(&signature), Some(SIGNED_AT), after(300), None);
    check(Some(&signature), Some(SIGNED_AT), after(-300), None);
    check(Some(&signature), Some(SIGNED_AT), after(301), too_old);
    check(Some(&signature), Some(SIGNED_AT), after(-301), too_new);
}

#[test]
fn a_timestamp_at_the_end_of_time_is_only_too_new() {
    let end = i64::MAX.to_string();
    let signature = sign(&secret(), &end, BODY);
    let request = Signed {
        signature: Some(&signature),
        timestamp: Some(&end),
        body: BODY,
    };
    let refused = verify(&secret(), &request, NOW, DEFAULT_WINDOW);
    assert!(matches!(refused, Err(Error::TooNew { .. })), "{refused:?}");
}

#[test]
fn the_timestamp_is_part_of_what_is_signed() {
    let signature = sign(&secret(), SIGNED_AT, BODY);
    check(Some(&signature), Some("1781690461"), NOW, Error::Mismatch);
}

#[test]
fn a_signature_over_the_body_alone_is_recognised_and_refused() {
    let mac = keyed(secret().expose_secret().as_bytes())
        .chain_update(BODY)
        .finalize()
        .into_bytes();
    let signature = format!("sha256={}", hex::encode(mac));
    check(Some(&signature), Some(SIGNED_AT), NOW, Error::BodyAlone);
}

#[test]
fn an_empty_secret_proves_nothing() {
    let empty = SecretString::from("");
    let signature = sign(&empty, SIGNED_AT, BODY);
    let request = Signed {
        signature: Some(&signature),
        timestamp: Some(SIGNED_AT),
        body: BODY,
    };
    assert_eq!(
        verify(&empty, &request, NOW, DEFAULT_WINDOW),
        Err(Error::EmptySecret)
    );
}

#[test]
fn a_token_is_equal_to_itself_alone() {
    for (expected, given, is_equal) in [
        ("k3y", "k3y", true),
        ("k3y", "k3z", false),
        ("k3y", "k3", false),
        ("k3y", "k3y\0", false),
        ("k3y", "", false),
        ("", "", false),
    ] {
        let equal = equal(expected.as_bytes(), given.as_bytes());
        assert_eq!(equal, is_equal, "{expected:?} {given:?}");
    }
}

proptest! {
    #[test]
    fn what_was_signed_passes_and_any_other_bit_is_refused(
        key in "[ -~]{1,40}",
        body in prop::collection::vec(any::<u8>(), 1..200),
        place in any::<prop::sample::Index>(),
        bit in 0_u32..8,
    ) {
        let secret = SecretString::from(key);
        let signature = sign(&secret, SIGNED_AT, &body);
        let mut changed = body.clone();
        changed[place.index(body.len())] ^= 1 << bit;
        let check = |body: &[u8]| {
            let request = Signed { signature: Some(&signature), timestamp: Some(SIGNED_AT), body };
            verify(&secret, &request, NOW, DEFAULT_WINDOW)
        };
        prop_assert_eq!(check(&body), Ok(()));
        prop_assert_eq!(check(&changed), Err(Error::Mismatch));
    }

    #[test]
    fn another_secret_is_refused(key in "[a-z]{1,40}", other in "[A-Z]{1,40}", body in any::<Vec<u8>>()) {
        let signature = sign(&SecretString::from(key), SIGNED_AT, &body);
        let request = Signed { signature: Some(&signature), timestamp: Some(SIGNED_AT), body: &body };
        let refused = verify(&SecretString::from(other), &request, NOW, DEFAULT_WINDOW);
        prop_assert_eq!(refused, Err(Error::Mismatch));
    }

    #[test]
    fn no_header_panics_the_check(signature in any::<String>(), timestamp in any::<String>(), now in any::<i64>()) {
        let request = Signed { signature: Some(&signature), timestamp: Some(&timestamp), body: BODY };
        prop_assert!(verify(&secret(), &request, Timestamp(now), DEFAULT_WINDOW).is_err());
    }
}
