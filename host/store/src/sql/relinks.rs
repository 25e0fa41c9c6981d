//! The audit log's entries about links that led nowhere: what the record was, what it is now, and which delivery found out.
//!
//! Written with what the attempt changed, so that neither is there without the other.

use gladhand_core::attempt::{Entity, Relink};
use gladhand_core::clock::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::changes::Found;
use super::statement::{Script, Statement};
use super::value::Type::{Id, Text};

static RECORD: Statement = Statement::new(
    &[Id, Id, Text, Text],
    "WITH relinked(id, connection, subject, detail) AS ({rows}) \
     INSERT INTO audit (id, at, actor, action, subject, detail) \
     SELECT relinked.id, ?, 'host', 'relinked', connections.name || ', ' || relinked.subject, relinked.detail \
     FROM relinked JOIN connections ON connections.id = relinked.connection WHERE relinked.id IS NOT NULL \
     ON CONFLICT (id) DO NOTHING",
);

/// Where the delivery has cleared nothing there is no such entry. One that says already what it is now stays.
static COMPLETE: Statement = Statement::new(
    &[Id, Text],
    "WITH found(id, ending) AS ({rows}) \
     UPDATE audit SET detail = audit.detail || found.ending FROM found \
     WHERE audit.id = found.id AND audit.detail NOT LIKE '% now'",
);

/// Adds the entries of attempts whose leases hold.
pub(super) fn add<'f>(script: &mut Script, all: impl Iterator<Item = &'f Found>, now: Timestamp) {
    let (mut gone, mut known) = (Vec::new(), Vec::new());
    for found in all {
        let (connection, delivery) = (found.lease.connection.uuid(), found.lease.delivery);
        for relink in &found.changes.relinks {
            match relink {
                Relink::Cleared {
                    entity,
                    object,
                    from,
                } => gone.push((
                    id(found, entity, object),
                    connection,
                    format!("{} {}", entity.kind, entity.id),
                    format!("{object} {from} was not there any more for delivery {delivery}"),
                )),
                Relink::Redirected { object, from, to } => {
                    let record = Entity {
                        kind: object.clone(),
                        id: from.clone(),
                    };
                    gone.push((
                        id(found, &record, object),
                        connection,
                        format!("{object} {from}"),
                        format!("for delivery {delivery} it is {object} {to} now"),
                    ));
                }
                Relink::Found { entity, object, to } => {
                    known.push((
                        id(found, entity, object),
                        format!("; it is {object} {to} now"),
                    ));
                }
            }
        }
    }
    script.add_with(
        &RECORD,
        &gone,
        |values, (id, connection, subject, detail)| {
            values.put(*id).put(*connection).put(subject).put(detail);
        },
        |values| {
            values.put(now.0);
        },
    );
    script.add(&COMPLETE, &known, |values, (id, ending)| {
        values.put(*id).put(ending);
    });
}

/// The same for the same link in whatever attempt of a delivery: one entry per delivery. As late as the delivery, for
/// entries are listed by their ids.
fn id(found: &Found, entity: &Entity, object: &str) -> Uuid {
    let delivery = found.lease.delivery.uuid();
    let mut hash = Sha256::new_with_prefix(delivery.as_bytes());
    for part in [&*entity.kind, &*entity.id, object] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let (late, _) = delivery.as_u64_pair();
    let digest: [u8; 32] = hash.finalize().into();
    let (own, _) = digest.split_first_chunk().expect("32 bytes");
    Uuid::from_u64_pair(late, u64::from_le_bytes(*own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_statement_reads_a_whole_table() {
        super::super::statement::check_plans(&[&RECORD, &COMPLETE]).await;
    }
}
