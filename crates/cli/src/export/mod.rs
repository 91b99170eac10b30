//! Tables for other tools: one file per format.

pub mod subjects;
pub mod timesketch;

/// A cell that no spreadsheet takes for a formula: what begins like one is preceded by an apostrophe.
pub fn harmless(text: &str) -> String {
    let shown: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if shown.trim_start().starts_with(['=', '+', '-', '@', '|', '%']) || text.starts_with(['\t', '\r', '\n'])
    {
        format!("'{shown}")
    } else {
        shown
    }
}

/// A table with its head, each cell of one line.
pub fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| harmless(cell)))?;
    }
    Ok(writer.into_inner().map_err(|error| error.into_error())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, expected) in [
            ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
            ("+46 70", "'+46 70"),
            (" @SUM(A1)", "' @SUM(A1)"),
            ("\t=1", "' =1"),
            ("a\r\nb", "a  b"),
            ("1042", "1042"),
        ] {
            assert_eq!(harmless(text), expected, "{text:?}");
        }
    }
}
