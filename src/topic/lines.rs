//! Lines of a file or of stdin, as records are made of them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::{Context, anyhow};

use crate::failure::WrongUse;

/// Bytes read at once.
const BUFFER_BYTES: usize = 128 << 10;

/// Longest line: a few times what a topic takes by default.
const LINE_BYTES_MAX: u64 = 2 << 20;

/// A line, with its number from 1.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) text: String,
}

/// Reads lines.
pub(super) struct Lines {
    reader: BufReader<File>,
    number: u64,
}

impl Lines {
    /// Those of a file, or of stdin.
    pub(super) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let file = match file.filter(|file| *file != Path::new("-")) {
            Some(file) => File::open(file).map_err(|error| {
                WrongUse(format!("cannot read `{}`: {error}; name a file with lines", file.display()))
            })?,
            // Without the small buffer that stdin has by itself.
            None => File::from(io::stdin().as_fd().try_clone_to_owned().context("cannot read stdin")?),
        };
        Ok(Self { reader: BufReader::with_capacity(BUFFER_BYTES, file), number: 0 })
    }

    /// Whether whatever comes next has to be waited for, or may have to be.
    pub(super) fn must_wait(&self) -> bool {
        self.reader.buffer().is_empty()
    }

    /// The next line, without what ends it.
    ///
    /// # Errors
    /// Names the line.
    pub(super) fn read(&mut self) -> anyhow::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let number = self.number + 1;
        let wrong = |what: &str| anyhow!("line {number}: {what}");
        let read = (&mut self.reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes);
        if read.with_context(|| format!("line {number}: cannot be read"))? == 0 {
            return Ok(None);
        }
        if bytes.pop_if(|last| *last == b'\n').is_some() {
            bytes.pop_if(|last| *last == b'\r');
        } else if bytes.len() as u64 == LINE_BYTES_MAX {
            return Err(wrong("it is longer than 2 MiB; a client of Kafka can write it"));
        }
        self.number = number;
        let text = String::from_utf8(bytes);
        let text = text.map_err(|_| wrong("it is no text in UTF-8; a client of Kafka can write bytes"))?;
        Ok(Some(Line { number, text }))
    }
}
