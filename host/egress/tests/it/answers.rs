//! Answers: whole, bounded, readable; and what is said where none came.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use gladhand_core::effect::Verdict;
use gladhand_egress::{Config, Error, Request};

use crate::support::{Crm, Setting, World, once, reply, rude_server, server_of_bytes, text};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

#[tokio::test]
async fn every_status_is_a_response() {
    for status in [200, 204, 304, 404, 429, 500, 503] {
        let crm = Crm::answering(move |_| reply(status, &[("X-Any", "thing")], "")).await;
        let response = World::new(&crm.url)
            .send(Request::get("/x"))
            .await
            .expect("a response");
        assert_eq!(response.status, status);
        assert!(response.headers.contains(&("x-any".into(), "thing".into())));
        assert!(!response.is_replayed);
    }
}

#[tokio::test]
async fn a_compressed_answer_is_decompressed() {
    let body = gzip(b"hello");
    let crm =
        Crm::answering(move |_| reply(200, &[("content-encoding", "gzip")], body.clone())).await;
    let response = World::new(&crm.url)
        .send(Request::get("/x"))
        .await
        .expect("a response");
    assert_eq!(text(&response), "hello");
    assert_eq!(crm.only().header("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn a_decompression_bomb_ends_at_the_limit() {
    let bomb = gzip(&vec![0; 64 << 20]);
    assert!(bomb.len() < 100 << 10, "small on the wire");
    let crm =
        Crm::answering(move |_| reply(200, &[("content-encoding", "gzip")], bomb.clone())).await;
    let mut world = World::new(&crm.url);
    let result = world.send(once()).await;
    assert!(
        matches!(result, Err(Error::TooLarge(limit)) if limit == 8 << 20),
        "{result:?}"
    );
    assert_eq!(world.last_verdict(), Verdict::Unknown);
}

#[tokio::test]
async fn an_answer_that_announces_too_much_is_not_read() {
    let url = server_of_bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\nbegin").await;
    let result = World::new(&url).send(Request::get("/x")).await;
    assert!(matches!(result, Err(Error::TooLarge(_))), "{result:?}");
}

#[tokio::test]
async fn an_answer_of_just_the_limit_is_whole() {
    let crm = Crm::answering(|_| reply(200, &[], vec![b'x'; 1_000])).await;
    let config = Config {
        response_bytes: 1_000,
        recorded_bytes: 10,
        ..Config::default()
    };
    let setting = Setting {
        config,
        ..Setting::default()
    };
    let mut world = World::with(&crm.url, setting);
    let response = world.send(Request::get("/x")).await.expect("a response");
    assert_eq!(response.body.len(), 1_000);
    let recorded = world.last_exchange().answer.as_ref().expect("an answer");
    assert_eq!(recorded.body.len(), 10);
}

#[tokio::test]
async fn a_slow_server_leaves_a_write_unknown() {
    let url = rude_server(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let mut world = World::new(&url);
    let mut request = once();
    request.timeout = Some(Duration::from_millis(50));
    let result = world.send(request).await;
    assert!(matches!(result, Err(Error::Timeout)), "{result:?}");
    assert_eq!(world.last_verdict(), Verdict::Unknown);
    assert!(
        world
            .last_exchange()
            .error
            .as_ref()
            .is_some_and(|error| error.contains("in time"))
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_a_write_unknown() {
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnone",
        b"not HTTP at all\r\n\r\n",
    ] {
        let url = server_of_bytes(bytes).await;
        let mut world = World::new(&url);
        let result = world.send(once()).await;
        assert!(matches!(result, Err(Error::Timeout)), "{result:?}");
        assert_eq!(world.last_verdict(), Verdict::Unknown);
    }
}

#[tokio::test]
async fn a_refused_connection_leaves_a_write_not_done() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let mut world = World::new(&url);
    let result = world.send(once()).await;
    assert!(matches!(result, Err(Error::Unreachable(_))), "{result:?}");
    assert_eq!(world.last_verdict(), Verdict::NotDone);
}

#[tokio::test]
async fn an_exchange_says_what_was_sent_and_answered() {
    let crm = Crm::with(201, r#"{"id":9}"#).await;
    let mut world = World::new(&crm.url);
    let mut request = once();
    request.query = vec![
        ("token".into(), "of a page".into()),
        ("page".into(), "2".into()),
    ];
    world.send(request).await.expect("a response");
    assert_eq!(crm.only().method, "POST");
    assert_eq!(crm.only().path, "/api/persons?token=of+a+page&page=2");
    let exchange = world.last_exchange();
    assert_eq!(
        (&*exchange.call, &*exchange.method, &*exchange.effect),
        ("http.send", "POST", "once")
    );
    assert_eq!(
        exchange.url,
        format!("{}/api/persons?token=%5Bredacted%5D&page=2", crm.url)
    );
    assert_eq!(exchange.request, br#"{"name":"Jane"}"#);
    let answer = exchange.answer.as_ref().expect("an answer");
    assert_eq!((answer.status, &*answer.body), (201, &br#"{"id":9}"#[..]));
    assert_eq!((&exchange.error, exchange.is_replayed), (&None, false));
}
