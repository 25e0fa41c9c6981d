//! The Krayin connector: contacts become persons, organisations and leads, conversations become activities.
//!
//! Krayin answers 500 to a bad token, to a rate limit and to writes that succeeded; `client` and `error` are where that
//! ends. It must not know how a delivery is retried, where credentials are, or what another connector does.

mod settings;

mod client;

mod error;

mod model;

mod mapping;

mod visit;

mod organization;

mod person;

mod merge;

mod lead;

mod activity;

mod catalog;

mod setup;

use gladhand_sdk::descriptor::{Api, Budget, BudgetKind, MappingRule};
use gladhand_sdk::{
    Auth, Check, Connection, Connector, Descriptor, Event, EventKind, Failure, Outcome,
    export_connector,
};
use serde_json::Value;

pub use client::site;

/// The connector.
#[derive(Debug, Clone, Copy, Default)]
pub struct Krayin;

export_connector!(Krayin);

impl Connector for Krayin {
    fn describe(&self) -> Descriptor {
        Descriptor {
            auth: Auth::bearer("token"),
            settings: settings::schema(),
            objects: ["person", "organization", "lead", "activity"]
                .map(str::to_owned)
                .to_vec(),
            events: vec![
                EventKind::ContactChanged,
                EventKind::ConversationOpened,
                EventKind::ConversationFirstResponse,
                EventKind::ConversationResolved,
                EventKind::ConversationReopened,
                EventKind::MessageCreated,
            ],
            discovers: ["pipelines", "sources", "types", "owners"]
                .map(str::to_owned)
                .to_vec(),
            mapping: [
                (
                    "person".to_owned(),
                    vec![
                        MappingRule::new(
                            "job_title",
                            &["/attributes/job_title", "/attributes/additional.job_title"],
                        )
                        .transform("string")
                        .transform("trim"),
                    ],
                ),
                ("lead".to_owned(), Vec::new()),
            ]
            .into(),
            budgets: vec![
                // Hard-coded in Krayin: sixty requests per minute and user, shared by everything that uses its token.
                Budget::new("requests", 60, 60_000, BudgetKind::Fixed)
                    .remaining_header("X-RateLimit-Remaining")
                    .limit_header("X-RateLimit-Limit"),
            ],
            // PHP stops a request after 30 s of its own time, proxies after 60 s; Krayin's searches do not lag.
            lookup_after_ms: 60_000,
            volatile_fields: ["created_at", "updated_at"].map(str::to_owned).to_vec(),
            api: Some(Api {
                version: "rest-api v1".to_owned(),
                supported_until: None,
            }),
            ..Descriptor::new("krayin", "Krayin", env!("CARGO_PKG_VERSION"))
        }
    }

    fn check(&self, connection: &Connection) -> Result<Vec<Check>, Failure> {
        setup::check(connection)
    }

    fn discover(&self, connection: &Connection, what: &str) -> Result<Value, Failure> {
        setup::discover(connection, what)
    }

    fn handle(&self, connection: &Connection, event: &Event) -> Result<Outcome, Failure> {
        visit::handle(connection, event)
    }
}
