//! Tasks that write. Each takes what is queued, executes it kind by kind in one transaction, and answers all after the
//! commit.
//!
//! A batch that the database refuses is tried again operation by operation, so that a bad one cannot fail its neighbours.
//! A full or failing disk refuses the whole batch: nothing is acknowledged that is not durable. A session that breaks is
//! made anew, and the batch is tried once more: every operation may be repeated, also one that was committed unheard.

mod batch;

use std::fs::File;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use gladhand_core::effect::Intended;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::batch::{Answers, Batch, answer, answer_all, repeat};
use super::database::Connection;
use super::intake::Take;
use super::journal::Intend;
use super::locks::Acquire;
use super::settle::Settle;
use super::{Shared, claim};
use crate::deliveries::{ClaimRequest, Claimed, Claims};
use crate::happening::{self, StoreFailed};
use crate::intake::Taken;
use crate::{Error, postgres, sqlite};

/// How many operations may wait for the writer; callers wait beyond that.
const QUEUED_OPERATIONS: usize = 1_024;

/// How many operations one commit carries: enough that the disk's latency disappears, few enough that it stays short.
const OPERATIONS_PER_COMMIT: usize = 256;

/// How often a session is made anew before what waits is refused: for about 3 s, because whoever sends events waits 5.
const SESSIONS: u32 = 6;

/// Between two of them.
const SESSION_PAUSE: Duration = Duration::from_millis(500);

/// The way to the tasks that write.
#[derive(Clone)]
pub(crate) struct Writer {
    operations: mpsc::Sender<Operation>,
}

/// A rare write, such as configuration; it has a transaction of its own.
pub(super) type Rare = Box<
    dyn for<'c> FnOnce(
            &'c mut Connection,
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

/// Where the writer's connection comes from.
pub(crate) enum Source {
    /// The one connection to a file, absent while it is broken, and the lock beside the file.
    File {
        connection: Option<Connection>,
        path: PathBuf,
        lock: File,
    },
    /// A session with a server; absent while it is broken.
    Server {
        connection: Option<Connection>,
        options: Box<PgConnectOptions>,
    },
}

impl Writer {
    /// One task for each of the sources; what is queued goes to whichever is free.
    pub(crate) fn start(sources: impl IntoIterator<Item = Source>, shared: &Arc<Shared>) -> Self {
        let (operations, queue) = mpsc::channel(QUEUED_OPERATIONS);
        let queue = Arc::new(Mutex::new(queue));
        let closing = Arc::new(Closing::default());
        for source in sources {
            let task = Task {
                source,
                shared: Arc::clone(shared),
                queue: Arc::clone(&queue),
                closing: Arc::clone(&closing),
            };
            let runtime = tokio::runtime::Handle::current();
            // A thread of its own: every acknowledgement waits for this task, so it must not stand in the runtime's queue.
            tokio::task::spawn_blocking(move || runtime.block_on(task.run()));
        }
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
        let answered = answer.await.map_err(|_| Error::Closed)?;
        if let Err(error) = &answered
            && error.is_trouble()
        {
            StoreFailed {
                operation: happening::Operation::Write,
                error,
            }
            .tell();
        }
        answered
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
    source: Source,
    shared: Arc<Shared>,
    queue: Arc<Mutex<mpsc::Receiver<Operation>>>,
    closing: Arc<Closing>,
}

/// Whoever waits until the last of the tasks has ended.
#[derive(Default)]
struct Closing {
    begun: CancellationToken,
    waiting: std::sync::Mutex<Vec<oneshot::Sender<()>>>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        let waiting = self.waiting.get_mut().expect("nobody panics holding it");
        for closer in waiting.drain(..) {
            answer(closer, ());
        }
    }
}

impl Task {
    /// The next operations; false where there will be none.
    async fn receive(&self, queued: &mut Vec<Operation>) -> bool {
        let received = async {
            let mut queue = self.queue.lock().await;
            queue.recv_many(queued, OPERATIONS_PER_COMMIT).await
        };
        let received = self.closing.begun.run_until_cancelled(received).await;
        received.is_some_and(|received| received > 0)
    }

