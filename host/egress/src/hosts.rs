//! Which hosts and ports a connector's requests may go to: the descriptor's patterns and the account's base URL.

use gladhand_core::connection::Account;
use url::{Host, Url};

use crate::target::Error;

/// Where requests may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// Where the account is.
    BaseUrl,
    /// This host.
    Exact(String),
    /// Any host whose name ends so; begins with a dot.
    Subdomains(String),
}

impl HostPattern {
    /// `{base-url}`, `crm.example.com` or `*.example.com`; `None` where it is none of them.
    pub fn parse(pattern: &str) -> Option<Self> {
        if pattern == "{base-url}" {
            return Some(Self::BaseUrl);
        }
        let (is_wild, name) = match pattern.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let host = match Host::parse(name).ok()? {
            Host::Domain(domain) if domain.contains('*') => return None,
            // A whole top-level domain is nobody's to grant.
            Host::Domain(domain) if is_wild && !domain.contains('.') => return None,
            Host::Ipv4(_) | Host::Ipv6(_) if is_wild => return None,
            host => host.to_string(),
        };
        Some(if is_wild {
            Self::Subdomains(format!(".{host}"))
        } else {
            Self::Exact(host)
        })
    }

    /// Whether it covers the URL's host and port; the base URL's own port counts at its own host only.
    pub fn grants(&self, url: &Url, standard_port: u16, base: Option<&Url>) -> bool {
        let Some(name) = url.host_str() else {
            return false;
        };
        let port = url.port_or_known_default();
        let is_standard = port == Some(standard_port);
        match self {
            Self::BaseUrl => base.is_some_and(|base| {
                base.host_str() == Some(name)
                    && (is_standard || port == base.port_or_known_default())
            }),
            Self::Exact(exact) => exact == name && is_standard,
            Self::Subdomains(suffix) => {
                name.len() > suffix.len() && name.ends_with(suffix) && is_standard
            }
        }
    }
}

/// The account's base URL, as far as policy can use it.
pub fn parse_base(text: &str, account: &Account) -> Result<Url, Error> {
    let error = |reason: &str| Error::BaseUrl {
        account: account.name.clone(),
        reason: reason.to_owned(),
    };
    let url = Url::parse(text).map_err(|reason| error(&reason.to_string()))?;
    match url.scheme() {
        "https" => {}
        "http" if account.allow_http => {}
        "http" => return Err(error("http is not allowed; use https, or set allow_http")),
        _ => return Err(error("it must begin with https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(error("it must not carry a user or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(error("it must not carry a query or fragment"));
    }
    Ok(url)
}
