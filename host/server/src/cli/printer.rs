//! The only place that writes to stdout and stderr. A reader that has gone away (`| head`) is no failure.
//!
//! What it prints came from people who write to a help desk: control characters never reach the terminal.

pub mod table;

#[cfg(test)]
pub mod captured;

use std::io::{self, Write};

use serde_json::Value;

use self::table::Columns;
use super::Format;

/// Text as it is.
pub fn text(text: &str) -> anyhow::Result<()> {
    text_while_read(text).map(|_| ())
}

/// Text as it is; false where nobody reads it any more.
pub fn text_while_read(text: &str) -> anyhow::Result<bool> {
    match write(text) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// One JSON object per line.
pub fn json_lines(items: &[Value]) -> anyhow::Result<()> {
    items.iter().try_for_each(|item| text(&format!("{item}\n")))
}

/// One JSON object, for people to read.
pub fn json(item: &Value) -> anyhow::Result<()> {
    text(&format!("{item:#}\n"))
}

/// What was changed: as it is now for a program, a sentence on stderr for people.
pub fn changed(item: Value, sentence: &str, format: Format) -> anyhow::Result<()> {
    if format.json {
        return json_lines(&[item]);
    }
    note(sentence);
    Ok(())
}

/// Columns under a header line, as wide as their contents; `nothing` is said where there are no rows.
pub fn table<const N: usize>(
    header: [&str; N],
    rows: &[[String; N]],
    nothing: &str,
) -> anyhow::Result<()> {
    if rows.is_empty() {
        note(nothing);
        return Ok(());
    }
    let columns = Columns::of(header, rows);
    let lines: String = rows.iter().map(|row| columns.line(row)).collect();
    text(&format!("{}{lines}", columns.header()))
}

/// The fields of an object, one per line; absent ones are left out.
pub fn fields(item: &Value) -> anyhow::Result<()> {
    text(&lines(item))
}

/// What went wrong, with what caused it, on stderr.
pub fn complain(error: &anyhow::Error) {
    note(&format!("error: {error:#}"));
}

/// Something to know that is not what was asked for, on stderr.
pub fn note(text: &str) {
    let lines: Vec<String> = text.lines().map(plain).collect();
    let text = lines.join("\n");
    #[cfg(test)]
    if captured::note(&text) {
        return;
    }
    // Nobody is left to tell where stderr is closed.
    let _closed = writeln!(io::stderr().lock(), "{text}");
}

/// One line of it that changes nothing about the terminal.
pub fn plain(text: &str) -> String {
    let is_control = |letter: char| letter.is_control() || is_direction(letter);
    text.replace(is_control, " ")
}

/// So many of them, in words that fit the number.
pub fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn write(text: &str) -> io::Result<()> {
    #[cfg(test)]
    if captured::text(text) {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Invisible marks that turn the rest of a line around.
fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn lines(item: &Value) -> String {
    let Value::Object(fields) = item else {
        return format!("{item}\n");
    };
    let width = fields
        .keys()
        .map(|key| key.chars().count())
        .max()
        .unwrap_or(0);
    let line = |(key, value): (&String, &Value)| match value {
        Value::Null => String::new(),
        Value::String(text) => format!("{key:width$}  {}\n", plain(text)),
        other => format!("{key:width$}  {other}\n"),
    };
    fields.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_one_per_line_and_absent_ones_are_left_out() {
        let item = json!({ "name": "a", "base_url": null, "inboxes": ["1"] });
        assert_eq!(lines(&item), "inboxes   [\"1\"]\nname      a\n");
    }

    #[test]
    fn what_a_visitor_wrote_does_not_reach_the_terminal_as_a_command() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{202e}d"), "a [2Jb c d");
    }

    #[test]
    fn one_is_counted_without_an_s() {
        let told = [0, 1, 2].map(|count| counted(count, "link"));
        assert_eq!(told, ["0 links", "1 link", "2 links"]);
    }
}
