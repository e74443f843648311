//! Tables in Markdown that also read well as they are.

/// A dash for what could not be measured.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:.decimals$}") } else { "-".to_owned() }
}

/// How many times `second` the `first` is.
pub(crate) fn ratio(first: f64, second: f64) -> String {
    let ratio = first / second;
    number(ratio, if ratio < 0.1 { 4 } else { 2 })
}

/// The rows as a table, of which the first is the heading: the first column to the left, numbers to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows[0].len();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(2);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        text.push('|');
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            text += &if column == 0 { format!(" {cell}{padding} |") } else { format!(" {padding}{cell} |") };
        }
        text.push('\n');
        if index == 0 {
            let rule = |(column, width): (usize, &usize)| match column {
                0 => format!(" {} |", "-".repeat(*width)),
                _ => format!(" {}: |", "-".repeat(width - 1)),
            };
            text.push('|');
            text.extend(widths.iter().enumerate().map(rule));
            text.push('\n');
        }
    }
    text
}
