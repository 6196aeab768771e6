//! Where the cells of a record are.

use std::ops::Range;

use super::scan::Scanner;

/// Marks a cell that is not plain text between `start` and `end`: it begins with its quote and has to be unquoted.
const QUOTED: u32 = 1 << 31;

/// Where a cell lies in the text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    start: u32,
    end: u32,
}

impl Cell {
    #[inline]
    fn plain(start: usize, end: usize) -> Self {
        debug_assert!(end < QUOTED as usize, "the text at hand is far below 2 GiB");
        Self { start: start as u32, end: end as u32 }
    }

    #[inline]
    fn quoted(start: usize, end: usize) -> Self {
        let plain = Self::plain(start, end);
        Self { start: plain.start, end: plain.end | QUOTED }
    }

    /// Where its text is, or its text with quotes.
    #[inline]
    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..(self.end & !QUOTED) as usize
    }

    /// Whether its text has to be unquoted.
    #[inline]
    pub(super) fn is_quoted(self) -> bool {
        self.end & QUOTED != 0
    }
}

/// The text of a cell that [`Cell::is_quoted`]: without the quotes around it, a doubled one as one.
pub(super) fn unquote(raw: &[u8], quote: u8, into: &mut Vec<u8>) {
    into.clear();
    let mut rest = &raw[1..];
    let mut closed = false;
    while let Some(at) = rest.iter().position(|byte| *byte == quote) {
        into.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        if closed {
            // Behind the closing quote nothing is special any more.
            into.push(quote);
        } else if rest.first() == Some(&quote) {
            into.push(quote);
            rest = &rest[1..];
        } else {
            closed = true;
        }
    }
    into.extend_from_slice(rest);
}

/// A record that was found whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// Where its text ends, before its line end.
    pub(super) text_end: usize,
    /// Where the next record begins.
    pub(super) end: usize,
    /// Its fields, also those that there was no room for.
    pub(super) fields: usize,
    /// Line ends within it.
    pub(super) inner_lines: u64,
    /// Whether text follows a closing quote: a sign of a quote gone astray.
    pub(super) is_odd: bool,
}

/// Why no whole record was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// The text ends within the record.
    InRecord,
    /// The text ends within a quoted field of it.
    InQuotes,
}

/// Reads the record that begins at `start`, where the scanner stands; its first cells go to `put`, by column.
///
/// `is_last` says that the text will not go on, so that its end is also the end of a record.
#[inline]
pub(super) fn read_record(
    scanner: &mut Scanner<'_>,
    start: usize,
    quote: Option<u8>,
    is_last: bool,
    mut put: impl FnMut(usize, Cell),
) -> Result<Found, Unfinished> {
    let bytes = scanner.bytes();
    let is_quote = |at: usize| quote.is_some() && bytes.get(at).copied() == quote;
    let mut found = Found { text_end: 0, end: 0, fields: 0, inner_lines: 0, is_odd: false };
    let mut field = start;
    loop {
        let closing = if is_quote(field) {
            scanner.next();
            Some(find_closing(scanner, is_quote, is_last, &mut found.inner_lines)?)
        } else {
            None
        };
        let stop = loop {
            match scanner.next() {
                Some(at) if is_quote(at) => {}
                Some(at) => break at,
                None if is_last => break bytes.len(),
                None => return Err(Unfinished::InRecord),
            }
        };
        let ends_record = bytes.get(stop).is_none_or(|byte| *byte == b'\n');
        let mut text_end = stop;
        if ends_record && stop > closing.map_or(field, |closing| closing.at + 1) && bytes[stop - 1] == b'\r' {
            text_end -= 1;
        }
        let cell = match closing {
            None => Cell::plain(field, text_end),
            Some(closing) if text_end == closing.at + 1 && !closing.has_doubled => Cell::plain(field + 1, closing.at),
            Some(closing) => {
                found.is_odd |= text_end != closing.at + 1;
                Cell::quoted(field, text_end)
            }
        };
        put(found.fields, cell);
        found.fields += 1;
        if ends_record {
            return Ok(Found { text_end, end: (stop + 1).min(bytes.len()), ..found });
        }
        field = stop + 1;
    }
}

/// Where a quoted field closes.
#[derive(Debug, Clone, Copy)]
struct Closing {
    at: usize,
    has_doubled: bool,
}

fn find_closing(
    scanner: &mut Scanner<'_>,
    is_quote: impl Fn(usize) -> bool,
    is_last: bool,
    inner_lines: &mut u64,
) -> Result<Closing, Unfinished> {
    let bytes = scanner.bytes();
    let mut has_doubled = false;
    while let Some(at) = scanner.next() {
        if !is_quote(at) {
            *inner_lines += u64::from(bytes[at] == b'\n');
        } else if is_quote(at + 1) {
            has_doubled = true;
            scanner.next();
        } else if at + 1 < bytes.len() || is_last {
            return Ok(Closing { at, has_doubled });
        }
    }
    Err(Unfinished::InQuotes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> (Vec<String>, Found) {
        let mut cells = Vec::new();
        let mut scanner = Scanner::new(text.as_bytes(), 0, b',', Some(b'"'));
        let found = read_record(&mut scanner, 0, Some(b'"'), true, |_, cell| {
            let raw = &text.as_bytes()[cell.range()];
            let mut clear = raw.to_vec();
            if cell.is_quoted() {
                unquote(raw, b'"', &mut clear);
            }
            cells.push(String::from_utf8(clear).expect("cut at ASCII characters"));
        });
        (cells, found.expect("a whole record"))
    }

    #[test]
    fn quotes_are_read_as_rfc_4180_has_them() {
        assert_eq!(cells("a,,\"b,\n\"\"c\"\"\",d\r\nnext").0, ["a", "", "b,\n\"c\"", "d"]);
        assert_eq!(cells("\"\",\"x\"\r\n").0, ["", "x"]);
        assert_eq!(cells("5\" nail,x\"y\n").0, ["5\" nail", "x\"y"]);
        assert_eq!(cells("\r\n").0, [""]);
        assert_eq!(cells("a\rb,c").0, ["a\rb", "c"]);
        assert_eq!(cells("a,").0, ["a", ""]);
    }

    #[test]
    fn text_behind_a_closing_quote_is_kept_and_noticed() {
        let (cells, found) = cells("\"a\"b\"c,d\nx");
        assert_eq!(cells, ["ab\"c", "d"]);
        assert!(found.is_odd && found.inner_lines == 0 && found.end == 9);
    }

    #[test]
    fn what_is_cut_is_unfinished() {
        let read = |text: &str, is_last| {
            let mut scanner = Scanner::new(text.as_bytes(), 0, b',', Some(b'"'));
            read_record(&mut scanner, 0, Some(b'"'), is_last, |_, _| {}).map(|found| found.fields)
        };
        assert_eq!(read("a,b", false), Err(Unfinished::InRecord));
        assert_eq!(read("a,b", true), Ok(2));
        assert_eq!(read("a,\"b\"", false), Err(Unfinished::InQuotes), "the next byte may be another quote");
        assert_eq!(read("a,\"b\"", true), Ok(2));
        assert_eq!(read("a,\"b", true), Err(Unfinished::InQuotes));
    }
}
