//! What operators configure.

use std::time::Duration;

use gladhand_core::attempt::{Changes, LinkChange};
use gladhand_core::clock::Clock;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::effect::Intended;
use gladhand_core::ids::{ConnectionId, SourceId};
use gladhand_store::Error;
use gladhand_store::deliveries::DeliveryFilter;
use gladhand_store::queue::Asked;
use gladhand_store::retention::Keep;
use gladhand_store::settings::SecretOwner;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::changes::{entity, link};
use crate::bed::{Backend, Bed, DIGEST};
use crate::configured::{test_account, test_source, test_version};
use crate::events::Tick;

pub async fn what_is_configured_is_read_back_by_name(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let sales = test_source(SourceId::new(&*bed.given.ids), "a sales team");
    bed.store.put_source(&sales).await.expect("a new source");
    let mut support = test_source(bed.source, "support");
    support.is_signed = false;
    support.base_url = None;
    bed.store.put_source(&support).await.expect("a change");
    assert_eq!(bed.store.sources().await.expect("a read"), [sales, support]);
    assert_eq!(
        bed.store.accounts().await.expect("a read"),
        [test_account(bed.account)]
    );

    let mut connection = bed.test_connection(bed.connection, "first");
    connection.inboxes = vec!["3".into()];
    connection.settings = json!({"deep": [1, {"x": null}]});
    connection.mode = gladhand_core::connection::Mode::Observe;
    connection.time_zone = Some("Europe/Berlin".into());
    bed.store
        .put_connection(&connection)
        .await
        .expect("a change");
    assert_eq!(bed.store.connections().await.expect("a read"), [connection]);
}

pub async fn a_name_is_taken_once(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let twin = test_source(SourceId::new(&*bed.given.ids), "support");
    let put = bed.store.put_source(&twin).await;
    assert!(matches!(put, Err(Error::Exists { what: "source", name }) if name == "support"));
    let twin = bed.test_connection(ConnectionId::new(&*bed.given.ids), "first");
    let put = bed.store.put_connection(&twin).await;
    assert!(matches!(
        put,
        Err(Error::Exists {
            what: "connection",
            ..
        })
    ));
}

pub async fn a_source_with_connections_stays(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let removed = bed.store.remove_source(bed.source).await;
    assert!(
        matches!(removed, Err(Error::Related { what: "source" })),
        "{removed:?}"
    );
    assert_eq!(bed.claim(1).await.len(), 1, "and so does what it sent");
    bed.store
        .remove_connection(bed.connection)
        .await
        .expect("a removal");
    bed.store
        .remove_source(bed.source)
        .await
        .expect("a removal");
    assert!(bed.store.sources().await.expect("a read").is_empty());
    assert!(bed.sweep(&Keep::STANDARD, 100).await >= 4);
    bed.clock.advance(Duration::from_hours(2));
    assert_eq!(bed.sweep(&Keep::STANDARD, 100).await, 0);
}

pub async fn secrets_are_read_back_and_replaced(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let of_source = SecretOwner::Source(bed.source);
    let of_account = SecretOwner::Account(bed.account);
    for (owner, name, secret) in [
        (of_source, "webhook_secret", "old"),
        (of_source, "webhook_secret", "new"),
        (of_source, "api_token", "t"),
        (of_account, "token", "k"),
    ] {
        let secret = SecretString::from(secret);
        bed.store
            .put_secret(owner, name, &secret)
            .await
            .expect("a write");
    }
    let read = async |owner| {
        let secrets = bed.store.secrets(owner).await.expect("a read");
        let exposed = secrets
            .into_iter()
            .map(|(name, secret)| (name, secret.expose_secret().to_owned()));
        exposed.collect::<Vec<_>>()
    };
    let expect = [("api_token", "t"), ("webhook_secret", "new")].map(|(a, b)| (a.into(), b.into()));
    assert_eq!(read(of_source).await, expect);
    assert_eq!(read(of_account).await, [("token".into(), "k".into())]);
}

