//! The database of one run, and what it says of its work: commits, bytes written, bytes kept, statements.
//!
//! Commits are those that wrote. SQLite counts them in the header of its log's index (`iChange` at byte 8 of the `-shm`
//! file); PostgreSQL gives each a transaction number, so two readings of the next number differ by them.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, query, query_scalar};

/// Where `cargo xtask` says that the cluster it started is.
pub const URL: &str = "GLADHAND_TEST_POSTGRES";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file per run.
    Sqlite,
    /// A database per run in a cluster that keeps what it commits.
    Postgres,
}

/// The database of one run.
pub enum Database {
    /// The file.
    Sqlite(PathBuf),
    /// Its cluster, and its name in it.
    Postgres { cluster: String, name: String },
}

/// What a database has done so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work {
    commits: u32,
    /// Into the log of PostgreSQL, or by this process to its disk where the database is a file of it.
    bytes_written: u64,
}

impl Kind {
    /// By its name.
    pub fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "sqlite" => Self::Sqlite,
            "postgres" => Self::Postgres,
            other => bail!("there is no store `{other}`; these are: sqlite, postgres"),
        })
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Database {
    /// A new one; `number` tells it from this process's others.
    pub async fn make(kind: Kind, dir: &Path, number: u32) -> Result<Self> {
        if kind == Kind::Sqlite {
            return Ok(Self::Sqlite(dir.join("gladhand.db")));
        }
        let cluster = cluster(URL)?;
        let name = format!("gladhand_{}_{number}", std::process::id());
        let mut connection = PgConnection::connect(&cluster)
            .await
            .context("connecting to PostgreSQL")?;
        for statement in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name}"),
        ] {
            query(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await?;
        }
        Ok(Self::Postgres { cluster, name })
    }

    /// What a host is told.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres { cluster, name } => {
                let (server, _) = cluster.rsplit_once('/').unwrap_or((cluster, ""));
                format!("{server}/{name}")
            }
        }
    }

    /// What it has done since some beginning; a host must have it open.
    pub async fn work(&self) -> Result<Work> {
        match self {
            Self::Sqlite(path) => {
                const COMMITS_AT: u64 = 8;
                let mut index = path.clone().into_os_string();
                index.push("-shm");
                let mut commits = [0; 4];
                std::fs::File::open(&index)
                    .and_then(|index| index.read_exact_at(&mut commits, COMMITS_AT))
                    .with_context(|| format!("reading {}", PathBuf::from(index).display()))?;
                Ok(Work {
                    commits: u32::from_ne_bytes(commits),
                    bytes_written: written_by_this_process()?,
                })
            }
            Self::Postgres { .. } => {
                let mut connection = self.connect().await?;
                let next = "SELECT txid_snapshot_xmax(txid_current_snapshot())";
                let next: i64 = query_scalar(next).fetch_one(&mut connection).await?;
                let written = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint";
                let written: i64 = query_scalar(written).fetch_one(&mut connection).await?;
                Ok(Work {
                    commits: u32::try_from(next).context("few transactions")?,
                    bytes_written: u64::try_from(written)?,
                })
            }
        }
    }

    /// Bytes that it keeps on disk, its log included where that is a file of its own.
    pub async fn bytes_kept(&self) -> Result<u64> {
        match self {
            Self::Sqlite(path) => {
                let mut log = path.clone().into_os_string();
                log.push("-wal");
                let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
                Ok(size(path) + size(Path::new(&log)))
            }
            Self::Postgres { .. } => {
                let mut connection = self.connect().await?;
                let size = "SELECT pg_database_size(current_database())";
                let size: i64 = query_scalar(size).fetch_one(&mut connection).await?;
                Ok(u64::try_from(size)?)
            }
        }
    }

    /// Removes it, hosts or no hosts; a file goes with its folder.
    pub async fn remove(&self) -> Result<()> {
        if let Self::Postgres { cluster, name } = self {
            let mut connection = PgConnection::connect(cluster).await?;
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            query(AssertSqlSafe(drop)).execute(&mut connection).await?;
        }
        Ok(())
    }

    /// A session with it; there is none with a file.
    pub async fn connect(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect(&self.url()).await?)
    }
}

impl Work {
    /// Commits since `earlier`.
    pub fn commits_since(&self, earlier: &Self) -> u32 {
        self.commits.wrapping_sub(earlier.commits)
    }

    /// Bytes written since `earlier`.
    pub fn bytes_since(&self, earlier: &Self) -> u64 {
        self.bytes_written.saturating_sub(earlier.bytes_written)
    }

    /// Commits per delivery since `earlier`.
    pub fn commits_per(&self, deliveries: u64, earlier: &Self) -> f64 {
        f64::from(self.commits_since(earlier)) / deliveries as f64
    }

    /// Bytes written per delivery since `earlier`.
    pub fn bytes_per(&self, deliveries: u64, earlier: &Self) -> f64 {
        self.bytes_since(earlier) as f64 / deliveries as f64
    }
}

/// What `cargo xtask` says of the cluster that it started.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by their environment where the cluster is"
)]
pub fn cluster(variable: &str) -> Result<String> {
    std::env::var(variable).with_context(|| {
        format!(
            "{variable} does not say where PostgreSQL is: `cargo xtask postgres COMMAND` starts one for a command"
        )
    })
}

/// What the kernel says that this process made it write: nothing but the database is written here.
fn written_by_this_process() -> Result<u64> {
    let said = std::fs::read_to_string("/proc/self/io").context("reading /proc/self/io")?;
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.context("the kernel counts what is written")?.parse()?)
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions as _;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

    use super::*;

    #[tokio::test]
    async fn commits_of_sqlite_are_those_that_wrote() {
        let dir = tempfile::TempDir::new().unwrap();
        let database = Database::make(Kind::Sqlite, dir.path(), 0).await.unwrap();
        let options = SqliteConnectOptions::new()
            .filename(dir.path().join("gladhand.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let mut connection = options.connect().await.unwrap();
        query("CREATE TABLE numbers (number INTEGER)")
            .execute(&mut connection)
            .await
            .unwrap();
        let before = database.work().await.unwrap();
        for statement in [
            "INSERT INTO numbers VALUES (1)",
            "BEGIN; INSERT INTO numbers VALUES (2); INSERT INTO numbers VALUES (3); COMMIT",
            "SELECT number FROM numbers",
            "BEGIN; INSERT INTO numbers VALUES (4); ROLLBACK",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "DELETE FROM numbers",
        ] {
            query(statement).execute(&mut connection).await.unwrap();
        }
        let commits = database.work().await.unwrap().commits_since(&before);
        assert_eq!(commits, 3);
    }
}
