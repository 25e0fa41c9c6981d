//! Known secrets taken out of what comes back, in every form in which a server might echo them.
//!
//! One pass over the bytes, and none where nothing is secret. It must not know what is being scrubbed.

use std::fmt::Write as _;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use url::Url;

use crate::redact::REDACTED;

/// Shorter secrets cannot be told from ordinary text: replacing them would destroy answers.
const SHORTEST: usize = 4;

/// Every run of fewer characters turns up in a large Base64 text by chance.
const SHORTEST_BASE64: usize = 8;

/// Takes known secrets out. Has no `Debug`, for it is made of secrets.
pub struct Scrubber(Option<AhoCorasick>);

impl Scrubber {
    /// A scrubber of these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<String> = secrets
            .into_iter()
            .filter(|secret| secret.len() >= SHORTEST)
            .flat_map(forms)
            // A parser may have folded `../` away: what is left could be anything.
            .filter(|form| form.len() >= SHORTEST)
            .collect();
        forms.sort_unstable();
        forms.dedup();
        Self((!forms.is_empty()).then(|| {
            AhoCorasick::builder()
                // The longest form first: a form inside another must not leave the rest of it behind.
                .match_kind(MatchKind::LeftmostLongest)
                .build(&forms)
                .expect("a few short patterns are far below the automaton's limits")
        }))
    }

    /// The bytes without secrets; the same allocation where there were none.
    pub fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        match &self.0 {
            Some(forms) if forms.is_match(&bytes) => {
                let mut clean = Vec::with_capacity(bytes.len());
                forms.replace_all_with_bytes(&bytes, &mut clean, |_, _, clean| {
                    clean.extend_from_slice(REDACTED.as_bytes());
                    true
                });
                clean
            }
            _ => bytes,
        }
    }

    /// The text without secrets.
    pub fn text(&self, text: String) -> String {
        match &self.0 {
            Some(forms) if forms.is_match(&text) => {
                let mut clean = String::with_capacity(text.len());
                forms.replace_all_with(&text, &mut clean, |_, _, clean| {
                    clean.push_str(REDACTED);
                    true
                });
                clean
            }
            _ => text,
        }
    }
}

/// Every way in which a server might write `secret`.
fn forms(secret: &str) -> Vec<String> {
    let escaped = json_escaped(secret);
    let mut forms = vec![
        secret.to_owned(),
        // Some JSON writers also escape the slash, and everything beyond ASCII.
        escaped.replace('/', "\\/"),
        ascii_escaped(&escaped),
        ascii_escaped(&escaped).replace('/', "\\/"),
        escaped,
        html_escaped(secret),
        percent_encoded(secret, b"0123456789ABCDEF"),
        percent_encoded(secret, b"0123456789abcdef"),
        form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        in_path(secret),
        in_query(secret),
    ];
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        let inside = (0..3).map(|before| base64_inside(engine, secret, before));
        forms.extend(inside.filter(|form| form.len() >= SHORTEST_BASE64));
    }
    forms
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn ascii_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                write!(escaped, "\\u{unit:04x}").expect("a string takes everything");
            }
        }
    }
    escaped
}

fn html_escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#039;")
}

fn percent_encoded(text: &str, digits: &[u8; 16]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(digits[usize::from(byte >> 4)]));
            encoded.push(char::from(digits[usize::from(byte & 15)]));
        }
    }
    encoded
}

/// As URL parsers write what stands in a path: they leave more than they must.
fn in_path(text: &str) -> String {
    let mut url = nowhere();
    url.set_path(text);
    url.path().trim_start_matches('/').to_owned()
}

/// As URL parsers write what stands in a query.
fn in_query(text: &str) -> String {
    let mut url = nowhere();
    url.set_query(Some(text));
    url.query().unwrap_or_default().to_owned()
}

fn nowhere() -> Url {
    Url::parse("http://x/").expect("a URL")
}

/// The characters that depend on `secret` alone when it stands in a Base64 text behind `before` bytes modulo 3.
fn base64_inside(engine: &base64::engine::GeneralPurpose, secret: &str, before: usize) -> String {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(secret.as_bytes());
    let encoded = engine.encode(&bytes);
    // The first characters carry bits of what comes before, the last one of what comes after.
    let first = (before * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    encoded[first..last].to_owned()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "12|k/ey+\"é&\u{1F511}xyzzy";

    #[track_caller]
    fn check(secret: &str, echo: &str) {
        let scrubber = Scrubber::new([secret]);
        let clean = scrubber.text(format!("before {echo} after"));
        assert!(!clean.contains(echo), "{clean}");
        assert!(
            clean.starts_with("before ") && clean.ends_with(" after"),
            "{clean}"
        );
        let bytes = scrubber.bytes(format!("before {echo} after").into_bytes());
        assert_eq!(String::from_utf8(bytes).expect("text"), clean);
    }

    #[test]
    fn every_form_of_a_secret_is_taken_out() {
        check(SECRET, SECRET);
        check(SECRET, "12|k/ey+\\\"é&\u{1F511}xyzzy");
        check(SECRET, "12|k\\/ey+\\\"\\u00e9&\\ud83d\\udd11xyzzy");
        check(SECRET, "12%7Ck%2Fey%2B%22%C3%A9%26%F0%9F%94%91xyzzy");
        check(SECRET, "12%7ck%2fey%2b%22%c3%a9%26%f0%9f%94%91xyzzy");
        check(SECRET, "12|k/ey+%22%C3%A9&%F0%9F%94%91xyzzy");
        check(SECRET, "12|k/ey+&quot;é&amp;\u{1F511}xyzzy");
    }

    #[test]
    fn text_without_secrets_is_not_copied() {
        let scrubber = Scrubber::new([SECRET]);
        let bytes = b"nothing to see".to_vec();
        let address = bytes.as_ptr();
        let clean = scrubber.bytes(bytes);
        assert_eq!(clean.as_ptr(), address);
    }

    #[test]
    fn a_very_short_secret_destroys_nothing() {
        assert_eq!(Scrubber::new(["abc"]).text("abcdef".into()), "abcdef");
    }

    #[test]
    fn one_secret_inside_another_leaves_no_rest() {
        let scrubber = Scrubber::new(["secret", "secret-longer"]);
        assert_eq!(scrubber.text("secret-longer".into()), REDACTED);
    }

    proptest! {
        #[test]
        fn a_secret_anywhere_in_base64_is_taken_out(secret in "[ -~]{12,40}", before in ".{0,8}", after in ".{0,8}") {
            let echo = STANDARD.encode(format!("{before}{secret}{after}"));
            let clean = Scrubber::new([secret.as_str()]).text(echo);
            prop_assert!(clean.contains(REDACTED), "{clean}");
        }

        #[test]
        fn no_answer_keeps_the_secret(secret in "\\PC{4,30}", before in "\\PC{0,20}", after in "\\PC{0,20}") {
            let scrubber = Scrubber::new([secret.as_str()]);
            let clean = scrubber.text(format!("{before}{secret}{after}"));
            prop_assert!(clean.contains(REDACTED));
        }
    }
}
