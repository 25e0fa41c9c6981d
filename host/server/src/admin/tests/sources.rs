//! Sources: their names, their webhooks' addresses, their end.

use super::*;

#[tokio::test]
async fn a_signed_source_has_a_plain_webhook_url() {
    let (_, admin) = world().await;
    let shown = admin.show_source("support").await.expect("it was added");
    assert!(shown.signed);
    assert_eq!(
        shown.webhook_url.as_deref(),
        Some("https://hooks.example.com/hooks/chatwoot/support")
    );
    assert_eq!(
        shown.secrets,
        [SecretView {
            name: "webhook_secret".to_owned(),
            ends_with: "…cdef".to_owned()
        }]
    );
}

#[tokio::test]
async fn an_unsigned_source_has_a_token_in_its_webhook_url_that_listings_leave_out() {
    let (_, admin) = world().await;
    let added = admin
        .add_source(source("old", None))
        .await
        .expect("a source");
    assert!(!added.signed);
    let url = added.webhook_url.expect("it is shown");
    let token = url
        .strip_prefix("https://hooks.example.com/hooks/chatwoot/old/")
        .expect("a token follows");
    assert_eq!(token.len(), 43);
    assert_eq!(
        admin
            .show_source("old")
            .await
            .expect("it was added")
            .webhook_url
            .as_deref(),
        Some(url.as_str())
    );
    let listed = admin.list_sources().await.expect("a list");
    assert!(
        !serde_json::to_string(&listed)
            .expect("JSON")
            .contains(token)
    );
}

#[tokio::test]
async fn names_that_are_taken_or_fit_no_url_are_refused() {
    let (_, admin) = world().await;
    let taken = admin.add_source(source("support", None)).await;
    assert!(
        matches!(taken, Err(Error::Exists { what: "source", .. })),
        "{taken:?}"
    );
    check_problems(
        admin.add_source(source("Support Team", None)).await,
        &[
            "`Support Team` cannot be the name of a source: use lower case, digits and hyphens, at most 63",
        ],
    );
}

#[tokio::test]
async fn a_source_is_removed_only_after_its_connections() {
    let (_, admin) = world().await;
    admin
        .add_connection(connection("main", CRM, "token"))
        .await
        .expect("a connection");
    let error = admin
        .remove_source("support")
        .await
        .expect_err("it is used");
    assert_eq!(
        error.to_string(),
        "source `support` is still used by connection `main`; remove that first"
    );
    admin.remove_connection("main").await.expect("it is there");
    admin
        .remove_source("support")
        .await
        .expect("nothing uses it");
    assert!(admin.list_sources().await.expect("a list").is_empty());
}
