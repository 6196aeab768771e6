//! How a CSV text is to be read.

/// Character encodings of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// ISO 8859-1: every byte is a character.
    Latin1,
}

/// How a CSV text is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// Whether the first record has the names of the columns.
    pub header: bool,
    /// What stands between two fields; an ASCII character.
    pub delimiter: u8,
    /// What fields with delimiters in them are wrapped in; `None` if nothing is.
    pub quote: Option<u8>,
    /// What stands before the fraction of a DECIMAL, DOUBLE or FLOAT: `.` or `,`.
    pub decimal: u8,
    /// Encoding of the text.
    pub encoding: Encoding,
    /// strftime format of TIMESTAMP fields; ISO 8601 if absent.
    pub timestamp_format: Option<String>,
    /// strftime format of DATE fields; ISO 8601 if absent.
    pub date_format: Option<String>,
    /// Spellings of NULL beside the empty field.
    pub null_values: Vec<String>,
    /// Rows of a batch at most.
    pub batch_rows: usize,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            header: true,
            delimiter: b',',
            quote: Some(b'"'),
            decimal: b'.',
            encoding: Encoding::Utf8,
            timestamp_format: None,
            date_format: None,
            null_values: Vec::new(),
            batch_rows: 8192,
        }
    }
}
