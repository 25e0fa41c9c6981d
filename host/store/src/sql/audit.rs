//! Who did what in operation.

use async_trait::async_trait;
use uuid::Uuid;

use super::Store;
use super::database::Row;
use super::deliveries::LONGEST_PAGE;
use super::query::Query;
use super::rows;
use crate::Error;
use crate::audit::{Audit, AuditEntry};

#[async_trait]
impl Audit for Store {
    async fn record_deed(&self, entry: &AuditEntry) -> Result<(), Error> {
        let AuditEntry {
            id,
            at,
            actor,
            action,
            subject,
            detail,
        } = entry.clone();
        self.write(move |database| {
            Box::pin(async move {
                Query::new(
                    "INSERT INTO audit (id, at, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?) \
                     ON CONFLICT (id) DO NOTHING",
                )
                .bind(id)
                .bind(at.0)
                .bind(actor)
                .bind(action)
                .bind(subject)
                .bind(detail)
                .execute(database)
                .await?;
                Ok(())
            })
        })
        .await
    }

    async fn deeds(&self, before: Option<Uuid>, limit: u32) -> Result<Vec<AuditEntry>, Error> {
        let mut query = Query::new("SELECT * FROM audit");
        if let Some(before) = before {
            query.push(" WHERE id < ").push_bind(before);
        }
        query
            .push(" ORDER BY id DESC LIMIT ")
            .push_bind(limit.min(LONGEST_PAGE));
        let found = query.read(&self.readers).await?;
        found.iter().map(entry).collect()
    }
}

fn entry(row: &Row) -> Result<AuditEntry, Error> {
    Ok(AuditEntry {
        id: row.try_get("id")?,
        at: rows::time(row, "at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        detail: row.try_get("detail")?,
    })
}
