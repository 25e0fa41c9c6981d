//! A view of URLs and headers that is safe to record and to print, whatever is in them.
//!
//! Known secrets are `scrub`'s business; this replaces what usually is one, by its name.

use std::borrow::Cow;

use url::Url;

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// Query parameters that carry a credential wherever they occur. Page tokens are none.
const PARAMETERS: [&str; 13] = [
    "access_token",
    "api_key",
    "api_token",
    "apikey",
    "auth",
    "auth_token",
    "client_secret",
    "password",
    "refresh_token",
    "secret",
    "sig",
    "signature",
    "token",
];

/// Headers that carry one.
const HEADERS: [&str; 7] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "set-cookie2",
    "x-api-key",
    "x-auth-token",
];

/// The URL without user, password and fragment, and without the values of parameters that carry a credential.
pub fn url(url: &Url) -> String {
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
        && !url.query_pairs().any(|(name, _)| is_secret(&name));
    if is_plain {
        return url.as_str().to_owned();
    }
    let mut safe = url.clone();
    safe.set_fragment(None);
    // Both fail only where there is no host, and then there is no user either.
    let _ = safe.set_username("");
    let _ = safe.set_password(None);
    if url.query().is_some() {
        safe.query_pairs_mut()
            .clear()
            .extend_pairs(url.query_pairs().map(|(name, value)| {
                let value = if is_secret(&name) {
                    Cow::Borrowed(REDACTED)
                } else {
                    value
                };
                (name, value)
            }));
    }
    safe.into()
}

/// Whether the value of this header, named in lower case, is a credential.
pub fn is_secret_header(name: &str) -> bool {
    HEADERS.contains(&name)
}

fn is_secret(parameter: &str) -> bool {
    PARAMETERS
        .iter()
        .any(|name| name.eq_ignore_ascii_case(parameter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: &str) {
        assert_eq!(url(&Url::parse(input).expect("a URL")), expect);
    }

    #[test]
    fn a_url_without_credentials_stays_as_it_is() {
        check(
            "https://x.example/a?page_token=7&q=a%20b",
            "https://x.example/a?page_token=7&q=a%20b",
        );
    }

    #[test]
    fn what_usually_is_a_credential_is_replaced() {
        check(
            "https://jane:pw@x.example/a?API_KEY=1&q=2#token",
            "https://x.example/a?API_KEY=%5Bredacted%5D&q=2",
        );
    }
}
