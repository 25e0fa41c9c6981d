//! Text work that the host does with libraries too heavy for a component.

use crate::host;

/// The number in E.164, or `None` where it is not a valid number. `country` is ISO 3166-1 alpha-2.
pub fn e164(number: &str, country: Option<&str>) -> Option<String> {
    host::call(|host| host.e164(number, country))
}

/// The readable text of an HTML document.
pub fn html_to_text(html: &str) -> String {
    host::call(|host| host.html_to_text(html))
}

/// Markdown as HTML.
pub fn markdown_to_html(markdown: &str) -> String {
    host::call(|host| host.markdown_to_html(markdown))
}

/// Text that shows as itself inside HTML.
pub fn escape_html(text: &str) -> String {
    host::call(|host| host.escape_html(text))
}

/// At most `limit` bytes of UTF-8, never half a character.
pub fn truncate_bytes(text: &str, limit: u32) -> String {
    host::call(|host| host.truncate_bytes(text, limit))
}
