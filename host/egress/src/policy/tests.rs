//! Requests that policy grants and refuses, as a table.

use gladhand_core::connection::Account;
use gladhand_core::descriptor::Descriptor;
use gladhand_core::ids::AccountId;
use serde_json::json;

use super::*;

fn account(base_url: Option<&str>) -> Account {
    Account {
        id: AccountId::from_uuid(uuid::Uuid::nil()),
        name: "crm".into(),
        connector: "crm".into(),
        base_url: base_url.map(Into::into),
        allow_private_network: false,
        allow_http: false,
        concurrency: 4,
    }
}

fn descriptor(hosts: &[&str]) -> Descriptor {
    serde_json::from_value(json!({
        "id": "crm", "name": "CRM", "version": "1.0.0", "state": 1,
        "auth": { "scheme": "static-header", "header": "X-Crm-Key", "secret": "token" },
        "hosts": hosts, "events": [], "lookup-after-ms": 60_000,
        "read-only-posts": ["/api/search", "/api/*/query"],
    }))
    .expect("a descriptor")
}

fn policy() -> Policy {
    let hosts = ["{base-url}", "accounts.example.org", "*.Example.net"];
    Policy::new(
        &account(Some("https://crm.example.com/crm")),
        &descriptor(&hosts),
    )
    .expect("a policy")
}

#[track_caller]
fn granted(url: &str, expect: &str) {
    match policy().grant(&Request::get(url)) {
        Ok(granted) => assert_eq!(granted.url.as_str(), expect),
        Err(reason) => panic!("{url}: {reason}"),
    }
}

#[track_caller]
fn refused(request: &Request, expect: &str) {
    match policy().grant(request) {
        Ok(granted) => panic!("{} was granted", granted.url),
        Err(reason) => assert!(reason.contains(expect), "{reason}"),
    }
}

#[test]
fn a_relative_url_follows_the_base_url_and_its_path() {
    granted(
        "/api/leads?a=1",
        "https://crm.example.com/crm/api/leads?a=1",
    );
    granted("api/leads", "https://crm.example.com/crm/api/leads");
    granted(
        "//evil.example/x",
        "https://crm.example.com/crm//evil.example/x",
    );
    granted(
        "/back?to=https://evil.example",
        "https://crm.example.com/crm/back?to=https://evil.example",
    );
}

#[test]
fn requests_go_where_the_descriptor_says() {
    granted("https://CRM.example.com/x", "https://crm.example.com/x");
    granted(
        "https://accounts.example.org/x",
        "https://accounts.example.org/x",
    );
    granted("https://a.b.example.net/x", "https://a.b.example.net/x");
}

#[test]
fn requests_go_nowhere_else() {
    for url in [
        "https://evil.example/",
        "https://example.net/",
        "https://evilexample.net/",
        "https://crm.example.com.evil.example/",
        "https://crm.example.com:8443/",
        "https://accounts.example.org:22/",
        "https://crm.example.com./",
    ] {
        refused(&Request::get(url), "grants no requests to");
    }
}

#[test]
fn only_https_without_a_user_is_spoken() {
    refused(&Request::get("http://crm.example.com/"), "set allow_http");
    refused(&Request::get("ftp://crm.example.com/"), "use https");
    refused(&Request::get("https://jane@crm.example.com/"), "user");
    refused(&Request::get("https://:pw@crm.example.com/"), "password");
}

#[test]
fn the_port_of_the_base_url_is_granted_at_its_host() {
    let account = account(Some("https://crm.example.com:8443"));
    let policy = Policy::new(&account, &descriptor(&["{base-url}"])).expect("a policy");
    for url in ["/x", "https://crm.example.com/x"] {
        assert!(policy.grant(&Request::get(url)).is_ok(), "{url}");
    }
    assert!(
        policy
            .grant(&Request::get("https://crm.example.com:9/x"))
            .is_err()
    );
}

#[test]
fn a_literal_private_address_is_refused_in_every_spelling() {
    for host in [
        "10.0.0.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "169.254.169.254",
    ] {
        let base = format!("https://{host}");
        let policy =
            Policy::new(&account(Some(&base)), &descriptor(&["{base-url}"])).expect("a policy");
        assert!(policy.grant(&Request::get("/x")).is_err(), "{host}");
    }
}

#[test]
fn headers_that_only_the_host_sets_are_refused() {
    for name in [
        "Host",
        "authorization",
        "COOKIE",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "X-Forwarded-For",
        "Forwarded",
        "Proxy-Authorization",
        "X-HTTP-Method-Override",
        "x-crm-key",
    ] {
        let mut request = Request::get("/x");
        request.headers = vec![(name.into(), "x".into())];
        refused(&request, "set by the host only");
    }
}

#[test]
fn a_header_that_cannot_be_sent_is_refused() {
    for (name, value) in [("x y", "z"), ("x-y", "a\r\nHost: evil.example")] {
        let mut request = Request::get("/x");
        request.headers = vec![(name.into(), value.into())];
        assert!(policy().grant(&request).is_err(), "{name}");
    }
}

#[test]
fn a_read_is_a_get_or_a_declared_post() {
    for (method, url, is_granted) in [
        ("GET", "/x", true),
        ("HEAD", "/x", true),
        ("POST", "/api/search", true),
        ("POST", "/api/leads/query", true),
        ("POST", "/api/leads/7/query", false),
        ("POST", "/api//query", false),
        ("POST", "/api/leads", false),
        ("PUT", "/api/search", false),
        ("TRACE", "/x", false),
        ("get", "/x", false),
    ] {
        let mut request = Request::get(url);
        request.method = method.into();
        assert_eq!(
            policy().grant(&request).is_ok(),
            is_granted,
            "{method} {url}"
        );
    }
}

#[test]
fn the_query_is_encoded_and_appended() {
    let mut request = Request::get("/x?a=1");
    request.query = vec![("b".into(), "&c=2 é".into())];
    let granted = policy().grant(&request).expect("granted");
    assert_eq!(granted.url.query(), Some("a=1&b=%26c%3D2+%C3%A9"));
}

#[test]
fn a_pattern_that_grants_too_much_is_refused() {
    for pattern in [
        "*",
        "*.com",
        "*.*.com",
        "https://x.example",
        "x.example/y",
        "x.example:22",
        "",
    ] {
        let result = Policy::new(&account(None), &descriptor(&[pattern]));
        assert!(matches!(result, Err(Error::HostPattern(_))), "{pattern}");
    }
}

#[test]
fn a_base_url_that_policy_forbids_is_refused() {
    for base in [
        "http://crm.example.com",
        "https://u:p@crm.example.com",
        "crm.example.com",
        "ftp://x.example",
    ] {
        let result = Policy::new(&account(Some(base)), &descriptor(&["{base-url}"]));
        assert!(matches!(result, Err(Error::BaseUrl { .. })), "{base}");
    }
}
