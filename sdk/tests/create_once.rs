//! A thing is created once, whatever happens to the answers.

use std::cell::RefCell;
use std::rc::Rc;

use gladhand_sdk::create::{Look, Made, no_lookup};
use gladhand_sdk::http::{self, Verdict};
use gladhand_sdk::links::{Entity, Link};
use gladhand_sdk::testing::{self, Memory};
use gladhand_sdk::{Failure, FailureKind, create_once, locks};
use serde_json::{Value, json};

/// A CRM that keeps names, and whose next answer to a create is what the test says.
#[derive(Clone, Default)]
struct Crm {
    people: Rc<RefCell<Vec<String>>>,
    fault: Rc<RefCell<Option<Fault>>>,
}

#[derive(Clone, Copy)]
enum Fault {
    TimeoutAfterWriting,
    TimeoutBeforeWriting,
}

impl Crm {
    fn host(&self) -> Memory {
        let crm = self.clone();
        Memory::new(move |request| {
            if request.method == "GET" {
                return testing::json(200, &json!(*crm.people.borrow()));
            }
            match crm.fault.borrow_mut().take() {
                Some(Fault::TimeoutBeforeWriting) => return Err(http::Error::Timeout),
                Some(Fault::TimeoutAfterWriting) => {
                    crm.people.borrow_mut().push("jane".into());
                    return Err(http::Error::Timeout);
                }
                None => crm.people.borrow_mut().push("jane".into()),
            }
            testing::json(200, &json!("jane"))
        })
    }

    #[track_caller]
    fn holds(&self, people: &[&str]) {
        assert_eq!(*self.people.borrow(), people);
    }
}

fn keys() -> [String; 2] {
    ["person/email:jane@x".into(), "person/phone:+1555".into()]
}

fn look(_: Look) -> Result<Option<String>, Failure> {
    let people: Vec<String> = http::get("people").send()?.json()?;
    Ok(people.into_iter().next())
}

fn attempt() -> Result<Made, Failure> {
    attempt_with(look)
}

fn attempt_with(
    find: impl FnMut(Look) -> Result<Option<String>, Failure>,
) -> Result<Made, Failure> {
    locks::acquire(&keys());
    create_once(&keys(), find, |keys| {
        let answer = http::post("people").json(&json!({})).once(keys).send()?;
        let id: Value = answer.json()?;
        Ok(id.as_str().unwrap_or_default().to_owned())
    })
}

/// Looks only where it must, as a connector does that knows the record to be new.
fn look_in_doubt(look_why: Look) -> Result<Option<String>, Failure> {
    match look_why {
        Look::First => Ok(None),
        Look::InDoubt => look(look_why),
    }
}

#[test]
fn what_is_not_there_is_created_and_every_identity_is_linked() {
    let crm = Crm::default();
    let host = crm.host();
    assert_eq!(host.run(attempt), Ok(Made::Created("jane".into())));
    for identity in ["email:jane@x", "phone:+1555"] {
        let link = host.link(&Entity::identity(identity), "person").unwrap();
        assert_eq!(link.remote_id, "jane");
    }
}

#[test]
fn what_is_there_is_found() {
    let crm = Crm::default();
    crm.people.borrow_mut().push("jane".into());
    let host = crm.host();
    assert_eq!(host.run(attempt), Ok(Made::Found("jane".into())));
    crm.holds(&["jane"]);
}

#[test]
fn an_identity_that_the_previous_holder_linked_costs_no_call() {
    let host = Crm::default().host();
    host.put_link(&Entity::identity("phone:+1555"), &Link::new("person", "9"));
    assert_eq!(host.run(attempt), Ok(Made::Found("9".into())));
    assert_eq!(host.sent().len(), 0);
    let linked = host.link(&Entity::identity("email:jane@x"), "person");
    assert_eq!(linked.unwrap().remote_id, "9");
}

#[test]
fn a_lost_answer_is_looked_up_and_not_repeated() {
    let crm = Crm::default();
    let host = crm.host();
    *crm.fault.borrow_mut() = Some(Fault::TimeoutAfterWriting);
    let lost = host.deliver("d", || attempt_with(look_in_doubt));
    assert_eq!(lost.unwrap_err().kind, FailureKind::Unavailable);

    let second = host.deliver("d", || attempt_with(look_in_doubt));
    assert_eq!(second, Ok(Made::Found("jane".into())));
    assert_eq!(host.sent_lines(), ["GET people"]);
    assert!(
        host.concluded()
            .iter()
            .all(|(_, verdict)| *verdict == Verdict::Done)
    );
    crm.holds(&["jane"]);
}

#[test]
fn a_lost_request_is_looked_up_and_sent_again() {
    let crm = Crm::default();
    let host = crm.host();
    *crm.fault.borrow_mut() = Some(Fault::TimeoutBeforeWriting);
    host.deliver("d", || attempt_with(look_in_doubt))
        .unwrap_err();

    let second = host.deliver("d", || attempt_with(look_in_doubt));
    assert_eq!(second, Ok(Made::Created("jane".into())));
    assert_eq!(host.sent_lines(), ["GET people", "POST people"]);
    assert!(
        host.concluded()
            .iter()
            .all(|(_, verdict)| *verdict == Verdict::NotDone)
    );
    crm.holds(&["jane"]);
}

#[test]
fn an_answer_that_is_known_is_replayed_and_not_sent() {
    let crm = Crm::default();
    let host = crm.host();
    host.deliver("d", || attempt_with(look_in_doubt)).unwrap();
    // A crash between the answer and the settle would leave the answer and no links.
    let again = host.deliver("d", || {
        gladhand_sdk::links::remove(&Entity::identity("email:jane@x"), "person");
        gladhand_sdk::links::remove(&Entity::identity("phone:+1555"), "person");
        attempt_with(look_in_doubt)
    });
    assert_eq!(again, Ok(Made::Created("jane".into())));
    assert_eq!(host.sent().len(), 0);
}

#[test]
fn a_crm_that_cannot_be_searched_waits_for_a_person() {
    let crm = Crm::default();
    let host = crm.host();
    *crm.fault.borrow_mut() = Some(Fault::TimeoutAfterWriting);
    host.deliver("d", || attempt_with(no_lookup)).unwrap_err();
    let failure = host.deliver("d", || attempt_with(no_lookup)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Indeterminate);
    crm.holds(&["jane"]);
}

#[test]
fn a_once_without_its_lock_is_refused() {
    let host = Crm::default().host();
    let answer = host.run(|| http::post("people").once(&keys()).send());
    assert!(matches!(answer, Err(http::Error::Refused(_))), "{answer:?}");
}
