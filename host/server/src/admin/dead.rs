//! Dead letters: listed, and all or some of them queued again or discarded.

use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState};
use gladhand_core::failure::FailureKind;
use gladhand_core::ids::DeliveryId;
use gladhand_store::deliveries::DeliveryFilter;
use gladhand_store::queue::Selection;
use serde::{Deserialize, Serialize};

use super::{Admin, DeliveryView, Error};

/// What the store is asked to change at once.
const BATCH: u32 = 1_000;

/// So many batches of one call: a caller that waits is answered within seconds, and asks for the rest.
const BATCHES: u32 = 20;

/// What is stored as the reason where the operator gives none.
const NO_REASON: &str = "an operator discarded it";

/// Which dead letters to list.
#[derive(Debug, Clone, Default)]
pub struct DeadQuery {
    /// Of the connection of this name.
    pub connection: Option<String>,
    /// That failed this way.
    pub code: Option<FailureKind>,
    /// That died at or after.
    pub since: Option<Timestamp>,
    /// That died before.
    pub until: Option<Timestamp>,
    /// Older than this one.
    pub before: Option<DeliveryId>,
    /// At most so many are looked at.
    pub limit: u32,
}

/// Dead letters that were found among those looked at, and where to look on.
#[derive(Debug)]
pub struct DeadPage {
    /// Newest first.
    pub items: Vec<DeliveryView>,
    /// The last that was looked at; absent where there are no more.
    pub next: Option<DeliveryId>,
}

/// Which dead letters to retry or discard.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadWish {
    /// Of the connection of this name.
    #[serde(default)]
    pub connection: Option<String>,
    /// That failed this way.
    #[serde(default)]
    pub code: Option<FailureKind>,
    /// That died at or after.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// That died before; now, where it is absent or later.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Every one that there is: must be said where nothing else is.
    #[serde(default)]
    pub all: bool,
    /// Why they are discarded.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What became of dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadDone {
    /// How many.
    pub count: u64,
    /// There are more of them: ask again, with `until`.
    pub more: bool,
    /// Died before: what dies again meanwhile is not taken twice.
    pub until: Timestamp,
}

impl Admin {
    /// Newest first.
    pub async fn list_dead(&self, query: DeadQuery) -> Result<DeadPage, Error> {
        let notes = self.connection_notes().await?;
        let connection = match &query.connection {
            Some(name) => Some(self.find_connection(name).await?.id),
            None => None,
        };
        let filter = DeliveryFilter {
            connection,
            state: Some(DeliveryState::Dead),
            before: query.before,
            limit: query.limit,
            ..DeliveryFilter::default()
        };
        let found = self.parts.deliveries.list(filter).await?;
        let is_full = u32::try_from(found.len()).is_ok_and(|length| length == query.limit);
        let next = found.last().filter(|_| is_full).map(|delivery| delivery.id);
        let taken = found.into_iter().filter(|delivery| query.takes(delivery));
        let items = self.delivery_views(taken.collect(), &notes).await?;
        Ok(DeadPage { items, next })
    }

    /// Queues dead letters again.
    pub async fn retry_dead(&self, wish: DeadWish) -> Result<DeadDone, Error> {
        let (selection, until) = self.selection(&wish).await?;
        let queue = &self.parts.queue;
        let batch = || queue.retry_dead(&selection, BATCH, self.now());
        let done = DeadDone::in_batches(until, batch).await?;
        let detail = format!("queued again: {}", done.count);
        self.record("dead.retry", &wish.subject(), detail).await;
        Ok(done)
    }

    /// Settles dead letters as skipped. What their effects left in doubt stays in doubt.
    pub async fn discard_dead(&self, wish: DeadWish) -> Result<DeadDone, Error> {
        let (selection, until) = self.selection(&wish).await?;
        let reason = wish.reason.as_deref().unwrap_or(NO_REASON);
        let queue = &self.parts.queue;
        let batch = || queue.discard_dead(&selection, reason, BATCH, self.now());
        let done = DeadDone::in_batches(until, batch).await?;
        let detail = format!("discarded: {}", done.count);
        self.record("dead.discard", &wish.subject(), detail).await;
        Ok(done)
    }

    /// What dies after the call was made is none of it: a letter that dies again would be taken again for ever.
    async fn selection(&self, wish: &DeadWish) -> Result<(Selection, Timestamp), Error> {
        if wish.is_unfiltered() && !wish.all {
            return Err(Error::Invalid(vec![
                "this takes every dead letter of every connection; say --all (`all` in the API) where that is meant, \
                 or choose some with --connection, --code, --since or --until"
                    .to_owned(),
            ]));
        }
        let connection = match &wish.connection {
            Some(name) => Some(self.find_connection(name).await?.id),
            None => None,
        };
        let now = self.now();
        let until = wish.until.map_or(now, |until| until.min(now));
        let selection = Selection {
            connection,
            kind: wish.code,
            since: wish.since,
            until: Some(until),
        };
        Ok((selection, until))
    }
}

impl DeadQuery {
    fn takes(&self, delivery: &Delivery) -> bool {
        let died_at = delivery.settled_at.unwrap_or(delivery.received_at);
        let code = delivery.failure.as_ref().map(|failure| failure.kind);
        self.code.is_none_or(|wanted| code == Some(wanted))
            && self.since.is_none_or(|since| died_at >= since)
            && self.until.is_none_or(|until| died_at < until)
    }
}

impl DeadWish {
    fn is_unfiltered(&self) -> bool {
        self.connection.is_none()
            && self.code.is_none()
            && self.since.is_none()
            && self.until.is_none()
    }

    /// For the audit log.
    fn subject(&self) -> String {
        let code = self.code.map(|code| code.as_str().to_owned());
        let parts: Vec<String> = self.connection.clone().into_iter().chain(code).collect();
        if parts.is_empty() {
            "every connection".to_owned()
        } else {
            parts.join(", ")
        }
    }
}

impl DeadDone {
    /// Batch after batch, until one was not full or the call has lasted long enough.
    async fn in_batches<F>(until: Timestamp, batch: impl Fn() -> F) -> Result<Self, Error>
    where
        F: Future<Output = Result<u64, gladhand_store::Error>>,
    {
        let mut done = Self {
            count: 0,
            more: true,
            until,
        };
        for _ in 0..BATCHES {
            let count = batch().await?;
            done.count += count;
            done.more = count >= u64::from(BATCH);
            if !done.more {
                break;
            }
        }
        Ok(done)
    }
}
