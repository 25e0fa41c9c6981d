//! What a person must mend stops by itself, says so once, loses nothing, and goes on by itself when it is mended.

use std::time::Duration;

use gladhand_core::delivery::DeliveryState;
use gladhand_core::failure::FailureKind;
use gladhand_core::pause::By;
use gladhand_tests::chatwoot::account::Contact;
use gladhand_tests::fault::{Fault, Matcher, Rule};
use hyper::Method;

use crate::bed::{Bed, CONNECTION, appears, jane, until};
use crate::trouble::check_arrived_once;

/// Between two tests of a paused account.
const TEST_AGAIN: Duration = Duration::from_mins(5);

fn other(id: i64) -> Contact {
    Contact {
        id,
        name: format!("Visitor {id}"),
        email: Some(format!("visitor-{id}@example.com")),
        ..Contact::default()
    }
}

/// Everything is answered like this until the faults are cleared.
fn answer_all(bed: &Bed, status: u16) {
    let rule = Rule::new(Matcher::any().always(), Fault::Html { status });
    bed.crm.inject(rule);
}

/// How often a pause for want of this was told.
async fn told(bed: &Bed, kind: &str) -> u64 {
    let name = format!("gladhand_pauses_total{{kind=\"{kind}\"}} ");
    let metrics = bed.metrics().await;
    let count = metrics.lines().find_map(|line| line.strip_prefix(&name));
    count.map_or(0, |count| count.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_token_is_refused_pauses_tests_itself_and_resumes_by_itself() {
    let bed = Bed::new().await;
    let before = told(&bed, "auth").await;
    answer_all(&bed, 401);
    for contact in [jane(), other(202), other(203)] {
        bed.send(&format!("of-{}", contact.id), &appears(contact))
            .await;
    }
    bed.rest().await;
    let paused = bed.host.host.engine.paused();
    let [pause] = paused.as_slice() else {
        panic!("the account, and once: {paused:#?}");
    };
    assert_eq!(pause.connection, None);
    assert_eq!(
        (pause.paused.by, pause.paused.kind),
        (By::Host, Some(FailureKind::Auth))
    );
    assert!(
        pause.paused.message.contains("set the new token"),
        "{pause:#?}"
    );
    assert_eq!(told(&bed, "auth").await, before + 1, "however many met it");

    bed.crm.forget_requests();
    bed.send("later", &appears(other(204))).await;
    bed.rest().await;
    assert_eq!(
        bed.crm.requests().len(),
        0,
        "nothing is tried with a refused token"
    );

    // It looks for itself, finds the token still refused, and says no more about it.
    bed.clock.advance(TEST_AGAIN);
    until(|| !bed.crm.requests().is_empty()).await;
    bed.rest().await;
    assert_eq!(bed.host.host.engine.paused().len(), 1);
    assert_eq!(told(&bed, "auth").await, before + 1);

    bed.crm.clear_faults();
    bed.clock.advance(TEST_AGAIN);
    until(|| bed.host.host.engine.paused().is_empty()).await;
    check_arrived_once(&bed.crm, &bed.finish().await);
}

/// Three failures in a row of the same sort pause the connection; a check that passes lets it go on.
async fn check_connection_pauses(status: u16, kind: FailureKind, words: &str) {
    let bed = Bed::new().await;
    let before = told(&bed, kind.as_str()).await;
    answer_all(&bed, status);
    bed.send("unmended", &appears(jane())).await;
    let deliveries = bed.finish().await;
    assert_eq!(deliveries[0].attempts, 3, "{deliveries:#?}");
    let paused = bed.host.host.engine.paused();
    let [pause] = paused.as_slice() else {
        panic!("the connection: {paused:#?}");
    };
    assert!(pause.connection.is_some(), "and not its account");
    assert_eq!((pause.paused.by, pause.paused.kind), (By::Host, Some(kind)));
    let shown = bed.host.host.admin.show_connection(CONNECTION).await;
    let because = shown.expect("it is there").paused_because;
    let because = because.expect("it says what to change");
    assert!(because.contains(words), "no `{words}` in: {because}");
    assert_eq!(told(&bed, kind.as_str()).await, before + 1);

    // Its lanes wait, whatever comes and however long it takes; nothing dies and nothing is asked.
    bed.crm.forget_requests();
    bed.send("later", &appears(other(202))).await;
    let deliveries = bed.wait(Duration::from_hours(100)).await;
    let is_open = |state: DeliveryState| !state.is_settled();
    assert!(
        deliveries.iter().all(|delivery| is_open(delivery.state)),
        "{deliveries:#?}"
    );
    assert_eq!(bed.crm.requests().len(), 0);

    let check = format!("/api/v1/connections/{CONNECTION}/check");
    assert_eq!(bed.api(Method::POST, &check, Vec::new()).await.status, 200);
    assert_eq!(
        bed.host.host.engine.paused().len(),
        1,
        "a check that fails resumes nothing"
    );
    bed.crm.clear_faults();
    assert_eq!(bed.api(Method::POST, &check, Vec::new()).await.status, 200);
    assert!(bed.host.host.engine.paused().is_empty());
    check_arrived_once(&bed.crm, &bed.finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_base_url_is_wrong_pauses_until_a_check_passes() {
    check_connection_pauses(200, FailureKind::Configuration, "check the base URL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_user_may_not_pauses_until_a_check_passes() {
    check_connection_pauses(403, FailureKind::Permission, "give the token's user a role").await;
}
