//! Where the host is and what proves that we may use it: options, then the environment, then what it is configured with.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context;

use super::Options;
use crate::client::Client;
use crate::config::{Config, Environment};
use crate::token;

/// A host that commands can talk to.
pub struct Endpoint {
    /// Its admin API.
    pub client: Client,
}

impl Endpoint {
    /// Finds it.
    pub fn find(options: &Options, environment: &Environment) -> anyhow::Result<Self> {
        let told = |option: &Option<String>, variable: &str| {
            option
                .clone()
                .or_else(|| environment.get(variable).map(str::to_owned))
        };
        let (url, secret) = (
            told(&options.url, "GLADHAND_URL"),
            told(&options.token, "GLADHAND_TOKEN"),
        );
        // The configuration is asked only for what nobody said, for it may be on another machine.
        let config = match (&url, &secret) {
            (Some(_), Some(_)) => None,
            _ => Some(Config::load(
                options.config.as_deref(),
                environment,
                &options.set,
            )?),
        };
        let url = match (url, &config) {
            (None, Some(config)) => format!("http://{}", reachable(config.server.listen)),
            (url, _) => url.unwrap_or_default(),
        };
        let secret = match (secret, &config) {
            (None, Some(config)) => token::find(&config.store.data_dir).with_context(|| {
                let file = token::file(&config.store.data_dir);
                format!(
                    "no admin token: give one with --token or GLADHAND_TOKEN, or run this where and as who runs `gladhand serve`, which writes it to {}",
                    file.display()
                )
            })?,
            (secret, _) => secret.unwrap_or_default().into(),
        };
        Ok(Self {
            client: Client::new(&url, secret)?,
        })
    }
}

/// A host that listens on every address is reached on this machine's own.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen {
        SocketAddr::V4(address) if address.ip().is_unspecified() => {
            (Ipv4Addr::LOCALHOST, address.port()).into()
        }
        SocketAddr::V6(address) if address.ip().is_unspecified() => {
            (Ipv6Addr::LOCALHOST, address.port()).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: Option<&str>, token: Option<&str>, data_dir: &std::path::Path) -> Options {
        let set = vec![("store.data_dir".to_owned(), data_dir.display().to_string())];
        Options {
            config: None,
            set,
            url: url.map(str::to_owned),
            token: token.map(str::to_owned),
        }
    }

    #[test]
    fn the_token_is_found_where_the_host_wrote_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let options = options(None, None, dir.path());
        let Err(error) = Endpoint::find(&options, &Environment::default()) else {
            panic!("there is no token yet")
        };
        assert!(
            error
                .to_string()
                .starts_with("no admin token: give one with --token"),
            "{error}"
        );
        token::ensure(dir.path()).expect("the directory can be written");
        assert!(Endpoint::find(&options, &Environment::default()).is_ok());
    }

    #[test]
    fn the_environment_says_what_options_do_not() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let environment = Environment::of([
            ("GLADHAND_URL", "http://127.0.0.1:1"),
            ("GLADHAND_TOKEN", "x"),
        ]);
        assert!(Endpoint::find(&options(None, None, dir.path()), &environment).is_ok());
        let Err(error) =
            Endpoint::find(&options(Some("https://x"), None, dir.path()), &environment)
        else {
            panic!("https is refused, so the option was not used")
        };
        assert!(error.to_string().starts_with("`https://x`"), "{error}");
    }

    #[test]
    fn a_host_that_listens_everywhere_is_reached_here() {
        let listen = "0.0.0.0:8787".parse().expect("an address");
        assert_eq!(reachable(listen).to_string(), "127.0.0.1:8787");
        let listen = "[::]:8787".parse().expect("an address");
        assert_eq!(reachable(listen).to_string(), "[::1]:8787");
    }
}
