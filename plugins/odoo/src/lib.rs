//! The Odoo connector, as far as it is: it says what it is and refuses everything else.
//!
//! What `describe` says is true of Odoo and stays; `handle` and `check` come with the connector itself.

mod client;

mod error;

mod model;

mod mapping;

use gladhand_sdk::descriptor::Api;
use gladhand_sdk::{
    Check, Connection, Connector, Descriptor, Event, EventKind, Failure, Outcome, export_connector,
};

/// The connector.
#[derive(Debug, Clone, Copy, Default)]
pub struct Odoo;

export_connector!(Odoo);

impl Connector for Odoo {
    fn describe(&self) -> Descriptor {
        Descriptor {
            auth: client::auth(),
            settings: model::settings(),
            hosts: client::hosts(),
            objects: model::OBJECTS.map(str::to_owned).to_vec(),
            // Handed over, so that the refusal is seen.
            events: vec![EventKind::ContactChanged],
            mapping: mapping::rules(),
            budgets: client::budgets(),
            read_only_posts: client::READ_ONLY_POSTS.map(str::to_owned).to_vec(),
            lookup_after_ms: client::LOOKUP_AFTER_MS,
            api: Some(Api {
                version: client::API.to_owned(),
                supported_until: None,
            }),
            ..Descriptor::new("odoo", "Odoo", env!("CARGO_PKG_VERSION"))
        }
    }

    fn check(&self, _connection: &Connection) -> Result<Vec<Check>, Failure> {
        Ok(vec![error::not_yet_checked()])
    }

    fn handle(&self, _connection: &Connection, _event: &Event) -> Result<Outcome, Failure> {
        Err(error::not_yet())
    }
}
