//! Links, cache and variables.

use std::time::Duration;

use gladhand_core::attempt::{CacheChange, Changes, Entity, Link, LinkChange, Relink};
use gladhand_core::clock::Clock;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::effect::Intended;
use gladhand_core::ids::ConnectionId;
use gladhand_core::port::{Ports, Scope};
use gladhand_store::audit::AuditEntry;
use serde_json::json;

use crate::bed::{Backend, Bed, STATE};
use crate::events::Tick;

pub fn entity(kind: &str, id: &str) -> Entity {
    Entity {
        kind: kind.into(),
        id: id.into(),
    }
}

pub fn link(remote_id: &str) -> Link {
    Link {
        object: "person".into(),
        remote_id: remote_id.into(),
        digest: Some("d".into()),
        revision: None,
        url: Some("https://crm.example.com/5".into()),
        attributes: serde_json::Map::from_iter([("stage".to_owned(), json!(3))]),
    }
}

/// One attempt of a contact's delivery that makes these changes.
async fn commit(bed: &Bed, tick: i64, changes: Changes) {
    bed.take(bed.contact("7", None, Tick(tick))).await;
    let claimed = bed.claim_one().await;
    bed.settle(&claimed.lease, changes, bed.ended(DeliveryState::Succeeded))
        .await
        .expect("the lease holds");
}

fn links(changes: &[LinkChange]) -> Changes {
    Changes {
        links: changes.to_vec(),
        ..Changes::default()
    }
}

async fn remote_id(bed: &Bed, entity: &Entity) -> Option<String> {
    let found = bed
        .ports
        .links
        .get(bed.scope(), entity, "person")
        .await
        .expect("a read");
    found.map(|link| link.remote_id)
}

pub async fn links_are_committed_with_the_settle(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let jane = entity("contact", "7");
    commit(&bed, 1, links(&[LinkChange::Put(jane.clone(), link("5"))])).await;
    let found = bed
        .ports
        .links
        .get(bed.scope(), &jane, "person")
        .await
        .expect("a read");
    assert_eq!(found, Some(link("5")));
    assert_eq!(
        bed.ports
            .links
            .list(bed.scope(), &jane)
            .await
            .expect("a read"),
        [link("5")]
    );
    let by_remote = bed
        .ports
        .links
        .find_by_remote(bed.scope(), "person", "5")
        .await;
    assert_eq!(by_remote.expect("a read"), std::slice::from_ref(&jane));
    assert!(
        bed.ports
            .links
            .get(bed.scope(), &jane, "lead")
            .await
            .expect("a read")
            .is_none()
    );
}

pub async fn a_link_is_put_redirected_and_removed_in_order(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (jane, twin, joe) = (
        entity("contact", "7"),
        entity("contact", "8"),
        entity("contact", "9"),
    );
    let put = |of: &Entity, id: &str| LinkChange::Put(of.clone(), link(id));
    let redirect = LinkChange::Redirect {
        object: "person".into(),
        from: "5".into(),
        to: "6".into(),
    };
    commit(
        &bed,
        1,
        links(&[put(&jane, "5"), put(&twin, "5"), redirect, put(&joe, "5")]),
    )
    .await;
    assert_eq!(remote_id(&bed, &jane).await.as_deref(), Some("6"));
    assert_eq!(remote_id(&bed, &twin).await.as_deref(), Some("6"));
    assert_eq!(remote_id(&bed, &joe).await.as_deref(), Some("5"));

    let remove = LinkChange::Remove(jane.clone(), "person".into());
    commit(&bed, 2, links(&[put(&jane, "9"), remove])).await;
    assert_eq!(remote_id(&bed, &jane).await, None);
    assert_eq!(remote_id(&bed, &twin).await.as_deref(), Some("6"));
}

pub async fn identity_links_are_shared_by_the_account(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let (jane, email) = (
        entity("contact", "7"),
        entity("identity", "email:jane@example.com"),
    );
    let puts = [&jane, &email].map(|of| LinkChange::Put(of.clone(), link("5")));
    commit(&bed, 1, links(&puts)).await;
    let other = Scope {
        connection: ConnectionId::new(&*bed.given.ids),
        ..bed.scope()
    };
    assert!(
        bed.ports
            .links
            .get(other, &jane, "person")
            .await
            .expect("a read")
            .is_none()
    );
    assert!(
        bed.ports
            .links
            .get(other, &email, "person")
            .await
            .expect("a read")
            .is_some()
    );
    let by_remote = bed
        .ports
        .links
        .find_by_remote(bed.scope(), "person", "5")
        .await;
    assert_eq!(by_remote.expect("a read"), [jane, email]);
}

