//! Hostile and unknown words of a guest.

use super::*;

fn guest_failure(kind: &str) -> types::Failure {
    types::Failure {
        kind: kind.to_owned(),
        message: "m".to_owned(),
        provider_code: None,
        retry_after_ms: None,
        fields: Vec::new(),
        attributes: Vec::new(),
    }
}

#[track_caller]
fn check_kind(kind: &str, expect: FailureKind) {
    assert_eq!(failure(guest_failure(kind)).kind, expect);
}

#[track_caller]
fn check_skip(code: &str, expect: SkipCode, reason: &str) {
    let skip = types::Skip {
        code: code.to_owned(),
        reason: "r".to_owned(),
        attributes: Vec::new(),
    };
    assert_eq!(
        result(Ok(types::Outcome::Skipped(skip))),
        Ok(Outcome::Skipped {
            code: expect,
            reason: reason.to_owned()
        })
    );
}

#[test]
fn a_kind_of_the_contract_is_kept() {
    check_kind("rate-limited", FailureKind::RateLimited);
    check_kind("cursor-expired", FailureKind::CursorExpired);
}

#[test]
fn an_unknown_kind_and_one_of_the_host_count_as_internal() {
    check_kind("solar-flare", FailureKind::Internal);
    check_kind("memory", FailureKind::Internal);
    check_kind("budget-exhausted", FailureKind::Internal);
}

#[test]
fn an_unknown_skip_names_itself_in_the_reason() {
    check_skip("stale", SkipCode::Stale, "r");
    check_skip("full-moon", SkipCode::UnsupportedEvent, "full-moon: r");
    check_skip("observed", SkipCode::UnsupportedEvent, "observed: r");
}

#[test]
fn an_unknown_outcome_is_a_failure_because_it_may_have_written() {
    let failure = result(Ok(types::Outcome::Other("postponed".to_owned())))
        .expect_err("nobody knows what it means");
    assert_eq!(failure.kind, FailureKind::Internal);
    assert_eq!(
        failure.message,
        "the connector answered with the outcome `postponed`, which this host does not know: update the host"
    );
}

#[test]
fn texts_and_lists_of_a_failure_are_cut() {
    let failure = failure(types::Failure {
        message: "é".repeat(1 << 20),
        fields: vec![("f".repeat(10_000), "p".repeat(10_000)); 10_000],
        ..guest_failure("invalid")
    });
    assert_eq!(failure.message.len(), MOST_TEXT_BYTES);
    assert_eq!(failure.fields.len(), MOST_ENTRIES);
    assert_eq!(failure.fields[0].0.len(), MOST_NAME_BYTES);
    assert_eq!(failure.fields[0].1.len(), MOST_TEXT_BYTES);
}

#[test]
fn an_unknown_effect_is_refused() {
    let refused = request(http::Request {
        method: "POST".to_owned(),
        url: "/".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        body_secrets: Vec::new(),
        effect: http::Effect::Other("maybe".to_owned()),
        costs: Vec::new(),
        timeout_ms: None,
        attributes: Vec::new(),
    });
    let Err(http::Error::Refused(rule)) = refused else {
        panic!("expected a refusal");
    };
    assert_eq!(
        rule,
        "this host does not know the effect `maybe`: use read, set or once"
    );
}

#[test]
fn a_verdict_that_is_no_verdict_knows_nothing() {
    assert_eq!(verdict("done"), Verdict::Done);
    assert_eq!(verdict("open"), Verdict::Unknown);
}

#[test]
fn an_attribute_that_is_not_json_is_misuse() {
    let link = link(links::Link {
        object: "person".to_owned(),
        remote_id: "7".to_owned(),
        digest: None,
        revision: None,
        url: None,
        attributes: vec![types::Attribute {
            key: "k".to_owned(),
            value: "{".to_owned(),
        }],
    });
    assert_eq!(
        link.expect_err("it is not JSON").to_string(),
        "the connector gave `links.put` a value that is not JSON: EOF while parsing an object at line 1 column 1"
    );
}

#[test]
fn a_moment_beyond_all_calendars_is_the_last() {
    assert_eq!(timestamp(u64::MAX), Timestamp(i64::MAX));
}
