//! A CRM in trouble: deliveries wait with a message that says what to do, die of nothing that passes, and arrive once.

use std::time::Duration;

use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::failure::FailureKind;
use gladhand_server::admin::ConnectionChange;
use gladhand_tests::chatwoot::account::Contact;
use gladhand_tests::fault::{Fault, Matcher, Rule, Work};
use gladhand_tests::krayin::Krayin;
use tokio::net::{TcpSocket, TcpStream};

use crate::bed::{Bed, CONNECTION, appears, jane, until};

const HOUR: Duration = Duration::from_hours(1);

/// The one delivery waits, and its failure says this.
#[track_caller]
pub fn check_waits(deliveries: &[Delivery], kind: FailureKind, words: &[&str]) {
    let [delivery] = deliveries else {
        panic!("one delivery: {deliveries:#?}")
    };
    assert_eq!(delivery.state, DeliveryState::Waiting, "{delivery:#?}");
    assert!(
        delivery.not_before.is_some(),
        "it says when it is tried next"
    );
    let failure = delivery.failure.as_ref().expect("it says what went wrong");
    assert_eq!(failure.kind, kind, "{failure:#?}");
    for word in words {
        assert!(
            failure.message.contains(word),
            "no `{word}` in: {}",
            failure.message
        );
    }
}

#[track_caller]
pub fn check_arrived_once(crm: &Krayin, deliveries: &[Delivery]) {
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery.state == DeliveryState::Succeeded),
        "{deliveries:#?}"
    );
    let snapshot = crm.snapshot();
    assert_eq!(
        (snapshot.persons.len(), snapshot.leads.len()),
        (deliveries.len(), deliveries.len()),
        "{snapshot:#?}"
    );
}

/// Something goes wrong with every request that `when` names, for most of a day, and then no more.
async fn check(when: Matcher, fault: Fault, kind: FailureKind, words: &[&str]) {
    let bed = Bed::new().await;
    bed.crm.inject(Rule::new(when.always(), fault));
    bed.send("trouble", &appears(jane())).await;
    check_waits(&bed.rest().await, kind, words);
    check_waits(&bed.wait(23 * HOUR).await, kind, words);
    bed.crm.clear_faults();
    check_arrived_once(&bed.crm, &bed.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_with_status_200_is_a_wrong_address_or_a_missing_package() {
    let words = [
        "web page instead of JSON",
        "check the base URL",
        "krayin/rest-api",
    ];
    check(
        Matcher::any(),
        Fault::Html { status: 200 },
        FailureKind::Configuration,
        &words,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_a_wrong_address() {
    let words = [
        "redirects to",
        "give the base URL as people open it",
        "https",
    ];
    check(
        Matcher::any(),
        Fault::Redirect,
        FailureKind::Configuration,
        &words,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_answers_502_passes() {
    check(
        Matcher::any(),
        Fault::Html { status: 502 },
        FailureKind::Unavailable,
        &["answered 502"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_500_to_one_request_alone_is_not_taken_for_a_bad_token() {
    let search = Matcher::of("GET", "/api/v1/contacts/persons/search");
    let words = ["answered 500", "storage/logs"];
    check(
        search,
        Fault::Error { done: false },
        FailureKind::Unavailable,
        &words,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_reset_passes() {
    check(
        Matcher::any(),
        Fault::Reset { done: false },
        FailureKind::Unavailable,
        &["the CRM did not answer"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crm_that_is_down_is_said_to_be_unreachable_and_gets_everything_when_it_is_back() {
    // Bound and not listening: nobody else takes the port, and every connection is refused.
    let door = TcpSocket::new_v4().expect("a socket");
    door.bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port is free");
    let address = door.local_addr().expect("it is bound");
    let bed = Bed::behind(|_| format!("http://{address}")).await;
    bed.send("down", &appears(jane())).await;
    check_waits(
        &bed.rest().await,
        FailureKind::Unavailable,
        &["cannot be reached", "refused"],
    );
    check_waits(
        &bed.wait(23 * HOUR).await,
        FailureKind::Unavailable,
        &["cannot be reached", "refused"],
    );

    let door = door.listen(16).expect("it can listen");
    let behind = bed.crm.base_url().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut outside, _)) = door.accept().await {
            let mut inside = TcpStream::connect(&behind)
                .await
                .expect("the simulator listens");
            tokio::spawn(async move {
                // However a connection ends, the next request makes another.
                let _ended = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    check_arrived_once(&bed.crm, &bed.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crm_that_stays_down_for_a_day_makes_the_delivery_a_dead_letter() {
    let bed = Bed::new().await;
    bed.crm.inject(Rule::new(
        Matcher::any().always(),
        Fault::Html { status: 502 },
    ));
    bed.send("down", &appears(jane())).await;
    let deliveries = bed.wait(Duration::from_hours(25)).await;
    assert_eq!(deliveries[0].state, DeliveryState::Dead, "{deliveries:#?}");
    assert_eq!(
        deliveries[0].failure.as_ref().map(|failure| failure.kind),
        Some(FailureKind::Unavailable)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_named_kills_nothing_and_a_new_one_delivers_everything() {
    let bed = Bed::new().await;
    bed.crm.revoke_tokens();
    bed.send("revoked", &appears(jane())).await;
    let words = ["how it refuses one", "set the new token"];
    check_waits(&bed.rest().await, FailureKind::Auth, &words);
    check_waits(&bed.wait(100 * HOUR).await, FailureKind::Auth, &words);

    let change = ConnectionChange {
        credentials: vec![("token".to_owned(), bed.crm.token().into())],
        ..ConnectionChange::default()
    };
    bed.host
        .host
        .admin
        .set_connection(CONNECTION, change)
        .await
        .expect("a new token");
    check_arrived_once(&bed.crm, &bed.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_whose_write_hangs_does_not_delay_another() {
    let bed = Bed::new().await;
    let hang = Fault::Hang {
        hold_ms: 2_000,
        work: Work::After,
    };
    bed.crm.inject(Rule::new(
        Matcher::of("POST", "/api/v1/contacts/persons"),
        hang,
    ));
    bed.send("slow", &appears(jane())).await;
    until(|| bed.crm.requests().iter().any(|seen| seen.method == "POST")).await;
    let other = Contact {
        id: 202,
        email: Some("john@roe.example".into()),
        name: "John Roe".into(),
        ..Contact::default()
    };
    bed.send("quick", &appears(other)).await;
    until(|| bed.crm.snapshot().leads.len() == 1).await;
    assert_eq!(
        bed.crm.snapshot().persons[0]["name"],
        "John Roe",
        "the second is done while the first one hangs"
    );
    check_arrived_once(&bed.crm, &bed.rest().await);
}
