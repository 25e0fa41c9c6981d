//! Names to addresses that a request may go to.
//!
//! The client connects to what this answers and looks nothing up again, so an address is checked and pinned in one
//! step: a name that answers differently the second time (DNS rebinding) gains nothing. Literal addresses never come
//! by here; `policy` checks them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::{Forbidden, Networks};

/// Asks what addresses a name has.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// Every address of `name`.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// What the operating system answers.
#[derive(Debug, Clone, Copy)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Answers with allowed addresses only.
pub(crate) struct Resolver {
    lookup: Arc<dyn Lookup>,
    networks: Networks,
}

/// Why a name has no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It has addresses, and requests may go to none of them.
    #[error("the name resolves to a forbidden address: {0}")]
    Forbidden(Forbidden),
    /// It has none.
    #[error("the name has no address")]
    Nowhere,
    /// Nobody answered.
    #[error("the name cannot be resolved: {0}")]
    Failed(#[source] io::Error),
}

impl Resolver {
    pub fn new(lookup: Arc<dyn Lookup>, networks: Networks) -> Self {
        Self { lookup, networks }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.lookup.clone();
        let networks = self.networks;
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await.map_err(Error::Failed)?;
            let allowed = allowed(found, networks)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// The addresses that may be connected to; port 0 leaves the URL's.
fn allowed(found: Vec<IpAddr>, networks: Networks) -> Result<Vec<SocketAddr>, Error> {
    let mut forbidden = None;
    let mut allowed = Vec::with_capacity(found.len());
    for address in found {
        match networks.check(address) {
            Ok(()) => allowed.push(SocketAddr::new(address, 0)),
            Err(reason) => forbidden = Some(reason),
        }
    }
    match (allowed.is_empty(), forbidden) {
        (false, _) => Ok(allowed),
        (true, Some(reason)) => Err(Error::Forbidden(reason)),
        (true, None) => Err(Error::Nowhere),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect()
    }

    #[test]
    fn only_allowed_addresses_of_a_name_are_connected_to() {
        let mixed = addresses(&["10.0.0.1", "8.8.8.8", "::ffff:127.0.0.1"]);
        let allowed = allowed(mixed, Networks::Public).expect("one of them is public");
        assert_eq!(
            allowed,
            ["8.8.8.8:0".parse::<SocketAddr>().expect("an address")]
        );
    }

    #[test]
    fn a_name_with_private_addresses_only_is_forbidden() {
        let result = allowed(addresses(&["10.0.0.1"]), Networks::Public);
        assert!(matches!(result, Err(Error::Forbidden(_))));
    }

    #[test]
    fn a_name_without_addresses_is_nowhere() {
        assert!(matches!(
            allowed(Vec::new(), Networks::Public),
            Err(Error::Nowhere)
        ));
    }
}
