//! What people were told loudly of a source, so that the same is not said again and again.

/// Milliseconds after which another line of the same file is told anew. A file that grows in pieces ends within a line at every
/// one of them.
const AGAIN_AFTER_MS: i64 = 60_000;

/// The last warning.
#[derive(Debug, Default)]
pub(super) struct Told {
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    warning: String,
    /// What it is about, which may change where the words stay.
    line: Option<u64>,
    at_ms: i64,
}

impl Told {
    /// Whether a warning has to be told; it counts as told then.
    pub(super) fn is_new(&mut self, warning: &str, line: Option<u64>, now_ms: i64) -> bool {
        let is_known = self.last.as_ref().is_some_and(|last| {
            let is_recent = now_ms.saturating_sub(last.at_ms) < AGAIN_AFTER_MS;
            last.warning == warning && (last.line == line || is_recent)
        });
        if !is_known {
            self.last = Some(Last { warning: warning.to_owned(), line, at_ms: now_ms });
        }
        !is_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_line_of_the_same_file_is_told_but_not_every_piece() {
        let mut told = Told::default();
        assert!(told.is_new("a.csv has no line end", Some(7), 1_000));
        assert!(!told.is_new("a.csv has no line end", Some(7), 500_000), "it is the same line");
        assert!(told.is_new("a.csv has no line end", Some(90), 500_001), "it is another line, much later");
        for (line, now_ms) in [(91, 500_002), (92, 540_000), (93, 560_000)] {
            assert!(!told.is_new("a.csv has no line end", Some(line), now_ms), "it grows in pieces");
        }
        assert!(told.is_new("a.csv has no line end", Some(94), 560_001));
        assert!(told.is_new("b.csv has no line end", Some(1), 560_002), "it is another file");
        assert!(told.is_new("a.csv has no header", None, 560_003));
    }
}
