//! The engine, as the admin needs it.

use async_trait::async_trait;
use gladhand_core::failure::Failure;
use gladhand_core::ids::{AccountId, ConnectionId};
use gladhand_engine::Engine;
use gladhand_runtime::Check;
use gladhand_store::catalog::Version;

use crate::admin::operations::Pauses;
use crate::admin::{self, Operations};

/// The engine, as the admin needs it.
pub struct Running(pub Engine);

#[async_trait]
impl Operations for Running {
    async fn reload(&self) {
        if let Err(error) = self.0.reload().await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "taking up changed settings"
            );
        }
    }

    async fn check(&self, connection: ConnectionId) -> Result<Vec<Check>, Failure> {
        self.0.check(connection).await
    }

    async fn discover(
        &self,
        connection: ConnectionId,
        what: &str,
    ) -> Result<serde_json::Value, Failure> {
        self.0.discover(connection, what).await
    }

    async fn add_connector(&self, component: Vec<u8>) -> Result<Version, admin::operations::Error> {
        match self.0.add_connector(&component).await {
            Ok(version) => Ok(version),
            Err(gladhand_engine::Error::Load(error)) => {
                Err(admin::operations::Error::Refused(error.to_string()))
            }
            Err(gladhand_engine::Error::Store(error)) => Err(error.into()),
            Err(gladhand_engine::Error::Standings(error)) => Err(error.into()),
        }
    }

    async fn pauses(&self) -> Pauses {
        let mut pauses = Pauses::default();
        // Where the store does not answer, the caller hears so from what else he asks.
        let found = self.0.paused_anywhere().await;
        for pause in found.unwrap_or_else(|_| self.0.paused()) {
            match pause.connection {
                Some(connection) => pauses.connections.push((connection, pause.paused)),
                None => pauses.accounts.push((pause.account, pause.paused)),
            }
        }
        pauses
    }

    async fn pause_account(&self, account: AccountId) -> Result<(), admin::operations::Error> {
        self.0
            .pause_account(account, "an operator paused it")
            .await?;
        Ok(())
    }

    async fn resume_account(&self, account: AccountId) -> Result<(), admin::operations::Error> {
        self.0.resume_account(account).await?;
        Ok(())
    }

    async fn resume_connection(
        &self,
        connection: ConnectionId,
    ) -> Result<(), admin::operations::Error> {
        self.0.resume_connection(connection).await?;
        Ok(())
    }
}
