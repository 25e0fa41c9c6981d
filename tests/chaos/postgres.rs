//! The PostgreSQL that `cargo xtask chaos` started: a database of its own in it, and what can go wrong with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::disk::Disk;

/// Where `cargo xtask` says that the cluster is, and what starts and stops it.
const URL: &str = "GLADHAND_TEST_POSTGRES";
const CONTROL: &str = "GLADHAND_TEST_POSTGRES_CONTROL";

/// How long a start may take: with all that minutes of load left in its log to recover.
const START_SECS: &str = "20";
/// How long a restart waits before it is made an immediate one: asked to end while it recovers, a server may never.
const RESTART_SECS: &str = "5";
/// A start that was cut off, or met a disk without space, is tried again, so often and this far apart.
const STARTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);
/// A server that answers at all answers by then.
const ANSWER: Duration = Duration::from_secs(5);
/// One that is in the middle of something, or has no connection left, answers by then.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than the cluster gives out.
const CONNECTIONS: usize = 400;

/// The process behind the connection of a host that was used last.
const BUSIEST: &str = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
     ORDER BY state_change DESC LIMIT 1";

/// A database in the cluster.
pub struct Postgres {
    cluster: String,
    control: PathBuf,
    name: String,
    log: PathBuf,
    disk: Arc<Disk>,
    /// Two that start and stop it at once are in each other's way.
    turn: Mutex<()>,
}

impl Postgres {
    /// Makes the database; on `disk` where that can be full.
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are told by their environment where the cluster is"
    )]
    pub async fn create(name: &str, disk: Arc<Disk>) -> Result<Self> {
        let (Ok(cluster), Some(control)) = (std::env::var(URL), std::env::var_os(CONTROL)) else {
            bail!(
                "{URL} and {CONTROL} do not say where PostgreSQL is: start this with `cargo xtask chaos --store postgres`"
            );
        };
        let mut connection = connect(&cluster)
            .await
            .with_context(|| format!("connecting to the PostgreSQL that {URL} names"))?;
        let data: String = sqlx::query_scalar("SHOW data_directory")
            .fetch_one(&mut connection)
            .await?;
        let data = Path::new(&data);
        let mut statements = vec![format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")];
        if disk.is_small() {
            let folder = disk.folder_like(data)?;
            let space = format!("{name}_{}", std::process::id());
            // Its tables and not its log: without space for that it would stop each time, and nothing else would be tried.
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
        Ok(Self {
            log: data.join("log"),
            cluster,
            control: control.into(),
            name: name.to_owned(),
            disk,
            turn: Mutex::default(),
        })
    }

    /// What a host is told.
    pub fn url(&self) -> String {
        let (cluster, _) = self.cluster.rsplit_once('/').unwrap_or((&self.cluster, ""));
        format!("{cluster}/{}", self.name)
    }

    /// What the server says.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Restarts the server: `fast` ends connections, `immediate` ends everything without a word.
    pub async fn restart(&self, mode: &str) -> Result<()> {
        let _turn = self.turn.lock().await;
        let restart = ["restart", "--timeout", RESTART_SECS, "--mode", mode];
        match self.control(&restart).await {
            Ok(()) => Ok(()),
            Err(_) => self.raise().await,
        }
    }

    /// Starts the server where it is found dead. It recovers by itself from much, but not from a disk that is full while it
    /// recovers: then it ends, and waits for whoever watches it.
    pub async fn keep_alive(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        if self.control(&["status"]).await.is_err() {
            self.raise().await?;
        }
        Ok(())
    }

    /// Returns once the server answers; a dead one is started.
    pub async fn answers(&self) -> Result<()> {
        self.keep_alive().await?;
        self.run("SELECT 1").await
    }

    /// Ends the connection of a host that was used last; whether there was one.
    pub async fn end_a_backend(&self) -> bool {
        let end = format!("SELECT pg_terminate_backend(pid)::int FROM ({BUSIEST}) AS busiest");
        self.number(end).await == Some(1)
    }

    /// The process behind the connection of a host that was used last, where there is one.
    pub async fn busiest_backend(&self) -> Option<u32> {
        let pid = self.number(BUSIEST.to_owned()).await?;
        u32::try_from(pid).ok()
    }

    /// Holds every connection that the server has left, for a while; whether it had any.
    pub async fn exhaust(&self, duration: Duration) -> bool {
        let url = self.url();
        let mut held = Vec::new();
        while held.len() < CONNECTIONS {
            match connect(&url).await {
                Ok(connection) => held.push(connection),
                Err(_) => break,
            }
        }
        tokio::time::sleep(duration).await;
        !held.is_empty()
    }

    /// Runs a statement, as soon as the server takes one.
    pub async fn run(&self, statement: &str) -> Result<()> {
        let mut refusal = None;
        let running = async {
            while let Err(error) = self.try_to(statement).await {
                refusal = Some(error);
                tokio::time::sleep(PAUSE).await;
            }
        };
        let done = timeout(PATIENCE, running).await;
        done.map_err(|_| refusal.unwrap_or_else(|| anyhow::anyhow!("it says nothing")))
            .with_context(|| format!("PostgreSQL does not take `{statement}` within {PATIENCE:?}"))
    }

    async fn try_to(&self, statement: &str) -> Result<()> {
        let mut connection = connect(&self.url()).await?;
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(())
    }

    /// What a query answers; none where it finds nothing, or the server is just away.
    async fn number(&self, query: String) -> Option<i32> {
        let asked = async {
            let mut connection = connect(&self.url()).await.ok()?;
            let query = sqlx::query_scalar(sqlx::AssertSqlSafe(query));
            query.fetch_optional(&mut connection).await.ok()?
        };
        timeout(ANSWER, asked).await.ok().flatten()
    }

    /// Starts it, dead or alive, with space to recover in.
    async fn raise(&self) -> Result<()> {
        let _space = self.disk.keep_space().await;
        let start = ["restart", "--timeout", START_SECS, "--mode", "immediate"];
        let mut more = 1..STARTS;
        while let Err(error) = self.control(&start).await {
            if more.next().is_none() {
                let tried = format!("PostgreSQL did not come up in {STARTS} starts");
                return Err(error.context(tried));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// What `pg_ctl` takes.
    async fn control(&self, arguments: &[&str]) -> Result<()> {
        let output = Command::new(&self.control)
            .args(arguments)
            .output()
            .await
            .with_context(|| format!("starting {}", self.control.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("pg_ctl {}: {}", arguments.join(" "), said.trim());
        }
        Ok(())
    }
}

async fn connect(url: &str) -> Result<PgConnection> {
    let connected = timeout(ANSWER, PgConnection::connect(url)).await;
    Ok(connected.with_context(|| format!("no answer within {ANSWER:?}"))??)
}
