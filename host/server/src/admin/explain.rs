//! One contact explained: what came in, what became of it in each connection, what is linked, and why something waits.

use std::collections::HashMap;

use gladhand_core::attempt::{Entity, Link};
use gladhand_core::clock::Timestamp;
use gladhand_core::connection::{Connection, Mode, Source};
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::effect::EffectSummary;
use gladhand_core::ids::{DeliveryId, EventId};
use gladhand_store::deliveries::{DeliveryDetail, DeliveryFilter};
use gladhand_store::link_book::LinkFilter;
use serde::{Deserialize, Serialize};

use super::pauses::ConnectionNote;
use super::queue::HeldView;
use super::{Admin, DeliveryView, Error, ShownAttempt, pauses};

/// More kinds of record than any CRM keeps of one contact.
const LINKS: u32 = 100;

/// One contact explained.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Explanation {
    /// Who.
    pub contact: ContactView,
    /// Which connections could take it.
    pub connections: Vec<ConnectionState>,
    /// The CRM's records of the contact and of its conversations.
    pub links: Vec<LinkView>,
    /// What came in and what became of it, oldest first.
    pub deliveries: Vec<ExplainedDelivery>,
    /// There are older deliveries than these.
    pub more: bool,
}

/// A contact, as its source names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactView {
    /// The source's name.
    pub source: String,
    /// The source's id.
    pub id: String,
}

/// Whether a connection runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectionState {
    /// Its name.
    pub name: String,
    /// The account's name.
    pub account: String,
    /// Whether writes are sent.
    pub mode: Mode,
    /// Why nothing of it runs; absent where it does.
    pub paused_because: Option<String>,
}

/// A record of the CRM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkView {
    /// The connection's name.
    pub connection: String,
    /// What it is of; absent for records of conversations, which the deliveries name.
    pub entity: Option<Entity>,
    /// The record.
    #[serde(flatten)]
    pub link: Link,
}

/// A delivery with everything that was done for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExplainedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// What happened.
    pub event_id: EventId,
    /// The source's name for what happened.
    pub event_name: String,
    /// The connection's name.
    pub connection: String,
    /// The contact.
    pub lane: String,
    /// As what it is handed over.
    pub kind: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// synced, skipped
    pub outcome: Option<String>,
    /// Why it was skipped, or what kind of failure it had last.
    pub code: Option<String>,
    /// Why it was skipped, or what went wrong last.
    pub message: Option<String>,
    /// SHA-256 of the version that last ran.
    pub version: Option<String>,
    /// When its event came in; when an operator asked for it, where it is a sync.
    pub received_at: Timestamp,
    /// An operator asked for it, later than its event came in.
    pub is_sync: bool,
    /// When it was last queued.
    pub queued_at: Timestamp,
    /// When nothing more was to happen.
    pub settled_at: Option<Timestamp>,
    /// When it is tried next.
    pub not_before: Option<Timestamp>,
    /// Its lane, where that is held and so this waits, or is dead and holds it.
    pub held: Option<HeldView>,
    /// Oldest first.
    pub attempts: Vec<ShownAttempt>,
    /// Oldest first.
    pub effects: Vec<EffectSummary>,
}

impl Admin {
    /// Explains a contact by its newest deliveries, at most `limit` of each connection.
    pub async fn explain(
        &self,
        source: &str,
        contact: &str,
        limit: u32,
    ) -> Result<Explanation, Error> {
        let source = self.find_source(source).await?;
        let mut connections = self.parts.settings.connections().await?;
        connections.retain(|connection| connection.source == source.id);
        if connections.is_empty() {
            return Err(Error::Absent(format!(
                "source `{}` has no connection, so nothing of it is delivered; make one with `gladhand connection add`",
                source.name
            )));
        }
        let mut explanation = Explanation {
            contact: ContactView {
                source: source.name.clone(),
                id: contact.to_owned(),
            },
            connections: self.states(&connections).await?,
            links: Vec::new(),
            deliveries: Vec::new(),
            more: false,
        };
        for connection in &connections {
            self.add_links(&mut explanation, connection).await?;
            self.add_deliveries(&mut explanation, connection, limit)
                .await?;
        }
        explanation
            .deliveries
            .sort_by_key(|explained| (explained.received_at, explained.id));
        if explanation.deliveries.is_empty() && explanation.links.is_empty() {
            return Err(self.nothing_of(&source, contact).await?);
        }
        Ok(explanation)
    }

