//! Events as they came in, with what they became.

use std::collections::HashMap;

use async_trait::async_trait;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::ids::{ConnectionId, DeliveryId, EventId, SourceId};

use super::Store;
use super::database::Row;
use super::deliveries::LONGEST_PAGE;
use super::query::Query;
use super::queue::KNOWN_CONTACT;
use super::rows::{self, Cell};
use super::statement::{Statement, nothing};
use super::value::Type::Id;
use crate::Error;
use crate::events::{EventDelivery, EventRecord, Events};

static DELIVERIES: Statement = Statement::new(
    &[Id],
    "WITH given(event) AS ({rows}) \
     SELECT deliveries.event, deliveries.id, deliveries.connection, deliveries.kind, deliveries.state \
     FROM given JOIN deliveries ON deliveries.event = given.event ORDER BY deliveries.sequence",
);

#[async_trait]
impl Events for Store {
    async fn events_after(
        &self,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<EventRecord>, Error> {
        let mut query = Query::new("SELECT id, source, name, contact, received_at FROM events");
        match after {
            Some(after) => query
                .push(" WHERE id > ")
                .push_bind(after.uuid())
                .push(" ORDER BY id LIMIT "),
            None => query.push(" ORDER BY id DESC LIMIT "),
        };
        query.push_bind(limit.min(LONGEST_PAGE));
        let mut connection = self.readers.acquire().await?;
        let found = query.fetch_all(&mut connection).await?;
        let mut events = found
            .iter()
            .map(record)
            .collect::<Result<Vec<_>, Error>>()?;
        events.sort_unstable_by_key(|event| event.id);
        let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
        let id = |values: &mut super::value::Values, id: &EventId| {
            values.put(id.uuid());
        };
        let mut of: HashMap<EventId, Vec<EventDelivery>> = HashMap::new();
        for row in &DELIVERIES.fetch(&mut connection, &ids, id, nothing).await? {
            let event = EventId::from_uuid(row.try_get("event")?);
            of.entry(event).or_default().push(delivery(row)?);
        }
        for event in &mut events {
            event.deliveries = of.remove(&event.id).unwrap_or_default();
        }
        Ok(events)
    }

    async fn knows_contact(&self, source: SourceId, contact: &str) -> Result<bool, Error> {
        let known = Query::new(KNOWN_CONTACT)
            .bind(source.uuid())
            .bind(contact)
            .read_one(&self.readers)
            .await?;
        Ok(known.is_some())
    }
}

fn record(row: &Row) -> Result<EventRecord, Error> {
    let contact: String = row.try_get("contact")?;
    Ok(EventRecord {
        id: EventId::from_uuid(row.try_get("id")?),
        source: SourceId::from_uuid(row.try_get("source")?),
        name: row.try_get("name")?,
        contact: (!contact.is_empty()).then_some(contact),
        received_at: rows::time(row, "received_at")?,
        deliveries: Vec::new(),
    })
}

fn delivery(row: &Row) -> Result<EventDelivery, Error> {
    let id = DeliveryId::from_uuid(row.try_get("id")?);
    let cell = |column| Cell {
        table: "deliveries",
        column,
        row: id.to_string(),
    };
    Ok(EventDelivery {
        id,
        connection: ConnectionId::from_uuid(row.try_get("connection")?),
        kind: rows::kind(row, || cell("kind"))?,
        state: rows::word(row, DeliveryState::parse, || cell("state"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        super::super::statement::check_plans(&[&DELIVERIES]).await;
    }
}
