//! Where secrets go into a request: one header, or declared places of a JSON body.
//!
//! Never by scanning text for placeholders: a visitor who calls himself `{{secret}}` keeps that name. A body keeps
//! every byte outside the places, so what was digested and recorded is what is sent.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use gladhand_core::descriptor::Auth;
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;

use crate::target::Error;

/// The secrets of one account, by where they may go.
pub struct Credentials {
    header: Option<(HeaderName, HeaderValue)>,
    in_body: Vec<(String, SecretString)>,
}

/// A value of a body that is replaced by a secret.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    range: Range<usize>,
    secret: usize,
}

impl Credentials {
    /// The secrets that `auth` asks for, out of those that were given.
    pub fn new(
        account: &str,
        auth: &Auth,
        given: Vec<(String, SecretString)>,
    ) -> Result<Self, Error> {
        let missing = |name: &String| Error::MissingCredential {
            account: account.to_owned(),
            name: name.clone(),
        };
        if let Some(name) = auth
            .secrets()
            .iter()
            .find(|name| !given.iter().any(|(given, _)| given == *name))
        {
            return Err(missing(name));
        }
        let header = match auth {
            Auth::StaticHeader {
                header,
                prefix,
                secret: name,
            } => {
                let (_, secret) = given
                    .iter()
                    .find(|(given, _)| given == name)
                    .ok_or_else(|| missing(name))?;
                let header = header
                    .parse::<HeaderName>()
                    .map_err(|_| Error::Header(header.clone()))?;
                let mut value =
                    HeaderValue::from_str(&format!("{prefix}{}", secret.expose_secret())).map_err(
                        |_| Error::UnusableCredential {
                            account: account.to_owned(),
                            name: name.clone(),
                        },
                    )?;
                value.set_sensitive(true);
                Some((header, value))
            }
            Auth::None | Auth::BodySecret { .. } => None,
        };
        let in_body = match auth {
            Auth::BodySecret { secrets } => given
                .into_iter()
                .filter(|(name, _)| secrets.contains(name))
                .collect(),
            Auth::None | Auth::StaticHeader { .. } => Vec::new(),
        };
        Ok(Self { header, in_body })
    }

