//! What the auditor must notice, told by hand.

use gladhand_tests::krayin::Snapshot;
use serde_json::json;

use super::*;

/// Two people with a lead and a message each, everything as it should be.
fn evidence() -> Evidence {
    let person = |id: i64| json!({"id": id, "name": record::name(id, 2), "emails": [{"value": record::email(id)}]});
    let lead = |id: i64| json!({"id": id, "person_id": id, "lead_pipeline_stage_id": 3});
    let note = |id: i64, message: i64, lead: i64| json!({"id": id, "title": format!("Chatwoot message #{message} (support)"), "lead_ids": [lead], "person_ids": []});
    let told = |contact: i64, says: Says| Told {
        contact,
        says,
        answer: Answer::Stored(format!("evt_{contact}")),
    };
    let row = |contact: i64| Row {
        event_id: format!("evt_{contact}"),
        lane: contact.to_string(),
        kind: "message.created".to_owned(),
        state: "succeeded".to_owned(),
        not_before: None,
        attempts: 1,
        message: None,
    };
    Evidence {
        told: vec![
            told(1, Says::Version(2)),
            told(
                1,
                Says::Message {
                    id: 9_001,
                    stage: 3,
                },
            ),
            told(
                1,
                Says::Message {
                    id: 9_003,
                    stage: 3,
                },
            ),
            told(
                2,
                Says::Message {
                    id: 9_002,
                    stage: 2,
                },
            ),
        ],
        rows: vec![row(1), row(2)],
        crm: Snapshot {
            persons: vec![person(1), person(2)],
            organizations: Vec::new(),
            leads: vec![lead(1), lead(2)],
            activities: vec![note(1, 9_001, 1), note(2, 9_002, 2), note(3, 9_003, 1)],
            tags: Vec::new(),
        },
        requests: vec![
            request(
                1,
                "PUT",
                &format!("/api/v1/contacts/persons/{}", 1),
                100,
                110,
            ),
            request(2, "GET", "/api/v1/leads/2", 105, 115),
            request(3, "GET", "/api/v1/leads/1", 110, 120),
        ],
        now: Timestamp(1_000),
    }
}

fn request(number: u64, method: &str, path: &str, at: i64, until: i64) -> Seen {
    Seen {
        number,
        method: method.to_owned(),
        path: path.to_owned(),
        query: String::new(),
        body: json!({"name": record::name(1, 2)})
            .to_string()
            .into_bytes()
            .into(),
        token: None,
        at: Timestamp(at),
        until: Some(Timestamp(until)),
        status: Some(200),
        overlap: 0,
        fault: None,
    }
}

#[track_caller]
fn check(spoil: impl FnOnce(&mut Evidence), line: &str) {
    let mut evidence = evidence();
    // Only the first request is about the first contact by its body.
    evidence.requests[1].body = b"{}".as_slice().into();
    evidence.requests[2].body = b"{}".as_slice().into();
    spoil(&mut evidence);
    assert_eq!(audit(&evidence).line(), line);
}

#[test]
fn where_all_is_well_nothing_is_found() {
    check(
        |_| {},
        "lost 0, doubled 0, reordered 0, overlapped 0, stuck 0",
    );
}

#[test]
fn an_acknowledged_message_that_is_not_in_the_crm_is_lost_unless_somebody_can_see_it() {
    check(
        |evidence| {
            evidence.crm.activities.pop();
        },
        "lost 1, doubled 0, reordered 0, overlapped 0, stuck 0",
    );
    check(
        |evidence| {
            evidence.crm.activities.pop();
            evidence.rows[0].state = "dead".to_owned();
        },
        "lost 0, doubled 0, reordered 0, overlapped 0, stuck 0",
    );
    check(
        |evidence| {
            evidence.crm.activities.pop();
            evidence.told[2].answer = Answer::None;
        },
        "lost 0, doubled 0, reordered 0, overlapped 0, stuck 0",
    );
}

#[test]
fn an_event_without_a_row_an_old_name_and_an_old_stage_are_lost() {
    check(
        |evidence| {
            evidence.rows.pop();
        },
        "lost 1, doubled 0, reordered 0, overlapped 0, stuck 0",
    );
    check(
        |evidence| evidence.told[0].says = Says::Version(3),
        "lost 1, doubled 0, reordered 0, overlapped 0, stuck 0",
    );
    check(
        |evidence| evidence.told[3].says = Says::Stage(4),
        "lost 1, doubled 0, reordered 0, overlapped 0, stuck 0",
    );
}

#[test]
fn two_records_for_one_thing_are_doubled() {
    check(
        |evidence| {
            let mut again = evidence.crm.activities[0].clone();
            again["id"] = 4.into();
            evidence.crm.activities.insert(1, again);
            let mut again = evidence.crm.leads[1].clone();
            again["id"] = 3.into();
            evidence.crm.leads.push(again);
        },
        "lost 0, doubled 2, reordered 0, overlapped 0, stuck 0",
    );
}

#[test]
fn an_older_message_or_name_after_a_newer_one_is_reordered() {
    check(
        |evidence| evidence.crm.activities.swap(0, 2),
        "lost 0, doubled 0, reordered 1, overlapped 0, stuck 0",
    );
    check(
        |evidence| {
            let mut older = request(4, "PUT", "/api/v1/contacts/persons/1", 130, 140);
            older.body = json!({"name": record::name(1, 1)})
                .to_string()
                .into_bytes()
                .into();
            evidence.requests.push(older);
        },
        "lost 0, doubled 0, reordered 1, overlapped 0, stuck 0",
    );
}

#[test]
fn two_requests_for_one_contact_at_a_time_overlap_and_for_two_contacts_do_not() {
    check(
        |evidence| evidence.requests[2].at = Timestamp(109),
        "lost 0, doubled 0, reordered 0, overlapped 1, stuck 0",
    );
}

#[test]
fn what_could_run_is_stuck_and_what_waits_for_its_time_is_not() {
    check(
        |evidence| evidence.rows[0].state = "pending".to_owned(),
        "lost 0, doubled 0, reordered 0, overlapped 0, stuck 1",
    );
    check(
        |evidence| {
            let mut head = evidence.rows[0].clone();
            head.state = "waiting".to_owned();
            head.not_before = Some(2_000);
            evidence.rows.push(head);
            evidence.rows[0].state = "pending".to_owned();
        },
        "lost 0, doubled 0, reordered 0, overlapped 0, stuck 0",
    );
}
