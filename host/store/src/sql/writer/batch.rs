//! What one commit carries: executed kind by kind, answered one by one.

use gladhand_core::attempt::Lease;
use gladhand_core::effect::Intended;
use gladhand_core::entity::EntityKind;
use gladhand_core::ids::SourceId;
use tokio::sync::oneshot;

use super::super::changes::Found;
use super::super::database::Connection;
use super::super::intake::Take;
use super::super::journal::Intend;
use super::super::leases::Asked;
use super::super::locks::Acquire;
use super::super::settle::Settle;
use super::super::statement::Script;
use super::super::{Shared, changes, claim, guard, intake, journal, leases, locks, settle};
use super::Job;
use crate::Error;
use crate::deliveries::{ClaimRequest, Claims};
use crate::intake::Taken;

/// What one commit carries, by kind. The order of the fields is the order of execution: a lane that a settle releases can
/// be claimed, and a lock that it frees can be taken, in the same commit.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) takes: Vec<Job<Take, Taken>>,
    pub(super) settles: Vec<Job<Settle, ()>>,
    pub(super) intends: Vec<Job<Intend, Intended>>,
    pub(super) acquires: Vec<Job<Acquire, bool>>,
    pub(super) claims: Vec<Job<ClaimRequest, Claims>>,
}

/// What became of a batch, in the same order.
pub(super) struct Answers {
    pub(super) takes: Vec<Result<Taken, Error>>,
    pub(super) settles: Vec<Result<(), Error>>,
    pub(super) intends: Vec<Result<Intended, Error>>,
    pub(super) acquires: Vec<Result<bool, Error>>,
    pub(super) claims: Vec<Result<Claims, Error>>,
}

impl Batch {
    pub(super) async fn execute(
        &self,
        connection: &mut Connection,
        shared: &Shared,
    ) -> Result<Answers, Error> {
        let takes = intake::run(connection, shared, &inputs(&self.takes)).await?;
        let unidentified = self
            .settles
            .iter()
            .filter_map(|job| job.input.unidentified());
        guard::entities(
            connection,
            unidentified.map(|contact| (EntityKind::Contact, contact)),
        )
        .await?;
        let leases = self.leases();
        let sources = leases::held(connection, &leases).await?;
        let (of_settles, sources) = sources.split_at(self.settles.len());
        let (of_intends, of_acquires) = sources.split_at(self.intends.len());
        let settles = asked(of_settles, &self.settles);
        let intends = asked(of_intends, &self.intends);
        let acquires = asked(of_acquires, &self.acquires);

        let settled = settles
            .iter()
            .map(|(source, settle)| (*source, settle.found()));
        let intended = intends
            .iter()
            .map(|(source, intend)| (*source, intend.found()));
        let found: Vec<(SourceId, &Found)> = settled
            .chain(intended)
            .filter_map(|(source, found)| Some((source?, found)))
            .collect();
        let mut script = Script::default();
        let owners = found.iter().map(|(source, found)| found.owner(*source));
        let keys = shared.keys.ensure(&mut script, connection, owners).await?;
        changes::add(&mut script, &keys, &found, shared.clock.now());
        let settles = settle::run(&mut script, connection, &keys, &settles).await?;
        script.run(connection).await?;

        let mut script = Script::default();
        let intends = journal::run(&mut script, connection, shared, &intends).await?;
        let acquires = locks::run(&mut script, connection, &acquires).await?;
        script.run(connection).await?;
        Ok(Answers {
            takes,
            settles,
            intends,
            acquires,
            claims: claim::run(connection, shared, &inputs(&self.claims)).await?,
        })
    }

    /// Of the settles, then of the intents, then of the locks.
    fn leases(&self) -> Vec<&Lease> {
        let settles = self.settles.iter().map(|job| &job.input.found().lease);
        let intends = self.intends.iter().map(|job| &job.input.found().lease);
        let acquires = self.acquires.iter().map(|job| job.input.lease());
        settles.chain(intends).chain(acquires).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.takes.len()
            + self.settles.len()
            + self.intends.len()
            + self.acquires.len()
            + self.claims.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn split(self) -> Vec<Self> {
        let mut singles = Vec::with_capacity(self.len());
        singles.extend(self.takes.into_iter().map(|job| Self {
            takes: vec![job],
            ..Self::default()
        }));
        singles.extend(self.settles.into_iter().map(|job| Self {
            settles: vec![job],
            ..Self::default()
        }));
        singles.extend(self.intends.into_iter().map(|job| Self {
            intends: vec![job],
            ..Self::default()
        }));
        singles.extend(self.acquires.into_iter().map(|job| Self {
            acquires: vec![job],
            ..Self::default()
        }));
        singles.extend(self.claims.into_iter().map(|job| Self {
            claims: vec![job],
            ..Self::default()
        }));
        singles
    }

    pub(super) fn refuse(self, error: impl Fn() -> Error) {
        refuse_all(self.takes, &error);
        refuse_all(self.settles, &error);
        refuse_all(self.intends, &error);
        refuse_all(self.acquires, &error);
        refuse_all(self.claims, &error);
    }
}

fn inputs<T, R>(jobs: &[Job<T, R>]) -> Vec<&T> {
    jobs.iter().map(|job| &job.input).collect()
}

/// What was asked, with what is known of its lease.
fn asked<'j, T, R>(sources: &[Option<SourceId>], jobs: &'j [Job<T, R>]) -> Vec<Asked<'j, T>> {
    sources
        .iter()
        .zip(jobs)
        .map(|(source, job)| (*source, &job.input))
        .collect()
}

/// Sends every answer; those that nobody waits for come back.
pub(super) fn answer_all<T, R>(
    jobs: Vec<Job<T, R>>,
    answers: Vec<Result<R, Error>>,
) -> Vec<Result<R, Error>> {
    jobs.into_iter()
        .zip(answers)
        .filter_map(|(job, answer)| job.reply.send(answer).err())
        .collect()
}

fn refuse_all<T, R>(jobs: Vec<Job<T, R>>, error: impl Fn() -> Error) {
    for job in jobs {
        answer(job.reply, Err(error()));
    }
}

/// A caller that went away needs no answer.
pub(super) fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    let _ = reply.send(value);
}

/// The same error for one more caller.
pub(super) fn repeat(error: &Error) -> Error {
    match error {
        Error::DiskFull => Error::DiskFull,
        Error::DiskFailed(what) => Error::DiskFailed(what.clone()),
        Error::Unreachable(what) => Error::Unreachable(what.clone()),
        Error::Encryption(what) => Error::Encryption(what.clone()),
        Error::Sealed { table, column } => Error::Sealed { table, column },
        other => Error::Database(sqlx::Error::Protocol(other.to_string())),
    }
}
