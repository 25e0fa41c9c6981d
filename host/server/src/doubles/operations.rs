//! The engine's operations in memory.

use async_trait::async_trait;
use gladhand_core::failure::{Failure, FailureKind};
use gladhand_core::ids::{AccountId, ConnectionId};
use gladhand_core::pause::{By, Paused};
use gladhand_runtime::Check;
use gladhand_store::catalog::Version;
use serde_json::{Value, json};

use super::{NOW, World, locked, put, version};
use crate::admin::Operations;
use crate::admin::operations::{self, Pauses};

/// Its connector checks one thing, discovers `stages`, and a component is accepted where it begins with `\0asm`.
#[async_trait]
impl Operations for World {
    async fn reload(&self) {
        *locked(&self.reloads) += 1;
        for connection in locked(&self.connections).iter() {
            put(
                &self.routes,
                &(connection.id, "d1".to_owned()),
                |(connection, _)| *connection,
            );
        }
    }

    async fn check(&self, _connection: ConnectionId) -> Result<Vec<Check>, Failure> {
        Ok(vec![Check {
            name: "credential".to_owned(),
            state: "passed".to_owned(),
            severity: "error".to_owned(),
            message: "the token is accepted".to_owned(),
            hint: None,
            provisionable: false,
        }])
    }

    async fn discover(&self, _connection: ConnectionId, what: &str) -> Result<Value, Failure> {
        match what {
            "stages" => Ok(json!([{ "id": 1, "name": "New" }])),
            _ => Err(Failure::new(
                FailureKind::Unsupported,
                format!("there is nothing called `{what}` to discover"),
            )),
        }
    }

    async fn add_connector(&self, component: Vec<u8>) -> Result<Version, operations::Error> {
        if !component.starts_with(b"\0asm") {
            return Err(operations::Error::Refused(
                "this is no WebAssembly file".to_owned(),
            ));
        }
        Ok(version())
    }

    async fn pauses(&self) -> Pauses {
        locked(&self.pauses).clone()
    }

    async fn pause_account(&self, account: AccountId) -> Result<(), operations::Error> {
        let pause = Paused {
            by: By::Operator,
            since: NOW,
            kind: None,
            message: "an operator asked for it".to_owned(),
            connection: None,
            next_test: None,
        };
        locked(&self.pauses).accounts.push((account, pause));
        Ok(())
    }

    async fn resume_account(&self, account: AccountId) -> Result<(), operations::Error> {
        locked(&self.pauses)
            .accounts
            .retain(|(id, _)| *id != account);
        Ok(())
    }

    async fn resume_connection(&self, connection: ConnectionId) -> Result<(), operations::Error> {
        let mut pauses = locked(&self.pauses);
        pauses.connections.retain(|(id, _)| *id != connection);
        Ok(())
    }
}
