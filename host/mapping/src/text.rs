//! Text work of the contract's `text` interface: phone numbers, HTML, Markdown, lengths.
//!
//! Whatever comes in was written by a stranger; nothing here may panic on it. It must not know what the text is for.

mod html;

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};

/// Longer than any number that people write, short enough that no pattern takes long over it.
const LONGEST_PHONE_BYTES: usize = 64;

/// Wider than any line: where to break lines is for whoever shows the text.
const UNWRAPPED: usize = 100_000;

/// The number in E.164, or `None` where it is no valid number.
///
/// `country` is ISO 3166-1 alpha-2 in any case: where a number without country code is from.
pub fn e164(number: &str, country: Option<&str>) -> Option<String> {
    if number.len() > LONGEST_PHONE_BYTES {
        return None;
    }
    // The library tries the country's own prefixes on a number that names its country, and finds it invalid then.
    let country = country
        .filter(|_| !number.trim_start().starts_with('+'))
        .and_then(|country| country.to_ascii_uppercase().parse().ok());
    let number = phonenumber::parse(country, number).ok()?;
    number
        .is_valid()
        .then(|| number.format().mode(phonenumber::Mode::E164).to_string())
}

/// What a reader of the HTML sees: its words, paragraphs and lists. Links keep their text, images leave nothing.
pub fn html_to_text(html: &str) -> String {
    let outline = html::outline(html);
    html2text::config::with_decorator(html::Words)
        .allow_width_overflow()
        .string_from_read(outline.as_bytes(), UNWRAPPED)
        .expect("it fails where a line is too narrow, and these are as wide as they need")
        .trim()
        .to_owned()
}

/// HTML of Markdown. HTML inside is shown, not obeyed; links and images lead to http, https and mailto only.
pub fn markdown_to_html(markdown: &str) -> String {
    // Tags come in pairs, so that dropping an opening one must be remembered until its end.
    let mut is_kept = Vec::new();
    let events =
        Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH).filter_map(|event| match event {
            Event::Html(html) | Event::InlineHtml(html) => Some(Event::Text(html)),
            // Whoever writes a chat message means the line to end where the key was pressed.
            Event::SoftBreak => Some(Event::HardBreak),
            Event::Start(Tag::Link { ref dest_url, .. } | Tag::Image { ref dest_url, .. }) => {
                let keep = is_harmless(dest_url);
                is_kept.push(keep);
                keep.then_some(event)
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                is_kept.pop().unwrap_or(false).then_some(event)
            }
            other => Some(other),
        });
    let mut html = String::with_capacity(markdown.len() + markdown.len() / 2);
    pulldown_cmark::html::push_html(&mut html, events);
    html
}

fn is_harmless(url: &CowStr<'_>) -> bool {
    url.split_once(':').is_some_and(|(scheme, _)| {
        ["http", "https", "mailto"]
            .iter()
            .any(|allowed| scheme.eq_ignore_ascii_case(allowed))
    })
}

