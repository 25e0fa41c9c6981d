//! Files of a message, which come in a form per kind of file; only `file_type` is common.

use gladhand_core::event::Attachment;
use serde_json::Value;

use crate::payload::Object;

/// What is kept beside the domain's own fields.
const KEPT: [&str; 5] = [
    "file_type",
    "transcribed_text",
    "coordinates_lat",
    "coordinates_long",
    "meta",
];

/// A file in the domain's words.
pub(super) fn attachment(file: &Object) -> Attachment {
    let text = |key| {
        file.get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let url = text("data_url");
    let kept = KEPT
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), file.get(key)?.clone())));
    Attachment {
        name: text("fallback_title")
            .map(str::to_owned)
            .or(url.and_then(file_name)),
        media_type: text("content_type")
            .or(text("file_type"))
            .map(str::to_owned),
        size: file.get("file_size").and_then(Value::as_u64),
        url: url.map(str::to_owned),
        attributes: kept
            .filter(|(_, value)| !value.is_null() && *value != "")
            .collect(),
    }
}

/// The last part of the address, where it looks like a file's name: Chatwoot tells the name nowhere else.
fn file_name(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let (_, name) = path.rsplit_once('/')?;
    name.contains('.').then(|| percent_decoded(name))
}

/// Undoes `%20` and the like; what is no valid escape or no UTF-8 stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let mut escaped = [0];
        let is_escape = *first == b'%'
            && after
                .get(..2)
                .is_some_and(|digits| hex::decode_to_slice(digits, &mut escaped).is_ok());
        bytes.push(if is_escape { escaped[0] } else { *first });
        rest = if is_escape { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<&str>) {
        assert_eq!(file_name(url).as_deref(), expected);
    }

    #[test]
    fn a_file_is_named_by_the_end_of_its_address() {
        check(
            "https://chat.example.com/redirect/abc--def/order.pdf",
            Some("order.pdf"),
        );
        check(
            "https://chat.example.com/redirect/abc/voice.ogg?disposition=inline",
            Some("voice.ogg"),
        );
        check("https://chat.example.com/redirect/abc", None);
    }

    #[test]
    fn escapes_are_undone_where_they_are_escapes() {
        check(
            "https://chat.example.com/a/proposta%20n%C2%BA%201.pdf",
            Some("proposta nº 1.pdf"),
        );
        check("https://chat.example.com/a/100%.pdf", Some("100%.pdf"));
        check("https://chat.example.com/a/%zz%2.pdf", Some("%zz%2.pdf"));
        check("https://chat.example.com/a/%ff.pdf", Some("%ff.pdf"));
        check("https://chat.example.com/a/nº.pdf%", Some("nº.pdf%"));
    }
}
