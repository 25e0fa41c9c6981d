//! HTML made safe to lay out, and how it is laid out as text: words and lists, no ornament.
//!
//! Parsing and laying out take time in the square of the depth, and strangers choose the depth. So only an outline
//! of bounded depth is handed on, written anew: no trick in the input can make it deeper than it looks.

use html2text::render::TextDecorator;

/// Deeper than any mail that people write.
const DEEPEST: usize = 60;

/// Elements whose content nobody reads.
const UNSEEN: &[&str] = &[
    "script", "style", "title", "template", "textarea", "select", "noscript",
];

/// The text of `html` in those elements that matter to its layout, well nested, without attributes and comments.
pub fn outline(html: &str) -> String {
    let mut outline = Outline {
        html: String::with_capacity(html.len()),
        open: Vec::new(),
    };
    let mut rest = html;
    while let Some((text, markup)) = rest.split_once('<') {
        outline.html.push_str(text);
        rest = outline.take_markup(markup);
    }
    outline.html.push_str(rest);
    while let Some(name) = outline.open.pop() {
        outline.write_closing(name);
    }
    outline.html
}

struct Outline {
    html: String,
    open: Vec<&'static str>,
}

impl Outline {
    /// Takes what follows a `<`; returns what follows the markup.
    fn take_markup<'a>(&mut self, markup: &'a str) -> &'a str {
        if let Some(comment) = markup.strip_prefix("!--") {
            return after(comment, "-->");
        }
        if markup.starts_with(['!', '?']) {
            return after(markup, ">");
        }
        let (is_closing, tag) = markup
            .strip_prefix('/')
            .map_or((false, markup), |tag| (true, tag));
        if !tag.starts_with(|first: char| first.is_ascii_alphabetic()) {
            self.html.push_str("&lt;");
            return markup;
        }
        let end = tag
            .find(|inner: char| !inner.is_ascii_alphanumeric())
            .unwrap_or(tag.len());
        let name = tag[..end].to_ascii_lowercase();
        let rest = after_tag(&tag[end..]);
        if is_closing {
            self.close(&name);
            return rest;
        }
        if UNSEEN.contains(&name.as_str()) {
            return after_element(rest, &name);
        }
        self.open(&name);
        rest
    }

    fn open(&mut self, name: &str) {
        match name {
            "br" | "hr" => self.html.push_str("<br>"),
            "td" | "th" => self.html.push(' '),
            _ => {
                let Some(name) = block(name) else { return };
                if self.open.last() == Some(&name) && matches!(name, "p" | "li") {
                    self.close(name);
                }
                if self.open.len() < DEEPEST {
                    self.html.extend(["<", name, ">"]);
                    self.open.push(name);
                } else {
                    self.html.push_str("<br>");
                }
            }
        }
    }

    fn close(&mut self, name: &str) {
        let Some(name) = block(name) else { return };
        let Some(depth) = self.open.iter().rposition(|open| *open == name) else {
            return;
        };
        while self.open.len() > depth {
            let name = self.open.pop().expect("it is longer than `depth`");
            self.write_closing(name);
        }
    }

    fn write_closing(&mut self, name: &str) {
        self.html.extend(["</", name, ">"]);
    }
}

/// The element that an element is laid out as; `None` where it does not matter.
fn block(name: &str) -> Option<&'static str> {
    Some(match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => "p",
        "div" | "tr" | "section" | "article" | "header" | "footer" | "address" | "dt" | "dd"
        | "figure" | "form" => "div",
        "ul" => "ul",
        "ol" => "ol",
        "li" => "li",
        "blockquote" => "blockquote",
        "pre" => "pre",
        _ => return None,
    })
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

/// What follows a tag's `>`; one inside a quoted attribute does not end it.
fn after_tag(tag: &str) -> &str {
    let mut quote = None;
    for (index, byte) in tag.bytes().enumerate() {
        match (byte, quote) {
            (b'>', None) => return &tag[index + 1..],
            (b'"' | b'\'', None) => quote = Some(byte),
            (_, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    ""
}

/// What follows the end of an element whose content is not markup.
fn after_element<'a>(content: &'a str, name: &str) -> &'a str {
    let mut rest = content;
    while let Some((_, tag)) = rest.split_once("</") {
        if tag
            .get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
        {
            return after_tag(&tag[name.len()..]);
        }
        rest = tag;
    }
    ""
}

/// Words as they are, list items marked, nothing else.
#[derive(Clone, Copy)]
pub struct Words;

impl TextDecorator for Words {
    type Annotation = ();

    fn decorate_link_start(&mut self, _url: &str) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_link_end(&mut self) -> String {
        String::new()
    }

    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _src: &str, _title: &str) -> (String, ()) {
        (String::new(), ())
    }

    fn header_prefix(&self, _level: usize) -> String {
        String::new()
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "- ".to_owned()
    }

    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }

    fn decorate_superscript_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_superscript_end(&self) -> String {
        String::new()
    }

    fn make_subblock_decorator(&self) -> Self {
        Self
    }
}
