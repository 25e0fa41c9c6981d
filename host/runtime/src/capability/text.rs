//! `text`: work that is better done once, by libraries that are too heavy for a component.

use gladhand_mapping::text as library;

use super::View;
use crate::bindings::gladhand::connector::text;
use crate::host::Host;
use crate::stop::Stop;

/// Bytes of a text that is converted. Mail bodies are far below it; a parser must not be given a whole memory.
const MOST_BYTES: usize = 1 << 20;

impl Host {
    /// The number in E.164, or none where it is not a valid number.
    pub fn e164(&self, number: &str, country: Option<&str>) -> Option<String> {
        library::e164(number, country)
    }

    /// Readable text of an HTML body.
    pub fn html_to_text(&self, html: &str) -> Result<String, Stop> {
        Ok(library::html_to_text(bounded(html)?))
    }

    /// HTML of a Markdown text.
    pub fn markdown_to_html(&self, markdown: &str) -> Result<String, Stop> {
        Ok(library::markdown_to_html(bounded(markdown)?))
    }

    /// The text as HTML shows it literally.
    pub fn escape_html(&self, text: &str) -> Result<String, Stop> {
        Ok(library::escape_html(bounded(text)?))
    }

    /// At most `limit` bytes, never half a character.
    pub fn truncate_bytes<'a>(&self, text: &'a str, limit: u32) -> &'a str {
        library::truncate_bytes(text, usize::try_from(limit).unwrap_or(usize::MAX))
    }
}

fn bounded(text: &str) -> Result<&str, Stop> {
    if text.len() > MOST_BYTES {
        return Err(Stop::misuse(format!(
            "the connector asked to convert a text of {} bytes and may ask for at most {MOST_BYTES}",
            text.len()
        )));
    }
    Ok(text)
}

impl text::Host for View<'_> {
    fn e164(
        &mut self,
        number: String,
        country: Option<String>,
    ) -> wasmtime::Result<Option<String>> {
        let (host, meter) = self.host()?;
        Ok(meter.host_now(|| host.e164(&number, country.as_deref())))
    }

    fn html_to_text(&mut self, html: String) -> wasmtime::Result<String> {
        let (host, meter) = self.host()?;
        Ok(meter.host_now(|| host.html_to_text(&html))?)
    }

    fn markdown_to_html(&mut self, markdown: String) -> wasmtime::Result<String> {
        let (host, meter) = self.host()?;
        Ok(meter.host_now(|| host.markdown_to_html(&markdown))?)
    }

    fn escape_html(&mut self, text: String) -> wasmtime::Result<String> {
        let (host, meter) = self.host()?;
        Ok(meter.host_now(|| host.escape_html(&text))?)
    }

    fn truncate_bytes(&mut self, text: String, limit: u32) -> wasmtime::Result<String> {
        let (host, meter) = self.host()?;
        Ok(meter.host_now(|| host.truncate_bytes(&text, limit).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use crate::capability::doubles::{delivery, misuse};

    #[test]
    fn half_a_character_is_never_left() {
        assert_eq!(delivery().truncate_bytes("Grüße", 3), "Gr");
        assert_eq!(delivery().truncate_bytes("Grüße", u32::MAX), "Grüße");
    }

    #[test]
    fn a_text_of_a_whole_memory_is_misuse() {
        let html = "<p>".repeat(1 << 20);
        assert_eq!(
            misuse(delivery().html_to_text(&html)),
            "the connector asked to convert a text of 3145728 bytes and may ask for at most 1048576"
        );
    }
}
