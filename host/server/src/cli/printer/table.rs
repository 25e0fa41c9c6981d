//! Columns that stay columns: whatever is in a cell takes one line, and no more room than a column has.
//!
//! The last column is whole: nothing stands behind it that it could move.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::plain;

/// Wider than a digest and most sentences; what is longer is whole in `--json`, and in the last column.
const WIDEST_CELL: usize = 80;

/// How wide the columns of a table are.
pub struct Columns<const N: usize> {
    header: [String; N],
    widths: [usize; N],
}

impl<const N: usize> Columns<N> {
    /// As wide as these need it.
    pub fn of(header: [&str; N], rows: &[[String; N]]) -> Self {
        let width = |column: usize| {
            let cells = rows.iter().map(|row| cell(&row[column]).width());
            cells.chain([header[column].width()]).max().unwrap_or(0)
        };
        Self {
            header: header.map(str::to_owned),
            widths: std::array::from_fn(width),
        }
    }

    /// The names of the columns, as a line.
    pub fn header(&self) -> String {
        self.line(&self.header)
    }

    /// A row, as a line. A cell that is wider than its column moves those behind it.
    pub fn line(&self, row: &[String; N]) -> String {
        let mut line = String::new();
        for (column, (text, width)) in row.iter().zip(self.widths).enumerate() {
            let is_last = column + 1 == N;
            let cell = if is_last { plain(text) } else { cell(text) };
            line.push_str(&cell);
            line.extend(std::iter::repeat_n(
                ' ',
                width.saturating_sub(cell.width()) + 2,
            ));
        }
        format!("{}\n", line.trim_end())
    }
}

/// One line of at most `WIDEST_CELL` columns.
fn cell(text: &str) -> String {
    cut(&plain(text), WIDEST_CELL)
}

/// The beginning of a text that has room in so many columns of a terminal; `…` says that there was more.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        // One column is the ellipsis's.
        if used + 1 > columns {
            break;
        }
        kept.push(letter);
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[[&str; 2]], expect: &str) {
        let rows: Vec<[String; 2]> = rows.iter().map(|row| row.map(str::to_owned)).collect();
        let columns = Columns::of(["NAME", "X"], &rows);
        let lines: String = rows.iter().map(|row| columns.line(row)).collect();
        assert_eq!(columns.header() + &lines, expect);
    }

    #[test]
    fn columns_are_as_wide_as_their_contents() {
        check(
            &[["a", "ä"], ["longer", ""]],
            "NAME    X\na       ä\nlonger\n",
        );
    }

    #[test]
    fn letters_of_two_columns_count_twice_and_marks_not_at_all() {
        check(
            &[["山田", "b"], ["e\u{301}tat", "c"]],
            "NAME  X\n山田  b\ne\u{301}tat  c\n",
        );
    }

    #[test]
    fn a_line_break_does_not_break_the_row() {
        check(&[["a\nb", "c\td"]], "NAME  X\na b   c d\n");
    }

    #[test]
    fn only_the_last_column_is_never_cut() {
        let long = "x".repeat(WIDEST_CELL + 1);
        let cut = format!("{}…", "x".repeat(WIDEST_CELL - 1));
        let wide = " ".repeat(WIDEST_CELL - 4);
        check(
            &[[long.as_str(), long.as_str()]],
            &format!("NAME{wide}  X\n{cut}  {long}\n"),
        );
    }

    #[track_caller]
    fn check_cut(text: &str, columns: usize, expect: &str) {
        assert_eq!(cut(text, columns), expect);
    }

    #[test]
    fn a_long_text_is_cut_where_its_columns_end() {
        check_cut("short", 5, "short");
        check_cut("longer", 5, "long…");
        check_cut("one two", 5, "one…");
        check_cut("山田太郎", 6, "山田…");
    }
}