pub async fn a_connection_takes_with_it_what_only_it_had(backend: Box<dyn Backend>) {
    const KEY: &str = "person/email:jane@example.com";
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let claimed = bed.claim_one().await;
    assert_eq!(
        bed.intend(&claimed.lease, &bed.intent(&[KEY])).await,
        Intended::Send
    );
    let (jane, email) = (
        entity("contact", "7"),
        entity("identity", "email:jane@example.com"),
    );
    let links = [&jane, &email]
        .map(|of| LinkChange::Put(of.clone(), link("5")))
        .to_vec();
    let changes = Changes {
        links,
        ..Changes::default()
    };
    bed.settle(&claimed.lease, changes, bed.ended(DeliveryState::Succeeded))
        .await
        .expect("it holds");
    bed.take(bed.contact("7", None, Tick(2))).await;
    let running = bed.claim_one().await;
    bed.ports
        .variables
        .set(bed.connection, "stages", json!(1))
        .await
        .expect("a write");

    bed.store
        .remove_connection(bed.connection)
        .await
        .expect("a removal");
    assert!(bed.store.connections().await.expect("a read").is_empty());
    let settled = bed
        .settle(
            &running.lease,
            Changes::default(),
            bed.ended(DeliveryState::Succeeded),
        )
        .await;
    assert!(matches!(settled, Err(Error::LeaseLost)));
    // It is shown no more, and nobody queues it again.
    let retried = bed.store.retry(claimed.delivery.id, bed.clock.now()).await;
    assert_eq!(retried.expect("an answer"), Asked::Unknown);
    let listed = bed.store.list(DeliveryFilter {
        limit: 10,
        ..DeliveryFilter::default()
    });
    assert!(listed.await.expect("a read").is_empty());
    // Planned by a host that did not know yet.
    bed.take(bed.contact("9", None, Tick(3))).await;
    assert_eq!(bed.claim(1).await.len(), 0);
    bed.sweep(&Keep::STANDARD, 2).await;
    let all = DeliveryFilter {
        limit: 10,
        ..DeliveryFilter::default()
    };
    assert!(bed.store.list(all).await.expect("a read").is_empty());
    assert!(
        bed.store
            .counts()
            .await
            .expect("a read")
            .by_state
            .is_empty()
    );
    assert!(
        bed.ports
            .links
            .list(bed.scope(), &jane)
            .await
            .expect("a read")
            .is_empty()
    );
    let variable = bed.ports.variables.get(bed.connection, "stages").await;
    assert!(variable.expect("a read").is_none());

    // The account's stays: its identities, and what may have been written.
    assert_eq!(
        bed.ports
            .links
            .list(bed.scope(), &email)
            .await
            .expect("a read"),
        [link("5")]
    );
    bed.forget_connection(bed.connection);
    bed.add_connection(ConnectionId::new(&*bed.given.ids), "again")
        .await;
    bed.take(bed.contact("8", None, Tick(4))).await;
    let claimed = bed.claim(1).await.remove(0);
    let intended = bed.intend(&claimed.lease, &bed.intent(&[KEY])).await;
    assert!(matches!(intended, Intended::InDoubt(_)), "{intended:?}");
}

pub async fn a_component_is_stored_once_and_routed(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.store
        .add_version(&test_version(), b"other bytes")
        .await
        .expect("nothing to do");
    assert_eq!(
        bed.store.versions().await.expect("a read"),
        [test_version()]
    );
    let component = bed.store.component(DIGEST).await.expect("a read");
    assert_eq!(component.as_deref(), Some(&b"component"[..]));
    assert_eq!(bed.store.component("none").await.expect("a read"), None);
    let routes = bed.store.routes().await.expect("a read");
    assert_eq!(routes, [(bed.connection, DIGEST.to_owned())]);
    let refused = bed.store.set_route(bed.connection, "none").await;
    assert!(
        matches!(refused, Err(Error::Related { what: "route" })),
        "{refused:?}"
    );
}
