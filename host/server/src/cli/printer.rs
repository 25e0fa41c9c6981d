//! The only place that writes to stdout and stderr. A reader that has gone away (`| head`) is no failure.

use std::io::{self, Write};

use serde_json::Value;

/// Text as it is.
pub fn text(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
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

/// Columns under a header line, as wide as their contents.
pub fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> anyhow::Result<()> {
    text(&columns(header, rows))
}

/// The fields of an object, one per line; absent ones are left out.
pub fn fields(item: &Value) -> anyhow::Result<()> {
    text(&lines(item))
}

/// What went wrong, with what caused it, on stderr.
pub fn complain(error: &anyhow::Error) {
    // Nobody is left to tell where stderr is closed.
    let _closed = writeln!(io::stderr().lock(), "error: {error:#}");
}

/// Something to know that is not what was asked for, on stderr.
pub fn note(text: &str) {
    let _closed = writeln!(io::stderr().lock(), "{text}");
}

fn columns<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([header[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut printed = String::new();
    let header = header.map(str::to_owned);
    for row in std::iter::once(&header).chain(rows) {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        printed.push_str(cells.join("  ").trim_end());
        printed.push('\n');
    }
    printed
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
        Value::String(text) => format!("{key:width$}  {text}\n"),
        other => format!("{key:width$}  {other}\n"),
    };
    fields.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_contents() {
        let rows = [
            ["a".to_owned(), "ä".to_owned()],
            ["longer".to_owned(), String::new()],
        ];
        assert_eq!(
            columns(["NAME", "X"], &rows),
            "NAME    X\na       ä\nlonger\n"
        );
    }

    #[test]
    fn fields_are_one_per_line_and_absent_ones_are_left_out() {
        let item = json!({ "name": "a", "base_url": null, "inboxes": ["1"] });
        assert_eq!(lines(&item), "inboxes   [\"1\"]\nname      a\n");
    }
}
