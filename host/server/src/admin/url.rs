//! Base URLs in one canonical form, so that equal ones are equal.

use url::Url;

/// Scheme and host in lower case, no default port, no trailing slash; the reason where it is no base URL.
pub fn canonical(base_url: &str, allow_http: bool) -> Result<String, String> {
    let url: Url = base_url
        .parse()
        .map_err(|_| format!("`{base_url}` is no URL; write it like https://crm.example.com"))?;
    match url.scheme() {
        "https" => {}
        "http" if allow_http => {}
        "http" => {
            return Err(format!(
                "`{base_url}` goes without TLS: use https://, or say allow_http (--allow-http) where that is meant"
            ));
        }
        other => {
            return Err(format!(
                "`{base_url}` begins with {other}://; it must begin with https://"
            ));
        }
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "a base URL holds no user and no password: give them as credentials".to_owned(),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "`{base_url}` must end with its path: leave out what follows `?` or `#`"
        ));
    }
    // The parser has done the rest: it lower-cases scheme and host and drops the default port.
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base_url: &str, expect: &str) {
        assert_eq!(canonical(base_url, true).as_deref(), Ok(expect));
    }

    #[track_caller]
    fn check_refused(base_url: &str, expect: &str) {
        assert_eq!(canonical(base_url, false), Err(expect.to_owned()));
    }

    #[test]
    fn spellings_of_one_url_are_one() {
        check("https://crm.example.com", "https://crm.example.com");
        check("HTTPS://CRM.Example.com:443/", "https://crm.example.com");
        check("http://crm.example.com:80", "http://crm.example.com");
        check(
            "https://crm.example.com:8443/Path//",
            "https://crm.example.com:8443/Path",
        );
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        check_refused(
            "crm.example.com",
            "`crm.example.com` is no URL; write it like https://crm.example.com",
        );
        check_refused(
            "ftp://x",
            "`ftp://x` begins with ftp://; it must begin with https://",
        );
        check_refused(
            "http://x",
            "`http://x` goes without TLS: use https://, or say allow_http (--allow-http) where that is meant",
        );
        check_refused(
            "https://x/?a=1",
            "`https://x/?a=1` must end with its path: leave out what follows `?` or `#`",
        );
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        check_refused(
            "https://me:hunter2@x",
            "a base URL holds no user and no password: give them as credentials",
        );
    }
}
