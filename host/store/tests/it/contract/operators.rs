//! What operators look at: doubtful writes, links, events, deeds, and what was configured elsewhere.

use gladhand_core::attempt::{Entity, Link};
use gladhand_core::clock::Clock;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::effect::{Intended, Verdict};
use gladhand_store::audit::AuditEntry;
use gladhand_store::effects::{Concluded, EffectFilter, Word};
use gladhand_store::link_book::LinkFilter;

use super::journal::{EMAIL, PHONE};
use crate::bed::{Backend, Bed};
use crate::events::Tick;

fn entity(kind: &str, id: &str) -> Entity {
    Entity {
        kind: kind.into(),
        id: id.into(),
    }
}

fn link(remote_id: &str) -> Link {
    Link {
        object: "person".into(),
        remote_id: remote_id.into(),
        digest: Some("abc".into()),
        revision: None,
        url: None,
        attributes: serde_json::Map::new(),
    }
}

pub async fn what_is_in_doubt_is_listed_and_concluded_once(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let claimed = bed.claim_one().await;
    let intent = bed.intent(&[EMAIL, PHONE]);
    assert_eq!(bed.intend(&claimed.lease, &intent).await, Intended::Send);
    let doubtful = EffectFilter {
        in_doubt: true,
        limit: 10,
        ..EffectFilter::default()
    };
    let listed = bed.store.list_effects(doubtful.clone()).await;
    let listed = listed.expect("a read");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].keys, [EMAIL, PHONE]);
    assert_eq!(listed[0].verdict, Verdict::Open);
    assert_eq!(listed[0].delivery, claimed.delivery.id);

    let word = Word::Done("42".into());
    let now = bed.clock.now();
    let conclude = |key| bed.store.conclude_effect(bed.account, key, &word, now);
    let concluded = conclude(PHONE).await.expect("an answer");
    assert!(matches!(concluded, Concluded::Done(effect) if effect.verdict == Verdict::Done));
    let again = conclude(EMAIL).await.expect("an answer");
    assert!(matches!(again, Concluded::Settled(_)));
    let unknown = conclude("person/email:nobody@example.com").await;
    assert_eq!(unknown.expect("an answer"), Concluded::Unknown);
    assert_eq!(bed.store.list_effects(doubtful).await.expect("a read"), []);

    // Whoever looks finds it by every identity, without searching.
    for identity in ["email:jane@example.com", "phone:+15551230001"] {
        let of = entity("identity", identity);
        let linked = bed.ports.links.get(bed.scope(), &of, "person").await;
        let linked = linked.expect("a read").expect("a link");
        assert_eq!(linked.remote_id, "42");
    }
    let asked = bed.intend(&claimed.lease, &bed.intent(&[EMAIL])).await;
    assert!(matches!(asked, Intended::InDoubt(doubt) if doubt.verdict == Verdict::Done));
}

pub async fn links_are_listed_put_and_removed(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let now = bed.clock.now();
    let mut links: Vec<_> = ["1", "2", "3"]
        .map(|id| (entity("contact", id), link(id)))
        .into();
    // What a connector notes for itself is no record of the CRM.
    links.push((entity("contact", "0"), link("")));
    let put = bed.store.put_links(bed.connection, &links, now).await;
    put.expect("a write");
    let list = |filter: LinkFilter| async {
        let listed = bed.store.list_links(bed.connection, filter).await;
        let ids: Vec<String> = listed
            .expect("a read")
            .into_iter()
            .map(|record| record.entity.id)
            .collect();
        ids
    };
    let page = |after: Option<&str>| LinkFilter {
        after: after.map(|id| ("contact".into(), id.into(), "person".into())),
        limit: 2,
        ..LinkFilter::default()
    };
    assert_eq!(list(page(None)).await, ["1", "2"]);
    assert_eq!(list(page(Some("2"))).await, ["3"]);
    let of = |remote_id: &str| LinkFilter {
        remote_id: Some(remote_id.into()),
        limit: 10,
        ..LinkFilter::default()
    };
    assert_eq!(list(of("2")).await, ["2"]);
    for expect in [true, false] {
        let removed = bed
            .store
            .remove_link(bed.connection, &entity("contact", "2"), "person", now)
            .await;
        assert_eq!(removed.expect("a write"), expect);
    }
    assert_eq!(list(of("2")).await, [""; 0]);
}

pub async fn events_are_followed(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    bed.take(bed.unreadable()).await;
    let newest = bed.store.events_after(None, 10).await.expect("a read");
    assert_eq!(newest.len(), 2);
    assert_eq!(newest[0].contact.as_deref(), Some("7"));
    assert_eq!(newest[0].deliveries[0].state, DeliveryState::Pending);
    assert_eq!(newest[1].contact, None);
    let last = newest[1].id;
    bed.take(bed.contact("8", None, Tick(2))).await;
    let later = bed.store.events_after(Some(last), 10).await;
    let later = later.expect("a read");
    assert_eq!(later.len(), 1);
    assert_eq!(later[0].contact.as_deref(), Some("8"));
}

pub async fn deeds_are_kept(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let deeds: Vec<AuditEntry> = ["delivery.retry", "dead.discard"]
        .map(|action| AuditEntry {
            id: bed.given.ids.next(),
            at: bed.clock.now(),
            actor: "admin".into(),
            action: action.into(),
            subject: "dlv_1".into(),
            detail: "asked for".into(),
        })
        .into();
    for deed in &deeds {
        // Told twice, kept once.
        for _ in 0..2 {
            bed.store.record_deed(deed).await.expect("a write");
        }
    }
    let kept = bed.store.deeds(None, 10).await.expect("a read");
    assert_eq!(kept, [deeds[1].clone(), deeds[0].clone()]);
    let older = bed.store.deeds(Some(deeds[1].id), 10).await;
    assert_eq!(older.expect("a read"), deeds[..1]);
}

pub async fn configuring_raises_the_revision(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let before = bed.store.revision().await.expect("a read");
    let mut connection = bed.test_connection(bed.connection, "first");
    connection.is_paused = true;
    bed.store
        .put_connection(&connection)
        .await
        .expect("a write");
    assert!(bed.store.revision().await.expect("a read") > before);
}
