//! The contract's SQLite backend, and what only SQLite can break.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use gladhand_core::attempt::Changes;
use gladhand_core::delivery::DeliveryState;
use gladhand_core::port::Ports;
use gladhand_store::crypter::Key;
use gladhand_store::deliveries::Claimed;
use gladhand_store::{Error, Location, Look, Store};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::bed::{self, Backend, Bed, Given};
use crate::events::{Tick, contact};

struct File {
    directory: tempfile::TempDir,
    open: Mutex<Option<Arc<Store>>>,
}

pub fn backend() -> Box<dyn Backend> {
    Box::new(File::new())
}

impl File {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            open: Mutex::default(),
        }
    }

    fn location(&self) -> Location {
        Location::Sqlite(self.directory.path().join("gladhand.db"))
    }
}

#[async_trait]
impl Backend for File {
    async fn open(&self, given: Given) -> Result<(Arc<dyn bed::Store>, Ports), Error> {
        let store = Store::open(given.at(self.location())).await?;
        *self.open.lock().expect("no test panics holding it") = Some(Arc::clone(&store));
        let ports = store.ports();
        Ok((store, ports))
    }

    fn whole(&self) -> Option<Arc<Store>> {
        self.open.lock().expect("no test panics holding it").clone()
    }

    async fn abandon(&self) {
        let store = self.open.lock().expect("no test panics holding it").take();
        store.expect("it is open").close().await;
    }
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let file = File::new();
    let location = file.location();
    let bed = Bed::new(Box::new(file)).await;
    let again = bed.given.clone().at(location);
    assert!(matches!(Store::open(again).await, Err(Error::InUse { .. })));
}

#[tokio::test]
async fn a_store_that_is_closed_says_so() {
    let bed = Bed::new(backend()).await;
    bed.backend.abandon().await;
    let taken = bed.store.take(bed.contact("7", None, Tick(1))).await;
    assert!(matches!(taken, Err(Error::Closed)));
}

#[tokio::test]
async fn another_master_key_opens_nothing() {
    let bed = Bed::new(backend()).await;
    bed.backend.abandon().await;
    let other = Given {
        master_key: Key::generate(),
        ..bed.given.clone()
    };
    let opened = bed.backend.open(other).await.err();
    assert!(matches!(opened, Some(Error::MasterKey)), "{opened:?}");
    bed.backend
        .open(bed.given.clone())
        .await
        .expect("the key that it was made with");
}

#[tokio::test]
async fn who_looks_changes_nothing_and_sees_whether_the_key_fits() {
    let file = File::new();
    let (location, directory) = (file.location(), file.directory.path().to_owned());
    let files = || {
        let entries = std::fs::read_dir(&directory).expect("the directory");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        names
    };
    let nothing = Look::at(&location).await.expect("an answer");
    assert!(nothing.is_none() && files().is_empty());

    let bed = Bed::new(Box::new(file)).await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    for is_open in [true, false] {
        if !is_open {
            bed.backend.abandon().await;
        }
        let before = files();
        let look = Look::at(&location).await.expect("an answer");
        let look = look.expect("a database");
        assert_eq!(files(), before);
        assert!(look.is_sealed() && look.opens_with(&bed.given.master_key));
        assert!(!look.opens_with(&Key::generate()));
        let counts = look.counts.expect("a schema of this version");
        assert_eq!(counts.by_state, [(DeliveryState::Pending, 1)]);
    }
}

#[tokio::test]
async fn no_plain_text_of_a_body_stands_in_the_file() {
    const MARK: &[u8] = b"the visitor's own words, which nobody else may read";
    let file = File::new();
    let path = file.directory.path().to_owned();
    let bed = Bed::new(Box::new(file)).await;
    for tick in 1..20 {
        let mut event = bed.message("9", contact("7", Some("jane@example.com")), Tick(tick));
        event.body = MARK.to_vec();
        bed.take(event).await;
    }
    bed.backend.abandon().await;
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(&path).expect("the directory") {
        bytes.extend(std::fs::read(entry.expect("an entry").path()).expect("a file"));
    }
    let holds = |words: &[u8]| bytes.windows(words.len()).any(|window| window == words);
    assert!(
        holds(b"message_created"),
        "the search finds what is stored openly"
    );
    for part in [MARK, &MARK[4..20]] {
        assert!(!holds(part));
    }
}

#[tokio::test]
async fn what_is_delivered_from_a_long_queue_lies_on_as_few_pages_as_from_a_short_one() {
    let (short, long) = (pages_written(300).await, pages_written(6_000).await);
    assert!(
        2 * long < 3 * short,
        "{short} pages of a short queue, {long} of a long one"
    );
}

/// How many pages claims and settles of 200 deliveries write to, while those of `lanes` other contacts wait. Contacts come
/// in no order of their names.
async fn pages_written(lanes: u32) -> usize {
    /// SQLite's file format, 4: a header, then frames, each beginning with its page's number.
    const LOG_HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    const PAGE_NUMBER: usize = 4;
    const PAGE: usize = 4_096;
    let file = File::new();
    let path = file.directory.path().join("gladhand.db");
    let bed = Bed::new(Box::new(file)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..lanes + 200 {
        let contact = number.wrapping_mul(2_654_435_761).to_string();
        let event = bed.contact(&contact, None, Tick(1));
        let store = Arc::clone(&bed.store);
        tasks.spawn(async move { store.take(event).await.expect("an event is taken") });
    }
    tasks.join_all().await;
    let mut other = SqliteConnectOptions::new()
        .filename(&path)
        .connect()
        .await
        .expect("the file is there");
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut other)
        .await
        .expect("nobody writes");
    for _ in 0..10 {
        let claimed = bed.claim(20).await;
        assert_eq!(claimed.len(), 20);
        let mut tasks = tokio::task::JoinSet::new();
        for Claimed { lease, .. } in claimed {
            let ended = bed.ended(DeliveryState::Succeeded);
            let (store, account) = (Arc::clone(&bed.store), bed.account);
            tasks.spawn(async move {
                let settled = store.settle(&lease, account, bed::STATE, Changes::default(), ended);
                settled.await.expect("the lease holds");
            });
        }
        tasks.join_all().await;
    }
    let log = std::fs::read(path.with_extension("db-wal")).expect("the log");
    let pages: HashSet<&[u8]> = log[LOG_HEADER..]
        .chunks(FRAME_HEADER + PAGE)
        .map(|frame| &frame[..PAGE_NUMBER])
        .collect();
    pages.len()
}
