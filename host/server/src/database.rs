//! Which database a URL names, opening it, and looking at it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use gladhand_core::clock::Clock;
use gladhand_core::ids::Ids;
use gladhand_engine::route::Router;
use gladhand_store::crypter::Key;
use gladhand_store::{Location, Look, Options, Store};
use secrecy::SecretString;

use crate::config::Config;

/// Opens the store that the configuration names.
pub async fn open(
    config: &Config,
    key: &Key,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
    planner: Arc<Router>,
) -> Result<Arc<Store>> {
    let location = location(&config.store.url)?;
    make_folder(&location)?;
    let options = Options {
        location,
        master_key: key.clone(),
        older_master_keys: Vec::new(),
        clock: clock.clone(),
        ids: ids.clone(),
        planner,
        hold: config.limits.hold,
    };
    let opened = Store::open(options).await;
    opened.with_context(|| format!("opening the store {}", printable(&config.store.url)))
}

/// What there is in a database, which stays as it is; `None` where there is none yet.
pub async fn look(url: &str) -> Result<Option<Look>> {
    let looked = Look::at(&location(url)?).await;
    looked.with_context(|| format!("looking at the store {}", printable(url)))
}

/// Where a URL says that the database is.
fn location(url: &str) -> Result<Location> {
    if let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
        return Ok(Location::Sqlite(PathBuf::from(path)));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Location::Postgres(SecretString::from(url)));
    }
    let shown = printable(url);
    bail!(
        "`{shown}` names no store: write sqlite:PATH, like sqlite:data/gladhand.db, or \
         postgres://USER:PASSWORD@HOST/DATABASE"
    )
}

fn make_folder(location: &Location) -> Result<()> {
    let Location::Sqlite(path) = location else {
        return Ok(());
    };
    match path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        Some(dir) => {
            std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))
        }
        None => Ok(()),
    }
}

/// Refuses a file that is not there: who opens one to read it would make an empty one.
pub fn must_exist(url: &str) -> Result<()> {
    match url.strip_prefix("sqlite:").map(Path::new) {
        Some(path) if !path.is_file() => bail!(
            "there is no database at {}: nothing was moved; say where the host keeps it (`store.url` in its gladhand.toml)",
            path.display()
        ),
        _ => Ok(()),
    }
}

/// A store's URL without its password, also where it is none that can be read.
pub fn printable(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.to_owned();
    }
    let pairs = |(place, query): (&str, &str)| {
        let pairs: Vec<&str> = query.split('&').map(printable_pair).collect();
        format!("{place}?{}", pairs.join("&"))
    };
    let url = url.split_once('?').map_or_else(|| url.to_owned(), pairs);
    let (scheme, rest) = url.split_at(url.find("://").map_or(0, |at| at + "://".len()));
    // The last `@`: a password may hold one that nobody has encoded.
    let parts = rest
        .rsplit_once('@')
        .and_then(|(who, place)| Some((who.split_once(':')?.0, place)));
    match parts {
        Some((user, place)) => format!("{scheme}{user}:***@{place}"),
        None => url,
    }
}

/// PostgreSQL takes the password as a parameter, too.
fn printable_pair(pair: &str) -> &str {
    if pair.starts_with("password=") {
        "password=***"
    } else {
        pair
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_must_be_there_and_is_not_made() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("gladhand.db");
        let url = format!("sqlite:{}", path.display());
        let refused = must_exist(&url).expect_err("there is no file");
        assert!(refused.to_string().contains("nothing was moved"));
        assert!(!path.exists());
        std::fs::write(&path, "").expect("a file");
        must_exist(&url).expect("there is a file");
        must_exist("postgres://gladhand@db.internal/gladhand").expect("no file is meant");
    }

    #[track_caller]
    fn check_printable(url: &str, expect: &str) {
        assert_eq!(printable(url), expect);
    }

    #[test]
    fn no_password_of_a_store_is_printed() {
        check_printable("postgres://u:pw@h:5432/db", "postgres://u:***@h:5432/db");
        check_printable("postgres://u:p/w@x?@h/db", "postgres://u:***@h/db");
        check_printable("mysql://x:pw@h/db", "mysql://x:***@h/db");
        check_printable("x:pw@h/db", "x:***@h/db");
        check_printable(
            "postgres://h/db?user=u&password=pw",
            "postgres://h/db?user=u&password=***",
        );
        check_printable(
            "postgres://h:5432/db?password=p@w",
            "postgres://h:5432/db?password=***",
        );
        check_printable("postgres://u@h:5432/db", "postgres://u@h:5432/db");
        check_printable("sqlite:a:b@c.db", "sqlite:a:b@c.db");
    }

    #[test]
    fn a_url_that_names_no_store_is_refused_without_its_password() {
        let refused = location("mysql://x:secretpw@h/db");
        let said = refused.expect_err("it is another database's").to_string();
        assert!(
            said.starts_with("`mysql://x:***@h/db` names no store"),
            "{said}"
        );
    }
}
