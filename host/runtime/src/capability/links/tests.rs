//! What an attempt sees of links that it has changed and not committed.

use super::*;
use crate::capability::doubles::{Doubles, misuse};

fn contact(id: &str) -> Entity {
    Entity {
        kind: "contact".to_owned(),
        id: id.to_owned(),
    }
}

fn person(remote_id: &str) -> Link {
    Link {
        object: "person".to_owned(),
        remote_id: remote_id.to_owned(),
        digest: None,
        revision: None,
        url: None,
        attributes: serde_json::Map::new(),
    }
}

/// Contacts 1 and 2 are person 10, contact 3 is person 30.
fn host() -> Host {
    let doubles = Doubles::new();
    doubles.store_link(contact("1"), person("10"));
    doubles.store_link(contact("2"), person("10"));
    doubles.store_link(contact("3"), person("30"));
    doubles.delivery()
}

#[track_caller]
fn check_contacts(found: Result<Vec<Entity>, Stop>, expect: &[&str]) {
    let found: Vec<_> = found
        .expect("no error")
        .into_iter()
        .map(|of| of.id)
        .collect();
    assert_eq!(found, expect);
}

async fn remote_id(host: &mut Host, id: &str) -> Option<String> {
    let link = host.link_get(&contact(id), "person").await;
    link.expect("no error").map(|link| link.remote_id)
}

#[tokio::test]
async fn an_own_put_counts_before_what_is_stored() {
    let mut host = host();
    assert_eq!(remote_id(&mut host, "1").await.as_deref(), Some("10"));
    host.link_put(contact("1"), person("11")).expect("small");
    assert_eq!(remote_id(&mut host, "1").await.as_deref(), Some("11"));
    check_contacts(host.link_find_by_remote("person", "10").await, &["2"]);
    check_contacts(host.link_find_by_remote("person", "11").await, &["1"]);
}

#[tokio::test]
async fn an_own_remove_counts_before_what_is_stored() {
    let mut host = host();
    host.link_remove(contact("1"), "person").expect("small");
    assert_eq!(remote_id(&mut host, "1").await, None);
    assert_eq!(host.link_list(&contact("1")).await.expect("no error"), []);
    check_contacts(host.link_find_by_remote("person", "10").await, &["2"]);
}

#[tokio::test]
async fn an_own_redirect_moves_what_is_stored_and_what_was_put_before_it() {
    let mut host = host();
    host.link_put(contact("4"), person("10")).expect("small");
    host.link_redirect("person", "10", "30").expect("small");
    host.link_put(contact("5"), person("10")).expect("small");
    assert_eq!(remote_id(&mut host, "1").await.as_deref(), Some("30"));
    assert_eq!(remote_id(&mut host, "4").await.as_deref(), Some("30"));
    assert_eq!(remote_id(&mut host, "5").await.as_deref(), Some("10"));
    check_contacts(
        host.link_find_by_remote("person", "30").await,
        &["3", "1", "2", "4"],
    );
    check_contacts(host.link_find_by_remote("person", "10").await, &["5"]);
}

#[tokio::test]
async fn a_chain_of_redirects_is_followed_to_its_end() {
    let mut host = host();
    host.link_redirect("person", "10", "20").expect("small");
    host.link_redirect("person", "20", "40").expect("small");
    assert_eq!(remote_id(&mut host, "2").await.as_deref(), Some("40"));
    check_contacts(host.link_find_by_remote("person", "40").await, &["1", "2"]);
    check_contacts(host.link_find_by_remote("person", "20").await, &[]);
}

#[tokio::test]
async fn another_object_of_the_same_entity_is_left_alone() {
    let mut host = host();
    let lead = Link {
        object: "lead".to_owned(),
        ..person("10")
    };
    host.link_put(contact("1"), lead).expect("small");
    host.link_redirect("lead", "10", "99").expect("small");
    let links = host.link_list(&contact("1")).await.expect("no error");
    let links: Vec<_> = links
        .iter()
        .map(|link| (link.object.as_str(), link.remote_id.as_str()))
        .collect();
    assert_eq!(links, [("person", "10"), ("lead", "99")]);
}

/// What the audit log is told.
fn told(host: &Host) -> Vec<String> {
    let relinks = host.attempt.changes.relinks.iter();
    let told = relinks.map(|relink| match relink {
        Relink::Cleared { entity, from, .. } => format!("{} was {from}", entity.id),
        Relink::Found { entity, to, .. } => format!("{} is {to}", entity.id),
        Relink::Redirected { from, to, .. } => format!("{from} is {to}"),
    });
    told.collect()
}

/// Clears every link to a person, as who finds it gone does.
async fn clear(host: &mut Host, id: &str) {
    let gone = host.link_find_by_remote("person", id).await;
    for entity in gone.expect("no error") {
        host.link_remove(entity, "person").expect("small");
    }
}

#[tokio::test]
async fn a_record_that_is_gone_is_told_with_what_stands_in_its_place() {
    let mut host = host();
    clear(&mut host, "10").await;
    assert_eq!(told(&host), ["1 was 10", "2 was 10"]);
    // As an intent does.
    host.attempt.changes = gladhand_core::attempt::Changes::default();
    host.link_put(contact("1"), person("11")).expect("small");
    // The same once more, as where a digest is added.
    host.link_put(contact("1"), person("11")).expect("small");
    assert_eq!(told(&host), ["1 is 11"]);
}

#[tokio::test]
async fn what_an_earlier_attempt_may_have_cleared_is_told_where_it_is_put() {
    let mut host = host();
    host.attempt.is_again = true;
    host.link_put(contact("4"), person("11")).expect("small");
    assert_eq!(told(&host), ["4 is 11"]);
}

#[tokio::test]
async fn a_redirect_is_told_and_a_link_that_only_changes_is_not() {
    let mut host = host();
    host.link_put(contact("1"), person("11")).expect("small");
    host.link_remove(contact("3"), "person").expect("small");
    host.link_put(contact("3"), person("31")).expect("small");
    assert_eq!(told(&host), [""; 0]);
    host.link_redirect("person", "10", "12").expect("small");
    assert_eq!(told(&host), ["10 is 12"]);
}

#[tokio::test]
async fn links_without_end_are_misuse() {
    let mut host = host();
    let stop = (0..1_000_000).try_for_each(|id: u32| {
        host.link_put(contact(&id.to_string()), person(&"9".repeat(5_000)))
    });
    assert_eq!(
        misuse(stop),
        "the connector left more than 4194304 bytes of links and cache entries in one call: it must keep less"
    );
}