    async fn run(mut self) {
        let mut queued = Vec::with_capacity(OPERATIONS_PER_COMMIT);
        while self.receive(&mut queued).await {
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
                    Operation::Close(closer) => {
                        let waiting = self.closing.waiting.lock();
                        waiting.expect("nobody panics holding it").push(closer);
                        self.closing.begun.cancel();
                    }
                }
            }
            self.commit(batch).await;
            for job in rare {
                let done = self.commit_rare(job.input).await;
                self.shared.changed.notify_one();
                answer(job.reply, done);
            }
        }
        self.source.close().await;
    }

    async fn commit(&mut self, mut batch: Batch) {
        // Nobody would run what such a claim leases, nor wait for what such an intent allows.
        batch.claims.retain(|job| !job.reply.is_closed());
        batch.intends.retain(|job| !job.reply.is_closed());
        if batch.is_empty() {
            return;
        }
        let mut committed = self.try_commit(&batch).await;
        for _ in 1..SESSIONS {
            if !matches!(committed, Err(Error::Unreachable(_))) {
                break;
            }
            tokio::time::sleep(SESSION_PAUSE).await;
            committed = self.try_commit(&batch).await;
        }
        match committed {
            Ok(answers) => self.answer(batch, answers).await,
            Err(
                error @ (Error::DiskFull
                | Error::DiskFailed(_)
                | Error::Unreachable(_)
                | Error::Encryption(_)),
            ) => {
                tracing::error!(%error, operations = batch.len(), "nothing can be stored");
                batch.refuse(|| repeat(&error));
            }
            Err(error) => {
                tracing::warn!(%error, operations = batch.len(), "a batch was refused and is tried one by one");
                for single in batch.split() {
                    // Twice: what two sessions did to each other is over by then, and nobody sends an event again.
                    let mut committed = self.try_commit(&single).await;
                    if committed.is_err() {
                        committed = self.try_commit(&single).await;
                    }
                    match committed {
                        Ok(answers) => self.answer(single, answers).await,
                        Err(error) => single.refuse(|| repeat(&error)),
                    }
                }
            }
        }
    }

    async fn try_commit(&mut self, batch: &Batch) -> Result<Answers, Error> {
        let connection = self.source.begin().await?;
        let executed = batch.execute(connection, &self.shared).await;
        self.source.end(executed).await
    }

    async fn commit_rare(&mut self, rare: Rare) -> Result<(), Error> {
        let connection = self.source.begin().await?;
        let executed = rare(connection).await;
        self.source.end(executed).await
    }

    /// Answers all, and gives back the lanes of claims that nobody waits for any more.
    async fn answer(&mut self, batch: Batch, answers: Answers) {
        if !batch.takes.is_empty() {
            self.shared.arrived.notify_one();
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
                tracing::error!(%error, lanes, "lanes that nobody waits for stay leased until the lease or the process ends");
            }
        }
    }

    async fn give_back(&mut self, abandoned: &[Claimed]) -> Result<(), Error> {
        let connection = self.source.begin().await?;
        let executed = claim::give_back(connection, abandoned).await;
        self.source.end(executed).await
    }
}

impl Source {
    /// A connection in a new transaction. One that turns out to be gone is made anew.
    async fn begin(&mut self) -> Result<&mut Connection, Error> {
        if let Some(mut connection) = self.connection().take() {
            if connection.begin().await.is_ok() {
                return Ok(self.connection().insert(connection));
            }
            discard(connection).await;
        }
        let mut connection = match self {
            Self::File { path, .. } => sqlite::connect(path).await?,
            Self::Server { options, .. } => postgres::connect(options).await?,
        };
        connection.begin().await?;
        Ok(self.connection().insert(connection))
    }

    /// Commits where all went well, else undoes it.
    async fn end<T>(&mut self, executed: Result<T, Error>) -> Result<T, Error> {
        let slot = self.connection();
        let connection = slot.as_mut().ok_or(Error::Closed)?;
        let ended = match executed {
            Ok(done) => connection.commit().await.map(|()| done),
            Err(error) => Err(error),
        };
        // A disk that failed may have ended the transaction behind our back: nobody knows what this connection is in.
        let is_doubtful = matches!(ended, Err(Error::DiskFull | Error::DiskFailed(_)));
        if ended.is_err()
            && (connection.roll_back().await.is_err() || is_doubtful)
            && let Some(connection) = slot.take()
        {
            discard(connection).await;
        }
        ended
    }

    async fn close(mut self) {
        if let Some(connection) = self.connection().take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "closing the database");
        }
        if let Self::File { lock, .. } = self {
            drop(lock);
        }
    }

    fn connection(&mut self) -> &mut Option<Connection> {
        match self {
            Self::File { connection, .. } | Self::Server { connection, .. } => connection,
        }
    }
}

/// Lets go of a connection that is of no use any more, and with it of what it has locked.
async fn discard(connection: Connection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "closing a broken connection");
    }
}