    /// Sets the credential's header.
    pub fn authorise(&self, headers: &mut HeaderMap) {
        if let Some((name, value)) = &self.header {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// Finds the places that (JSON pointer, secret's name) name; the error says what is wrong with one.
    pub fn locate(&self, body: &[u8], wanted: &[(String, String)]) -> Result<Vec<Place>, String> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let text = std::str::from_utf8(body).map_err(|_| "a body with secrets must be JSON")?;
        let root: &RawValue =
            serde_json::from_str(text).map_err(|_| "a body with secrets must be JSON")?;
        let mut places = Vec::with_capacity(wanted.len());
        for (pointer, name) in wanted {
            let secret = self
                .in_body
                .iter()
                .position(|(own, _)| own == name)
                .ok_or_else(|| {
                    format!("the descriptor does not let the secret `{name}` go into a body")
                })?;
            let value = follow(root, pointer)
                .ok_or_else(|| format!("the body has no value at `{pointer}` to put a secret"))?;
            let start = value.as_ptr() as usize - text.as_ptr() as usize;
            places.push(Place {
                range: start..start + value.len(),
                secret,
            });
        }
        places.sort_unstable_by_key(|place| place.range.start);
        if places
            .windows(2)
            .any(|pair| pair[0].range.end > pair[1].range.start)
        {
            return Err("two secrets go to the same value of the body".to_owned());
        }
        Ok(places)
    }

    /// The body with the secrets in their places.
    pub fn fill(&self, body: Bytes, places: &[Place]) -> Bytes {
        if places.is_empty() {
            return body;
        }
        let mut filled = Vec::with_capacity(body.len() + 128 * places.len());
        let mut copied = 0;
        for Place { range, secret } in places {
            let secret = self.in_body[*secret].1.expose_secret();
            filled.extend_from_slice(&body[copied..range.start]);
            filled.extend_from_slice(serde_json::Value::from(secret).to_string().as_bytes());
            copied = range.end;
        }
        filled.extend_from_slice(&body[copied..]);
        filled.into()
    }
}

/// The text of the value at an RFC 6901 pointer, which must not be the whole document.
fn follow<'a>(root: &'a RawValue, pointer: &str) -> Option<&'a str> {
    let mut value = root.get();
    for token in pointer.strip_prefix('/')?.split('/') {
        let token = token.replace("~1", "/").replace("~0", "~");
        let next: &RawValue = if value.starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(value).ok()?;
            items.get(token.parse::<usize>().ok()?)?
        } else {
            // Fails where it is neither: then there is nothing inside.
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(value).ok()?;
            fields.get(&token)?
        };
        value = next.get();
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        let auth = Auth::BodySecret {
            secrets: vec!["key".into(), "login".into()],
        };
        let given =
            ["key", "login", "other"].map(|name| (name.into(), format!("\"{name}\"!").into()));
        Credentials::new("crm", &auth, given.into()).expect("credentials")
    }

    #[track_caller]
    fn check(body: &str, wanted: &[(&str, &str)], expect: Result<&str, &str>) {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(pointer, name)| ((*pointer).to_owned(), (*name).to_owned()))
            .collect();
        let credentials = credentials();
        match (credentials.locate(body.as_bytes(), &wanted), expect) {
            (Ok(places), Ok(expect)) => {
                let filled = credentials.fill(Bytes::copy_from_slice(body.as_bytes()), &places);
                assert_eq!(filled, expect);
            }
            (Err(reason), Err(expect)) => assert!(reason.contains(expect), "{reason}"),
            (result, _) => panic!("{result:?}"),
        }
    }

    #[test]
    fn a_secret_replaces_the_value_at_its_pointer_and_no_other_byte() {
        check(
            r#" {"n": 1.10, "args": ["db", 2, null], "n2":12345678901234567890123}"#,
            &[("/args/2", "key"), ("/args/0", "login")],
            Ok(
                r#" {"n": 1.10, "args": ["\"login\"!", 2, "\"key\"!"], "n2":12345678901234567890123}"#,
            ),
        );
    }

    #[test]
    fn a_pointer_is_unescaped() {
        check(
            r#"{"a/b": {"c~d": ""}}"#,
            &[("/a~1b/c~0d", "key")],
            Ok(r#"{"a/b": {"c~d": "\"key\"!"}}"#),
        );
    }

    #[test]
    fn nothing_that_looks_like_a_placeholder_is_touched() {
        let body = r#"{"name": "{{key}}", "p": "{{secret}}"}"#;
        check(body, &[], Ok(body));
    }

    #[test]
    fn a_secret_goes_only_where_the_descriptor_lets_it() {
        check(r#"{"a": 1}"#, &[("/a", "other")], Err("does not let"));
        let header = Auth::StaticHeader {
            header: "Authorization".into(),
            prefix: "Bearer ".into(),
            secret: "token".into(),
        };
        let given = vec![("token".to_owned(), SecretString::from("x"))];
        let credentials = Credentials::new("crm", &header, given).expect("credentials");
        assert!(
            credentials
                .locate(b"{\"a\": 1}", &[("/a".into(), "token".into())])
                .is_err()
        );
    }

    #[test]
    fn a_place_that_is_not_there_is_refused() {
        check(r#"{"a": [1]}"#, &[("/a/1", "key")], Err("no value at"));
        check(r#"{"a": [1]}"#, &[("/b", "key")], Err("no value at"));
        check(r#"{"a": [1]}"#, &[("", "key")], Err("no value at"));
        check(r#"{"a": "b"}"#, &[("/a/b", "key")], Err("no value at"));
        check("a=1", &[("/a", "key")], Err("must be JSON"));
    }

    #[test]
    fn two_secrets_never_share_a_place() {
        check(
            r#"{"a": [1]}"#,
            &[("/a", "key"), ("/a/0", "login")],
            Err("same value"),
        );
    }

    #[test]
    fn a_missing_credential_is_named() {
        let auth = Auth::BodySecret {
            secrets: vec!["key".into()],
        };
        let error = Credentials::new("crm", &auth, Vec::new())
            .err()
            .expect("an error");
        assert!(error.to_string().contains("`key`"), "{error}");
    }
}
