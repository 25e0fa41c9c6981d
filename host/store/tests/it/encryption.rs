//! A connection to PostgreSQL that nobody else can read, and what is said where there is none.
//!
//! The server that speaks TLS is that of all tests behind a door of the test's own. The door's certificate names
//! 127.0.0.1 alone and is valid until 2126; the key of the authority that signed it is gone.

use std::sync::Arc;

use gladhand_store::{Deliveries as _, Error, Location, Store};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::bed::Bed;
use crate::events::Tick;
use crate::postgres;

const AUTHORITY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/encryption/authority.pem"
);

/// How a client asks whether the server speaks TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

#[tokio::test]
async fn a_server_without_tls_is_refused_where_the_url_asks_for_it() {
    let (bed, url) = a_database().await;
    for mode in ["require", "verify-ca", "verify-full"] {
        check_refused(&bed, &asking(&url, &[("sslmode", mode)]), "support TLS").await;
    }
    for mode in ["disable", "prefer"] {
        let opened = open(&bed, &asking(&url, &[("sslmode", mode)])).await;
        opened.expect("the URL does not ask for it").close().await;
    }
}

#[tokio::test]
async fn a_server_that_demands_tls_is_used_where_its_certificate_fits() {
    let (bed, url) = a_database().await;
    bed.take(bed.contact("7", None, Tick(1))).await;
    let behind = door(&url).await;
    let trusted = ("sslrootcert", AUTHORITY);
    let mut by_another_name = behind.clone();
    by_another_name
        .set_host(Some("localhost"))
        .expect("a host's name");

    let accepted = [
        asking(&behind, &[("sslmode", "verify-full"), trusted]),
        asking(&by_another_name, &[("sslmode", "verify-ca"), trusted]),
        asking(&behind, &[("sslmode", "require")]),
        behind.clone(),
    ];
    for url in accepted {
        let store = open(&bed, &url).await.expect("an encrypted session");
        let counts = store.counts().await.expect("readers are encrypted, too");
        assert_eq!(counts.by_state.len(), 1, "{url}");
        store.close().await;
    }
    let not_for_this_name = asking(&by_another_name, &[("sslmode", "verify-full"), trusted]);
    check_refused(&bed, &not_for_this_name, "not valid for name").await;
    let of_nobody_known = asking(&behind, &[("sslmode", "verify-full")]);
    check_refused(&bed, &of_nobody_known, "UnknownIssuer").await;
    let in_the_clear = open(&bed, &asking(&behind, &[("sslmode", "disable")])).await;
    assert!(
        matches!(in_the_clear, Err(Error::Unreachable(_))),
        "the door lets nobody in who does not encrypt"
    );
}

#[tokio::test]
async fn what_is_misspelt_about_encryption_is_said_and_not_ignored() {
    let (bed, url) = a_database().await;
    for (name, value, said) in [
        ("sslmode", "verify-ful", "verify-ful"),
        ("ssl_mode", "require", "ssl_mode is none of its parameters"),
        ("sslRootCert", AUTHORITY, "sslRootCert is none of"),
        ("sslrootcert", "/nowhere/ca.pem", "/nowhere/ca.pem"),
        (
            "sslkey",
            "-----BEGIN PRIVATE KEY-----",
            "the path of a file",
        ),
    ] {
        let opened = open(&bed, &asking(&url, &[(name, value)])).await;
        let error = opened.err().expect("it is refused").to_string();
        assert!(error.contains(said), "{error}");
    }
}

/// The refusal names what to change, and says why.
#[track_caller]
fn check_said(error: &Error, why: &str) {
    assert!(matches!(error, Error::Encryption(_)), "{error}");
    let said = error.to_string();
    assert!(
        said.contains("not encrypted as its URL asks (sslmode, sslrootcert)") && said.contains(why),
        "{said}"
    );
}

async fn check_refused(bed: &Bed, url: &Url, why: &str) {
    let error = open(bed, url).await.err().expect("it is refused");
    check_said(&error, why);
}

/// A bed, and the URL of its database.
async fn a_database() -> (Bed, Url) {
    let (database, bed) = postgres::one_host().await;
    let url = Url::parse(database.url().await).expect("a URL");
    (bed, url)
}

async fn open(bed: &Bed, url: &Url) -> Result<Arc<Store>, Error> {
    let location = Location::Postgres(SecretString::from(url.as_str()));
    Store::open(bed.given.clone().at(location)).await
}

fn asking(url: &Url, parameters: &[(&str, &str)]) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut().extend_pairs(parameters);
    url
}

/// The same database behind a door that speaks TLS and lets nobody in who does not.
async fn door(url: &Url) -> Url {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("encryption/server.pem"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("encryption/server.key"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions that the provider knows")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.expect("a certificate")],
            key.expect("a key"),
        )
        .expect("a certificate that fits its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut behind = url.clone();
    let port = listener.local_addr().expect("an address").port();
    behind.set_port(Some(port)).expect("a port's number");
    let server = url.socket_addrs(|| None).expect("the server's address")[0];
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut asked = [0; 8];
                client.read_exact(&mut asked).await?;
                if asked != SSL_REQUEST {
                    return Ok(());
                }
                client.write_all(b"S").await?;
                let mut client = acceptor.accept(client).await?;
                let mut server = TcpStream::connect(server).await?;
                copy_bidirectional(&mut client, &mut server).await.map(drop)
            });
        }
    });
    behind
}
