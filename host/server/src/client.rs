//! The command line's way to a running host: the admin API over HTTP, on this machine.
//!
//! It must not know what the answers mean.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::net::TcpStream;
use url::Url;

use crate::api::problem::Problem;

/// A host on this machine answers at once or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A check waits for the CRM, which the host itself gives up on after two minutes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(150);

/// More than any page or descriptor.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Who does not answer so soon what costs nothing is no host, or one that does not work.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the host did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none that this program can talk to.
    #[error("{0}")]
    Address(String),
    /// Nobody answers.
    #[error(
        "no gladhand host answers at {url}; start one with `gladhand serve`, or say with --url where it is"
    )]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        source: std::io::Error,
    },
    /// The connection broke or took too long.
    #[error("the host did not answer completely: {0}")]
    Broken(String),
    /// The host said no.
    #[error("{}", .0.detail)]
    Refused(Problem),
    /// Something answered that is no gladhand host.
    #[error("{url} answered {status} and not as a gladhand host does; is --url right?")]
    Strange {
        /// Where.
        url: String,
        /// HTTP status.
        status: u16,
    },
}

/// What is sent along.
pub enum Payload {
    /// Nothing.
    None,
    /// A JSON body.
    Json(Value),
    /// A component.
    Component(Vec<u8>),
}

/// A host's admin API.
pub struct Client {
    base: Url,
    token: SecretString,
}

impl Client {
    /// `url` is where the host listens.
    pub fn new(url: &str, token: SecretString) -> Result<Self, Error> {
        let refused = |message: &str| Error::Address(format!("`{url}`: {message}"));
        let base: Url = url
            .parse()
            .map_err(|_| refused("this is no URL; write it like http://127.0.0.1:8787"))?;
        match (base.scheme(), base.host_str()) {
            ("http", Some(host)) if is_loopback(host) => Ok(Self { base, token }),
            ("http", _) => Err(refused(
                "the token would cross the network unprotected; run the command on the host's machine",
            )),
            ("https", _) => Err(refused(
                "https is not supported yet; run the command on the host's machine, with its http:// address",
            )),
            _ => Err(refused("the address must begin with http://")),
        }
    }

    /// What is at a path under `/api/v1`.
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Value, Error> {
        self.send(Method::GET, path, query, Payload::None).await
    }

    /// The items of a list, page by page; at most `limit` where there is one.
    pub async fn list(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        limit: Option<usize>,
    ) -> Result<Vec<Value>, Error> {
        let mut items = Vec::new();
        let mut query = query.to_vec();
        loop {
            let mut page = self.get(path, &query).await?;
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            let next = page["next"]
                .as_str()
                .filter(|_| limit.is_none_or(|limit| items.len() < limit));
            let Some(next) = next else { break };
            query.retain(|(name, _)| *name != "cursor");
            query.push(("cursor", next.to_owned()));
        }
        items.truncate(limit.unwrap_or(usize::MAX));
        Ok(items)
    }

    /// Does something to what is at a path under `/api/v1`. An answer without a body is `null`.
    pub async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        payload: Payload,
    ) -> Result<Value, Error> {
        let request = self.request(method, path, query, payload)?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(request)).await;
        let (status, body) = answer
            .map_err(|_| Error::Broken(format!("not within {} s", ANSWER_TIMEOUT.as_secs())))??;
        let strange = || Error::Strange {
            url: self.base.to_string(),
            status,
        };
        if !(200..300).contains(&status) {
            let problem = serde_json::from_slice(&body).map_err(|_| strange())?;
            return Err(Error::Refused(problem));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|_| strange())
    }

    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        payload: Payload,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an http URL has a path")
            .clear()
            .extend(["api", "v1"])
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let target = &url[url::Position::BeforePath..];
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {}", self.token.expose_secret())).map_err(
                |_| Error::Address("the admin token holds characters that no token has".to_owned()),
            )?;
        authorization.set_sensitive(true);
        let (content_type, body) = match payload {
            Payload::None => (None, Bytes::new()),
            Payload::Json(value) => (Some("application/json"), value.to_string().into()),
            Payload::Component(component) => (Some("application/wasm"), component.into()),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, self.base.authority())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, authorization);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        request
            .body(Full::new(body))
            .map_err(|error| Error::Address(error.to_string()))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), Error> {
        exchange(self.connect().await?, request).await
    }

    async fn connect(&self) -> Result<TcpStream, Error> {
        let unreachable = |source| Error::Unreachable {
            url: self.base.to_string(),
            source,
        };
        let host = self
            .base
            .host_str()
            .unwrap_or_default()
            .trim_matches(['[', ']']);
        let port = self.base.port_or_known_default().unwrap_or(80);
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await {
            Ok(connected) => connected.map_err(unreachable),
            Err(_) => Err(unreachable(std::io::ErrorKind::TimedOut.into())),
        }
    }
}

/// The text that whoever listens at an address gives for a path; `None` where nobody gives one, or not soon.
pub async fn look(address: SocketAddr, path: &str) -> Option<String> {
    let request = Request::get(path).header(HOST, address.to_string());
    let request = request.body(Full::new(Bytes::new())).ok()?;
    let answer = async {
        let stream = TcpStream::connect(address).await.ok()?;
        exchange(stream, request).await.ok()
    };
    let (status, body) = tokio::time::timeout(LOOK_TIMEOUT, answer).await.ok()??;
    let text = String::from_utf8(body.to_vec()).ok()?;
    (status == 200).then_some(text)
}

async fn exchange(stream: TcpStream, request: Request<Full<Bytes>>) -> Result<(u16, Bytes), Error> {
    let broken = |error: hyper::Error| Error::Broken(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // The connection ends with its one exchange; what goes wrong with it is seen there.
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), ANSWER_BYTES)
        .collect()
        .await;
    connection.abort();
    let body = body.map_err(|error| Error::Broken(error.to_string()))?;
    Ok((status, body.to_bytes()))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(url: &str, expect: &str) {
        let Err(error) = Client::new(url, "token".into()) else {
            panic!("{url} was accepted")
        };
        assert_eq!(error.to_string(), expect);
    }

    #[test]
    fn only_this_machine_is_talked_to() {
        for url in [
            "http://127.0.0.1:8787",
            "http://localhost:1",
            "http://[::1]:8787/",
        ] {
            assert!(Client::new(url, "token".into()).is_ok(), "{url}");
        }
        check_refused(
            "http://crm.example.com:8787",
            "`http://crm.example.com:8787`: the token would cross the network unprotected; run the command on the host's machine",
        );
        check_refused(
            "https://gladhand.example.com",
            "`https://gladhand.example.com`: https is not supported yet; run the command on the host's machine, with its http:// address",
        );
        check_refused(
            "nonsense",
            "`nonsense`: this is no URL; write it like http://127.0.0.1:8787",
        );
    }

    #[test]
    fn names_cannot_leave_their_place_in_the_path() {
        let client =
            Client::new("http://127.0.0.1:8787", "token".into()).expect("a loopback address");
        let query = [("state", "dead&x=1".to_owned())];
        let request = client
            .request(Method::GET, &["sources", "../a b?"], &query, Payload::None)
            .expect("a request");
        assert_eq!(
            request.uri().to_string(),
            "/api/v1/sources/..%2Fa%20b%3F?state=dead%26x%3D1"
        );
    }

    #[tokio::test]
    async fn a_host_that_is_not_there_is_said_to_be_not_there() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        drop(listener);
        let client = Client::new(&url, "token".into()).expect("a loopback address");
        let error = client
            .get(&["sources"], &[])
            .await
            .expect_err("nobody listens");
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    }
}
