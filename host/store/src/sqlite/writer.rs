//! The one task that writes. It takes what is queued, executes it kind by kind in one transaction, and answers all after
//! the commit.
//!
//! A batch that the database refuses is tried again operation by operation, so that a bad one cannot fail its neighbours.
//! A full or failing disk refuses the whole batch: nothing is acknowledged that is not durable.

mod batch;

use std::fs::File;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use gladhand_core::effect::Intended;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use self::batch::{Answers, Batch, answer, answer_all, repeat};
use super::intake::Take;
use super::journal::Intend;
use super::locks::Acquire;
use super::settle::Settle;
use super::{Shared, claim};
use crate::Error;
use crate::deliveries::{ClaimRequest, Claimed, Claims};
use crate::intake::Taken;

/// How many operations may wait for the writer; callers wait beyond that.
const QUEUED_OPERATIONS: usize = 1_024;

/// How many operations one commit carries: enough that the disk's latency disappears, few enough that it stays short.
const OPERATIONS_PER_COMMIT: usize = 256;

/// The way to the task that writes.
pub(super) struct Writer {
    operations: mpsc::Sender<Operation>,
}

/// A rare write, such as configuration; it has a transaction of its own.
pub(super) type Rare = Box<
    dyn for<'c> FnOnce(
            &'c mut SqliteConnection,
        ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'c>>
        + Send,
>;

/// Something to do, and who waits for it.
pub(super) struct Job<T, R> {
    input: T,
    reply: oneshot::Sender<Result<R, Error>>,
}

/// What can be asked of the writer.
pub(super) enum Operation {
    Take(Job<Take, Taken>),
    Settle(Job<Settle, ()>),
    Intend(Job<Intend, Intended>),
    Acquire(Job<Acquire, bool>),
    Claim(Job<ClaimRequest, Claims>),
    Rare(Job<Rare, ()>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection, lock: File, shared: Arc<Shared>) -> Self {
        let (operations, queue) = mpsc::channel(QUEUED_OPERATIONS);
        let task = Task {
            connection,
            shared,
            queue,
            lock,
        };
        let runtime = tokio::runtime::Handle::current();
        // A thread of its own: every acknowledgement waits for this task, so it must not stand in the runtime's queue.
        tokio::task::spawn_blocking(move || runtime.block_on(task.run()));
        Self { operations }
    }

    /// Queues an operation and waits until it is committed.
    pub(super) async fn ask<T, R>(
        &self,
        operation: fn(Job<T, R>) -> Operation,
        input: T,
    ) -> Result<R, Error> {
        let (reply, answer) = oneshot::channel();
        self.operations
            .send(operation(Job { input, reply }))
            .await
            .map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.operations.send(Operation::Close(reply)).await.is_ok() {
            // An error means that the task ended before it read the request, which is what was asked for.
            let _ = closed.await;
        }
    }
}

struct Task {
    connection: SqliteConnection,
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Operation>,
    lock: File,
}

impl Task {
    async fn run(mut self) {
        let mut queued = Vec::with_capacity(OPERATIONS_PER_COMMIT);
        let mut closers = Vec::new();
        while closers.is_empty()
            && self
                .queue
                .recv_many(&mut queued, OPERATIONS_PER_COMMIT)
                .await
                > 0
        {
            let mut batch = Batch::default();
            let mut rare = Vec::new();
            for operation in queued.drain(..) {
                match operation {
                    Operation::Take(job) => batch.takes.push(job),
                    Operation::Settle(job) => batch.settles.push(job),
                    Operation::Intend(job) => batch.intends.push(job),
                    Operation::Acquire(job) => batch.acquires.push(job),
                    Operation::Claim(job) => batch.claims.push(job),
                    Operation::Rare(job) => rare.push(job),
                    Operation::Close(closer) => closers.push(closer),
                }
            }
            self.commit(batch).await;
            for job in rare {
                let done = self.commit_rare(job.input).await;
                self.shared.changed.notify_one();
                answer(job.reply, done);
            }
        }
        let Self {
            connection,
            lock,
            queue,
            ..
        } = self;
        if let Err(error) = connection.close().await {
            tracing::warn!(%error, "closing the database");
        }
        drop(lock);
        drop(queue);
        for closer in closers {
            answer(closer, ());
        }
    }

    async fn commit(&mut self, mut batch: Batch) {
        // Nobody would run what such a claim leases, nor wait for what such an intent allows.
        batch.claims.retain(|job| !job.reply.is_closed());
        batch.intends.retain(|job| !job.reply.is_closed());
        if batch.is_empty() {
            return;
        }
        match self.try_commit(&batch).await {
            Ok(answers) => self.answer(batch, answers).await,
            Err(error) if batch.len() == 1 => batch.refuse(|| repeat(&error)),
            Err(error @ (Error::DiskFull | Error::DiskFailed(_))) => {
                batch.refuse(|| repeat(&error));
            }
            Err(error) => {
                tracing::warn!(%error, operations = batch.len(), "a batch was refused and is tried one by one");
                for single in batch.split() {
                    match self.try_commit(&single).await {
                        Ok(answers) => self.answer(single, answers).await,
                        Err(error) => single.refuse(|| repeat(&error)),
                    }
                }
            }
        }
    }

    async fn try_commit(&mut self, batch: &Batch) -> Result<Answers, Error> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        let answers = batch.execute(&mut transaction, &self.shared).await?;
        transaction.commit().await?;
        Ok(answers)
    }

    async fn commit_rare(&mut self, rare: Rare) -> Result<(), Error> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        rare(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Answers all, and gives back the lanes of claims that nobody waits for any more.
    async fn answer(&mut self, batch: Batch, answers: Answers) {
        if !batch.takes.is_empty() || !batch.settles.is_empty() {
            self.shared.changed.notify_one();
        }
        answer_all(batch.takes, answers.takes);
        answer_all(batch.settles, answers.settles);
        answer_all(batch.intends, answers.intends);
        answer_all(batch.acquires, answers.acquires);
        let abandoned: Vec<Claimed> = answer_all(batch.claims, answers.claims)
            .into_iter()
            .flatten()
            .flat_map(|claims| claims.claimed)
            .collect();
        if abandoned.is_empty() {
            return;
        }
        match self.give_back(&abandoned).await {
            Ok(()) => self.shared.changed.notify_one(),
            Err(error) => {
                let lanes = abandoned.len();
                tracing::error!(%error, lanes, "lanes that nobody waits for stay leased until a restart");
            }
        }
    }

    async fn give_back(&mut self, abandoned: &[Claimed]) -> Result<(), Error> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        claim::give_back(&mut transaction, abandoned).await?;
        transaction.commit().await?;
        Ok(())
    }
}
