//! Rows of an answer, read by column name.

/// All rows of an answer. Complete: a short answer is an error before it becomes one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Column names as the server gave them.
    pub columns: Vec<String>,
    /// Cells, row by row.
    pub cells: Vec<Vec<Option<String>>>,
    /// The query's ID.
    pub query_id: String,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    columns: &'a [String],
    cells: &'a [Option<String>],
}

impl Rows {
    /// The rows.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.cells.iter().map(|cells| Row { columns: &self.columns, cells })
    }

    /// The first cell of the first row.
    pub fn first_cell(&self) -> Option<&str> {
        self.cells.first()?.first()?.as_deref()
    }

    /// For answers of `DESC` with one property a row: the value of a property, `None` if its row is missing or empty.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.iter().find(|row| row.get("property").is_some_and(|p| p.eq_ignore_ascii_case(name)))?.get("property_value")
    }
}

impl<'a> Row<'a> {
    /// A cell by the name of its column (whatever its case); `None` if there is no such column, or it is NULL, empty, or the text
    /// `null` that some columns hold instead.
    pub fn get(&self, column: &str) -> Option<&'a str> {
        let at = self.columns.iter().position(|name| name.eq_ignore_ascii_case(column))?;
        self.cells.get(at)?.as_deref().filter(|text| !text.is_empty() && *text != "null")
    }

    /// Whether there is a column of this name. An absent column means unknown, not empty.
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name.eq_ignore_ascii_case(column))
    }

    /// A flag in any of Snowflake's spellings: `true`/`false`, `Y`/`N`, `ON`/`OFF`.
    pub fn flag(&self, column: &str) -> Option<bool> {
        match self.get(column)?.to_ascii_uppercase().as_str() {
            "TRUE" | "Y" | "YES" | "ON" | "1" => Some(true),
            "FALSE" | "N" | "NO" | "OFF" | "0" => Some(false),
            _ => None,
        }
    }
}
