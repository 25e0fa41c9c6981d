//! What a request may ask for: method, URL, host, port, headers. Judged before anything is looked up or sent.
//!
//! Names are judged here and literal addresses too; the addresses of names are `resolver`'s. No IO.

use gladhand_core::connection::Account;
use gladhand_core::descriptor::{Auth, Descriptor};
use gladhand_core::effect::Effect;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::{Host, Url};

use crate::address::Networks;
use crate::hosts::{self, HostPattern};
use crate::message::Request;
use crate::target::Error;

/// Longer than any URL that a server reads.
const URL_BYTES: usize = 8 << 10;
/// More than any API asks for, less than servers refuse.
const HEADERS: usize = 64;
const HEADER_BYTES: usize = 16 << 10;

/// What requests to one account may ask for.
pub struct Policy {
    base: Option<Url>,
    allow_http: bool,
    networks: Networks,
    hosts: Vec<HostPattern>,
    read_only_posts: Vec<String>,
    /// The header that the host itself puts the credential into.
    own_header: Option<HeaderName>,
}

/// The part of a request that policy has judged.
pub struct Granted {
    /// One of six.
    pub method: Method,
    /// Absolute, with its query, without a fragment.
    pub url: Url,
    /// Without any that only the host sets.
    pub headers: HeaderMap,
}

impl Policy {
    /// What the operator allowed the account and the descriptor asks for.
    pub fn new(account: &Account, descriptor: &Descriptor) -> Result<Self, Error> {
        let base = account
            .base_url
            .as_deref()
            .map(|text| hosts::parse_base(text, account))
            .transpose()?;
        let own_header = match &descriptor.auth {
            Auth::StaticHeader { header, .. } => {
                Some(header.parse().map_err(|_| Error::Header(header.clone()))?)
            }
            Auth::None | Auth::BodySecret { .. } => None,
        };
        Ok(Self {
            base,
            allow_http: account.allow_http,
            networks: if account.allow_private_network {
                Networks::PublicAndPrivate
            } else {
                Networks::Public
            },
            hosts: descriptor
                .hosts
                .iter()
                .map(|pattern| {
                    HostPattern::parse(pattern).ok_or_else(|| Error::HostPattern(pattern.clone()))
                })
                .collect::<Result<_, _>>()?,
            read_only_posts: descriptor.read_only_posts.clone(),
            own_header,
        })
    }

    /// Which addresses names may resolve to.
    pub fn networks(&self) -> Networks {
        self.networks
    }

    /// Judges a request; the error says which rule it breaks and what to do instead.
    pub fn grant(&self, request: &Request) -> Result<Granted, String> {
        let method = method(&request.method)?;
        let mut url = self.resolve(&request.url)?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        url.set_fragment(None);
        self.check_url(&url)?;
        if request.effect == Effect::Read {
            self.check_read(&method, &url)?;
        }
        let headers = self.headers(&request.headers)?;
        Ok(Granted {
            method,
            url,
            headers,
        })
    }

    fn resolve(&self, text: &str) -> Result<Url, String> {
        if text.len() > URL_BYTES {
            return Err(format!("the URL is longer than {URL_BYTES} bytes"));
        }
        let parsed = if is_absolute(text) {
            Url::parse(text)
        } else {
            let base = self
                .base
                .as_ref()
                .ok_or("the URL is relative and the account has no base URL")?;
            // What follows the base URL, its path included: a CRM may live in a folder of its host.
            let base = base.as_str().trim_end_matches('/');
            let path = text.strip_prefix('/').unwrap_or(text);
            Url::parse(&format!("{base}/{path}"))
        };
        parsed.map_err(|error| format!("the URL cannot be read: {error}"))
    }

    fn check_url(&self, url: &Url) -> Result<(), String> {
        let standard_port = match url.scheme() {
            "https" => 443,
            "http" if self.allow_http => 80,
            "http" => return Err("http is not allowed; use https, or set allow_http".to_owned()),
            other => return Err(format!("`{other}` is not allowed; use https")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL must not carry a user or password".to_owned());
        }
        let host = url.host().ok_or("the URL has no host")?;
        let port = url.port_or_known_default();
        let is_granted = self
            .hosts
            .iter()
            .any(|pattern| pattern.grants(url, standard_port, self.base.as_ref()));
        if !is_granted {
            return Err(format!(
                "the connector's descriptor grants no requests to {host}:{}",
                port.unwrap_or_default()
            ));
        }
        // The client connects to a literal address without asking the resolver.
        let literal = match host {
            Host::Domain(_) => return Ok(()),
            Host::Ipv4(address) => address.into(),
            Host::Ipv6(address) => address.into(),
        };
        self.networks
            .check(literal)
            .map_err(|forbidden| forbidden.to_string())
    }

    fn check_read(&self, method: &Method, url: &Url) -> Result<(), String> {
        match *method {
            Method::GET | Method::HEAD => Ok(()),
            Method::POST if self.only_reads(url) => Ok(()),
            _ => Err(format!(
                "{method} {} is no read; send it as `set` or `once`, or declare the path in read-only-posts",
                url.path()
            )),
        }
    }

    fn only_reads(&self, url: &Url) -> bool {
        let path = url.path();
        let inside = self
            .base
            .as_ref()
            .and_then(|base| path.strip_prefix(base.path().trim_end_matches('/')));
        self.read_only_posts.iter().any(|pattern| {
            matches_path(pattern, path) || inside.is_some_and(|path| matches_path(pattern, path))
        })
    }

    fn headers(&self, given: &[(String, String)]) -> Result<HeaderMap, String> {
        let bytes: usize = given.iter().map(|(n, v)| n.len() + v.len()).sum();
        if given.len() > HEADERS || bytes > HEADER_BYTES {
            return Err(format!(
                "more than {HEADERS} headers or {HEADER_BYTES} bytes of them"
            ));
        }
        // Two more than given: the credential, and what describes the body.
        let mut headers = HeaderMap::with_capacity(given.len() + 2);
        for (name, value) in given {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("`{name}` is no name of a header"))?;
            if is_hosts_own(name.as_str()) || self.own_header.as_ref() == Some(&name) {
                return Err(format!("the header `{name}` is set by the host only"));
            }
            let value = HeaderValue::from_str(value)
                .map_err(|_| format!("the value of the header `{name}` cannot be sent"))?;
            headers.append(name, value);
        }
        Ok(headers)
    }
}

fn method(text: &str) -> Result<Method, String> {
    match text {
        "GET" => Ok(Method::GET),
        "HEAD" => Ok(Method::HEAD),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        _ => Err("the method must be GET, HEAD, POST, PUT, PATCH or DELETE".to_owned()),
    }
}

/// Whether `text` begins with a scheme and an authority.
fn is_absolute(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Whether `path` has the pattern's segments, `*` standing for any one.
fn matches_path(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.trim_matches('/').split('/');
    let mut given = path.trim_matches('/').split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("*"), Some(segment)) if !segment.is_empty() => {}
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return false,
        }
    }
}

/// Headers that say who asks, how the message is framed, who passed it on, or that it is another method.
fn is_hosts_own(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "authorization"
            | "cookie"
            | "content-length"
            | "transfer-encoding"
            | "accept-encoding"
            | "connection"
            | "keep-alive"
            | "te"
            | "trailer"
            | "upgrade"
            | "expect"
            | "via"
            | "forwarded"
            | "x-real-ip"
            | "x-http-method"
            | "x-http-method-override"
            | "x-method-override"
    ) || name.starts_with("x-forwarded")
        || name.starts_with("proxy-")
}

#[cfg(test)]
mod tests;
