//! What an operator would have configured.

use gladhand_core::connection::{Account, Source};
use gladhand_core::descriptor::Descriptor;
use gladhand_core::ids::{AccountId, SourceId};
use gladhand_store::catalog::Version;

use crate::bed::{DIGEST, START, STATE};

pub fn test_source(id: SourceId, name: &str) -> Source {
    Source {
        id,
        name: name.into(),
        kind: "chatwoot".into(),
        base_url: Some("https://chat.example.com".into()),
        account_id: Some(1),
        is_signed: true,
        allow_private_network: false,
        allow_http: false,
    }
}

pub fn test_account(id: AccountId) -> Account {
    Account {
        id,
        name: "crm".into(),
        connector: "test".into(),
        base_url: None,
        allow_private_network: false,
        allow_http: false,
        // More than any test claims that is not about it.
        concurrency: 1_000,
    }
}

pub fn test_version() -> Version {
    let descriptor: Descriptor = serde_json::from_value(serde_json::json!({
        "id": "test", "name": "Test", "version": "1.0.0", "state": STATE, "auth": {"scheme": "none"},
        "hosts": [], "events": [], "lookup-after-ms": 1000,
    }))
    .expect("a descriptor");
    Version {
        digest: DIGEST.into(),
        descriptor,
        size: 9,
        added_at: START,
    }
}
