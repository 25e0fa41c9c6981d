//! The PostgreSQL that `cargo xtask chaos` started: a database of its own in it, and what can go wrong with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;

use crate::disk::Disk;

/// Where `cargo xtask` says that the cluster is, and what starts and stops it.
const URL: &str = "GLADHAND_TEST_POSTGRES";
const CONTROL: &str = "GLADHAND_TEST_POSTGRES_CONTROL";

/// How long a restart may take.
const RESTART_SECS: &str = "15";
/// More than the cluster gives out.
const CONNECTIONS: usize = 400;
/// After a restart the first connection may come too early.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// A database in the cluster.
pub struct Postgres {
    cluster: String,
    control: PathBuf,
    name: String,
}

impl Postgres {
    /// Makes the database; on a small disk where one is given.
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are told by their environment where the cluster is"
    )]
    pub async fn create(name: &str, small: Option<&Disk>) -> Result<Self> {
        let (Ok(cluster), Some(control)) = (std::env::var(URL), std::env::var_os(CONTROL)) else {
            bail!(
                "{URL} and {CONTROL} do not say where PostgreSQL is: start this with `cargo xtask chaos --store postgres`"
            );
        };
        let postgres = Self {
            cluster,
            control: control.into(),
            name: name.to_owned(),
        };
        let mut connection = PgConnection::connect(&postgres.cluster)
            .await
            .context("connecting to PostgreSQL")?;
        let mut statements = vec![format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")];
        if let Some(small) = small {
            let data: String = sqlx::query_scalar("SHOW data_directory")
                .fetch_one(&mut connection)
                .await?;
            let folder = small.folder_like(Path::new(&data))?;
            let space = format!("{name}_{}", std::process::id());
            // Its tables and not its log: without space for that PostgreSQL stops until somebody starts it again.
            statements.extend([
                format!("CREATE TABLESPACE {space} LOCATION '{}'", folder.display()),
                format!("CREATE DATABASE {name} TABLESPACE {space}"),
            ]);
        } else {
            statements.push(format!("CREATE DATABASE {name}"));
        }
        for statement in statements {
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .execute(&mut connection)
                .await?;
        }
        Ok(postgres)
    }

    /// What a host is told.
    pub fn url(&self) -> String {
        let (cluster, _) = self.cluster.rsplit_once('/').unwrap_or((&self.cluster, ""));
        format!("{cluster}/{}", self.name)
    }

    /// Restarts the server: `fast` ends connections, `immediate` ends everything without a word.
    ///
    /// One that recovers from a crash may not get to an end by itself; whoever operates it then does not wait either.
    pub async fn restart(&self, mode: &str) -> Result<()> {
        let mut said = String::new();
        for mode in [mode, "immediate"] {
            let restarted = Command::new(&self.control)
                .args(["restart", "--timeout", RESTART_SECS, "--mode", mode])
                .output()
                .await
                .context("restarting PostgreSQL")?;
            if restarted.status.success() {
                return Ok(());
            }
            said = String::from_utf8_lossy(&restarted.stderr).into_owned();
        }
        bail!("restarting PostgreSQL: {said}")
    }

    /// Ends the connection of a host that was used last.
    pub async fn end_a_backend(&self) -> Result<()> {
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY state_change DESC LIMIT 1",
        )
        .await
    }

    /// The process behind the connection of a host that was used last, where there is one.
    pub async fn busiest_backend(&self) -> Result<Option<u32>> {
        let Ok(mut connection) = PgConnection::connect(&self.url()).await else {
            return Ok(None);
        };
        let pid: Option<i32> = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             ORDER BY state_change DESC LIMIT 1",
        )
        .fetch_optional(&mut connection)
        .await?;
        Ok(pid.and_then(|pid| u32::try_from(pid).ok()))
    }

    /// Holds every connection that the server has left, for a while.
    pub async fn exhaust(&self, duration: Duration) -> Result<()> {
        let url = self.url();
        let mut held = Vec::new();
        while held.len() < CONNECTIONS {
            match PgConnection::connect(&url).await {
                Ok(connection) => held.push(connection),
                Err(_) => break,
            }
        }
        tokio::time::sleep(duration).await;
        Ok(())
    }

    /// Runs a statement, as soon as the server takes one.
    pub async fn run(&self, statement: &str) -> Result<()> {
        let mut refusal = None;
        for _ in 0..TRIES {
            match self.try_to(statement).await {
                Ok(()) => return Ok(()),
                Err(error) => refusal = Some(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(refusal.expect("it was tried at least once"))
    }

    async fn try_to(&self, statement: &str) -> Result<()> {
        let mut connection = PgConnection::connect(&self.url()).await?;
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut connection)
            .await
            .with_context(|| format!("running {statement}"))?;
        connection.close().await?;
        Ok(())
    }
}