    /// Why there is nothing to explain. What came in for a connection that was removed is gone with it, and one that is
    /// added gets what comes in from then on, also under the same name.
    async fn nothing_of(&self, source: &Source, contact: &str) -> Result<Error, Error> {
        let name = &source.name;
        if self.parts.events.knows_contact(source.id, contact).await? {
            return Ok(Error::Absent(format!(
                "contact `{contact}` of source `{name}` is known, but what came in about it came before the connections \
                 of today were added; `gladhand sync contact {contact} --source {name}` brings it to them"
            )));
        }
        Ok(Error::Absent(format!(
            "nothing is known of contact `{contact}` of source `{name}`: no event about it came in, or what was kept \
             about it was erased"
        )))
    }

    async fn states(&self, connections: &[Connection]) -> Result<Vec<ConnectionState>, Error> {
        let accounts: HashMap<_, _> = self
            .parts
            .settings
            .accounts()
            .await?
            .into_iter()
            .map(|account| (account.id, account))
            .collect();
        let paused = self.parts.operations.pauses().await;
        let state = |connection: &Connection| {
            let account = accounts.get(&connection.account)?;
            Some(ConnectionState {
                name: connection.name.clone(),
                account: account.name.clone(),
                mode: connection.mode,
                paused_because: pauses::of_connection(connection, account, &paused),
            })
        };
        Ok(connections.iter().filter_map(state).collect())
    }

    async fn add_links(
        &self,
        explanation: &mut Explanation,
        connection: &Connection,
    ) -> Result<(), Error> {
        let filter = LinkFilter {
            entity_kind: Some("contact".to_owned()),
            entity_id: Some(explanation.contact.id.clone()),
            limit: LINKS,
            ..LinkFilter::default()
        };
        let found = self
            .parts
            .link_book
            .list_links(connection.id, filter)
            .await?;
        explanation
            .links
            .extend(found.into_iter().map(|record| LinkView {
                connection: connection.name.clone(),
                entity: Some(record.entity),
                link: record.link,
            }));
        Ok(())
    }

    async fn add_deliveries(
        &self,
        explanation: &mut Explanation,
        connection: &Connection,
        limit: u32,
    ) -> Result<(), Error> {
        let versions = self.parts.catalog.versions().await?;
        let states = explanation.connections.iter();
        let paused_because = states
            .filter(|state| state.name == connection.name)
            .find_map(|state| state.paused_because.clone());
        let note = ConnectionNote {
            name: connection.name.clone(),
            paused_because,
        };
        let filter = DeliveryFilter {
            connection: Some(connection.id),
            contact: Some(explanation.contact.id.clone()),
            limit,
            ..DeliveryFilter::default()
        };
        let found = self.parts.deliveries.list(filter).await?;
        explanation.more |= u32::try_from(found.len()).is_ok_and(|length| length == limit);
        let holds = self.holds(&found).await?;
        for delivery in found {
            // What retention takes away meanwhile needs no explanation any more.
            let Some(detail) = self.parts.deliveries.show(delivery.id).await? else {
                continue;
            };
            let DeliveryDetail {
                delivery,
                attempts,
                effects,
                links,
            } = detail;
            explanation.add_unknown_links(&connection.name, links);
            let attempts = attempts
                .into_iter()
                .map(|record| ShownAttempt::of(record, &versions))
                .collect();
            let held = holds.of(&delivery, Some(&note));
            let explained = ExplainedDelivery::of(delivery, &note, held, attempts, effects);
            explanation.deliveries.push(explained);
        }
        Ok(())
    }
}

impl ExplainedDelivery {
    /// A delivery of this connection, with everything that was done for it.
    pub fn of(
        delivery: Delivery,
        connection: &ConnectionNote,
        held: Option<HeldView>,
        attempts: Vec<ShownAttempt>,
        effects: Vec<EffectSummary>,
    ) -> Self {
        let event_name = delivery.event_name.clone();
        let (is_sync, queued_at) = (delivery.is_sync, delivery.queued_at);
        let view = DeliveryView::of(delivery, Some(connection), held);
        Self {
            id: view.id,
            event_id: view.event_id,
            event_name,
            connection: view.connection,
            lane: view.lane,
            kind: view.kind,
            state: view.state,
            outcome: view.outcome,
            code: view.code,
            message: view.message,
            version: view.version,
            received_at: view.received_at,
            is_sync,
            queued_at,
            settled_at: view.settled_at,
            not_before: view.not_before,
            held: view.held,
            attempts,
            effects,
        }
    }
}

impl Explanation {
    /// A delivery knows the links of its conversation, too.
    fn add_unknown_links(&mut self, connection: &str, links: Vec<Link>) {
        for link in links {
            let is_known = self.links.iter().any(|known| {
                known.connection == connection
                    && known.link.object == link.object
                    && known.link.remote_id == link.remote_id
            });
            if !is_known {
                self.links.push(LinkView {
                    connection: connection.to_owned(),
                    entity: None,
                    link,
                });
            }
        }
    }
}