/// The text with `& < > " '` written so that HTML shows them, in elements and in quoted attributes.
pub fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The longest beginning of the text that has at most `limit` bytes and no half character.
pub fn truncate_bytes(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_e164(number: &str, country: Option<&str>, expect: Option<&str>) {
        assert_eq!(e164(number, country).as_deref(), expect);
    }

    #[test]
    fn a_number_that_names_its_country_needs_no_other() {
        for country in [None, Some("US"), Some("BR")] {
            check_e164("+55 11 98765-4321", country, Some("+5511987654321"));
        }
    }

    #[test]
    fn a_number_gets_its_country_code() {
        check_e164("(415) 555-2671", Some("US"), Some("+14155552671"));
        check_e164("030 901820", Some("de"), Some("+4930901820"));
    }

    #[test]
    fn a_country_code_wins_over_the_default_country() {
        check_e164("+49 30 901820", Some("US"), Some("+4930901820"));
        check_e164("+49 30 901820", None, Some("+4930901820"));
    }

    #[test]
    fn what_is_no_number_is_none() {
        check_e164("(415) 555-2671", None, None);
        check_e164("(415) 555-2671", Some("no such country"), None);
        check_e164("12", Some("US"), None);
        check_e164("", Some("US"), None);
        check_e164("call me", Some("US"), None);
        check_e164(&"+1415555".repeat(100_000), Some("US"), None);
    }

    #[track_caller]
    fn check_text(html: &str, expect: &str) {
        assert_eq!(html_to_text(html), expect);
    }

    #[test]
    fn html_becomes_what_a_reader_sees() {
        check_text(
            "<p>Dear <b>Jane</b>,</p><p>1 &lt; 2</p>",
            "Dear Jane,\n\n1 < 2",
        );
        check_text("see <a href=\"https://example.com\">here</a>", "see here");
        check_text("one<br>two<div>three</div>", "one\ntwo\nthree");
        check_text(
            "<ul><li>one<li>two</ul><ol><li>a</li></ol>",
            "- one\n- two\n1. a",
        );
        check_text(
            "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
            "a b\nc",
        );
        check_text("plain", "plain");
        check_text(
            "a<script>if (1 < 2) alert('</div>')</script><style>p {}</style>b",
            "ab",
        );
        check_text("a<!-- <b> -->b", "ab");
        check_text("1 < 2 <", "1 < 2 <");
        check_text("<a title='>'>x</a", "x");
    }

    #[test]
    fn a_long_line_is_not_broken() {
        let line = "word ".repeat(2_000);
        check_text(&format!("<p>{line}</p>"), line.trim());
    }

    /// Laying out and even parsing HTML take time in the square of the depth: without a bound this runs for minutes.
    #[test]
    fn html_nested_beyond_reason_takes_no_time() {
        for opening in [
            "<div>",
            "<ul><li>",
            "<p>",
            "<table><tr><td>",
            "<b>",
            "<div><!--</div>-->",
            "<div a='</div>'>",
        ] {
            assert!(
                html_to_text(&format!("{}deep", opening.repeat(50_000))).ends_with("deep"),
                "{opening}"
            );
        }
        assert_eq!(
            html_to_text(&format!("<a {}>deep", "b ".repeat(200_000))),
            "deep"
        );
    }

    #[track_caller]
    fn check_html(markdown: &str, expect: &str) {
        assert_eq!(markdown_to_html(markdown), expect);
    }

    #[test]
    fn markdown_becomes_html() {
        check_html(
            "**a** _b_ ~~c~~",
            "<p><strong>a</strong> <em>b</em> <del>c</del></p>\n",
        );
        check_html("a\nb", "<p>a<br />\nb</p>\n");
        check_html(
            "[a](https://example.com)",
            "<p><a href=\"https://example.com\">a</a></p>\n",
        );
        check_html(
            "<mailto:a@example.com>",
            "<p><a href=\"mailto:a@example.com\">mailto:a@example.com</a></p>\n",
        );
    }

    #[test]
    fn html_in_markdown_is_shown_and_not_obeyed() {
        check_html(
            "a <b onclick='x'>c</b>",
            "<p>a &lt;b onclick='x'&gt;c&lt;/b&gt;</p>\n",
        );
        check_html(
            "<script>alert(1)</script>",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
        );
    }

    #[test]
    fn a_link_with_another_scheme_loses_the_link_and_keeps_the_text() {
        check_html("[a *b*](javascript:alert(1))", "<p>a <em>b</em></p>\n");
        check_html("![a](data:image/png;base64,AAAA)", "<p>a</p>\n");
        check_html("[a](/relative)", "<p>a</p>\n");
        check_html(
            "[![a](data:x)](https://example.com)",
            "<p><a href=\"https://example.com\">a</a></p>\n",
        );
    }

    #[test]
    fn markdown_nested_beyond_reason_does_not_end_the_process() {
        assert!(markdown_to_html(&"> ".repeat(20_000)).contains("blockquote"));
        assert!(markdown_to_html(&"[".repeat(20_000)).contains('['));
    }

    #[test]
    fn escaped_text_is_shown_as_it_is() {
        assert_eq!(
            escape_html("<a href=\"x\">'&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"
        );
    }

    #[test]
    fn truncation_keeps_whole_characters() {
        assert_eq!(truncate_bytes("aä", 2), "a");
        assert_eq!(truncate_bytes("aä", 3), "aä");
        assert_eq!(truncate_bytes("aä", 0), "");
    }

    proptest! {
        #[test]
        fn truncation_is_a_beginning_that_lacks_less_than_one_character(text: String, limit in 0_usize..64) {
            let truncated = truncate_bytes(&text, limit);
            prop_assert!(text.starts_with(truncated));
            prop_assert!(truncated.len() <= limit);
            if let Some(next) = text[truncated.len()..].chars().next() {
                prop_assert!(truncated.len() + next.len_utf8() > limit);
            }
        }

        #[test]
        fn escaped_text_holds_no_markup_and_nothing_is_lost(text: String) {
            let escaped = escape_html(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            let back = escaped
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&amp;", "&");
            prop_assert_eq!(back, text);
        }

        #[test]
        fn a_number_in_e164_stays_as_it_is(number in r"\+?[0-9 ()./-]{5,20}", country in "(US|DE|BR|MX|AR|IT|GB|IN|SG)") {
            if let Some(once) = e164(&number, Some(&country)) {
                prop_assert_eq!(e164(&once, Some(&country)), Some(once.clone()));
                prop_assert_eq!(e164(&once, None), Some(once));
            }
        }

        #[test]
        fn no_text_at_all_is_too_strange(text: String) {
            e164(&text, Some("US"));
            html_to_text(&text);
            let html = markdown_to_html(&text);
            prop_assert!(!html.contains("<script") && !html.contains("javascript:alert"));
        }

        #[test]
        fn no_html_is_too_broken(parts in proptest::collection::vec(
            proptest::sample::select(vec!["<ul>", "</ul>", "<li>", "<ol>", "<blockquote>", "</p>", "<p>", "<pre>", "</pre>", "<br",
                "<td>", "<!--", "-->", "<script>", "</script", "<", ">", "'", "&amp;", "&#0;", "x", " ", "\n", "ä"]),
            0..40,
        )) {
            html_to_text(&parts.concat());
        }

        #[test]
        fn no_markdown_makes_an_element_that_markdown_does_not_have(markdown in r"[<>a-c/\[\]()!:*_`# \n]{0,40}") {
            let html = markdown_to_html(&markdown);
            prop_assert!(!html.contains("<a>") && !html.contains("<b>") && !html.contains("<c>"), "{html}");
        }
    }
}