pub async fn a_link_that_led_nowhere_is_one_deed_however_often_it_is_told(
    backend: Box<dyn Backend>,
) {
    let bed = Bed::new(backend).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let first = bed.claim_one().await;
    let (jane, object) = (entity("contact", "7"), "person".to_owned());
    let told = |relink: Relink| Changes {
        relinks: vec![relink],
        ..Changes::default()
    };
    let cleared = told(Relink::Cleared {
        entity: jane.clone(),
        object: object.clone(),
        from: "5".into(),
    });
    let found = told(Relink::Found {
        entity: jane,
        object,
        to: "9".into(),
    });
    let deeds = async || {
        let deeds = bed.store.deeds(None, 10).await.expect("a read");
        let told = |deed: AuditEntry| [deed.actor, deed.action, deed.subject, deed.detail];
        deeds.into_iter().map(told).collect::<Vec<_>>()
    };
    let deed = |detail: &str| {
        let delivery = first.delivery.id;
        let detail = format!("person 5 was not there any more for delivery {delivery}{detail}");
        vec![["host", "relinked", "first, contact 7", detail.as_str()].map(str::to_owned)]
    };
    // What was not cleared is no news.
    let Ports { journal, .. } = &bed.ports;
    for (key, changes, expect) in [
        ("a", &found, Vec::new()),
        ("b", &cleared, deed("")),
        ("c", &cleared, deed("")),
    ] {
        let intent = bed.intent(&[key]);
        let intended = journal.intend(&first.lease, bed.account, STATE, changes.clone(), intent);
        assert_eq!(intended.await.expect("it holds"), Intended::Send);
        assert_eq!(deeds().await, expect);
    }

    // The attempt ends before it is known what it is now, and the next one finds out.
    bed.retry_after(&first, Duration::ZERO, true).await;
    let again = bed.claim_one().await;
    let intended = journal.intend(
        &again.lease,
        bed.account,
        STATE,
        found.clone(),
        bed.intent(&["d"]),
    );
    assert_eq!(intended.await.expect("it holds"), Intended::Send);
    let ended = bed.ended(DeliveryState::Succeeded);
    let settled = bed.settle(&again.lease, found, ended).await;
    settled.expect("the lease holds");
    assert_eq!(deeds().await, deed("; it is person 9 now"));
}

pub async fn a_cache_entry_expires_and_is_of_its_state(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let now = bed.clock.now();
    let until = now.after(Duration::from_secs(10));
    let put = |key: &str, value| CacheChange::Put(key.into(), value, until);
    let cache = vec![
        put("kept", json!({"a": 1})),
        put("kept", json!({"a": 2})),
        put("gone", json!(1)),
        CacheChange::Remove("gone".into()),
    ];
    commit(
        &bed,
        1,
        Changes {
            cache,
            ..Changes::default()
        },
    )
    .await;
    let get = async |state, key, at| {
        bed.ports
            .cache
            .get(bed.connection, state, key, at)
            .await
            .expect("a read")
    };
    assert_eq!(get(STATE, "kept", now).await, Some(json!({"a": 2})));
    assert_eq!(get(STATE, "kept", until).await, None);
    assert_eq!(get(STATE + 1, "kept", now).await, None);
    assert_eq!(get(STATE, "gone", now).await, None);

    let cache = vec![CacheChange::Remove("kept".into())];
    commit(
        &bed,
        2,
        Changes {
            cache,
            ..Changes::default()
        },
    )
    .await;
    assert_eq!(get(STATE, "kept", now).await, None);
}

pub async fn a_variable_is_kept_per_connection(backend: Box<dyn Backend>) {
    let bed = Bed::new(backend).await;
    let variables = &bed.ports.variables;
    variables
        .set(bed.connection, "stages", json!([1]))
        .await
        .expect("a write");
    variables
        .set(bed.connection, "stages", json!([1, 2]))
        .await
        .expect("a write");
    let stages = variables
        .get(bed.connection, "stages")
        .await
        .expect("a read");
    assert_eq!(stages, Some(json!([1, 2])));
    let other = ConnectionId::new(&*bed.given.ids);
    assert_eq!(variables.get(other, "stages").await.expect("a read"), None);
}
