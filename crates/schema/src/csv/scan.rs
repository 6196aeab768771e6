//! Finds the bytes that give CSV its structure: delimiters, quotes and line feeds.
//!
//! Looks at 64 bytes at a time and keeps one bit for each, so that the cost a field is that of counting zeros in a word. Within
//! eight bytes it uses the exact form of the well-known zero-byte test (Hacker's Delight, 6-1): no false hits, no carries.

/// Bytes looked at in one go: as many as a mask has bits.
const BLOCK_BYTES: usize = 64;

const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// Walks over the structural bytes of a text.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    needles: [u64; 3],
    /// Where the block begins that `mask` is about.
    base: usize,
    /// One bit for each structural byte of the block that has not been passed.
    mask: u64,
}

impl<'a> Scanner<'a> {
    /// A scanner at `at`. No needle may be NUL.
    pub(super) fn new(bytes: &'a [u8], at: usize, delimiter: u8, quote: Option<u8>) -> Self {
        let spread = |byte: u8| u64::from_ne_bytes([byte; 8]);
        let needles = [spread(delimiter), spread(quote.unwrap_or(delimiter)), spread(b'\n')];
        let mut scanner = Self { bytes, needles, base: 0, mask: 0 };
        scanner.seek(at);
        scanner
    }

    /// The text.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Goes to `at`: the next find is there or behind.
    pub(super) fn seek(&mut self, at: usize) {
        self.base = at;
        self.mask = self.load(at);
    }

    /// Position of the next structural byte, which is passed.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            let base = self.base + BLOCK_BYTES;
            if base >= self.bytes.len() {
                return None;
            }
            self.base = base;
            self.mask = self.load(base);
        }
        let found = self.base + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(found)
    }

    #[inline]
    fn load(&self, at: usize) -> u64 {
        match self.bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK_BYTES>()) {
            Some(block) => self.mask_of(block),
            None => {
                let mut block = [0; BLOCK_BYTES];
                let rest = self.bytes.get(at..).unwrap_or_default();
                block[..rest.len()].copy_from_slice(rest);
                self.mask_of(&block)
            }
        }
    }

    #[inline]
    fn mask_of(&self, block: &[u8; BLOCK_BYTES]) -> u64 {
        let (words, _) = block.as_chunks::<8>();
        let mut mask = 0;
        for (index, word) in words.iter().enumerate() {
            let word = u64::from_le_bytes(*word);
            let mut hits = 0;
            for needle in self.needles {
                let zero_where_equal = word ^ needle;
                hits |= !(((zero_where_equal & LOW_BITS) + LOW_BITS) | zero_where_equal | LOW_BITS);
            }
            // Each hit is the top bit of its byte; the product gathers the eight of them in the topmost byte.
            mask |= ((hits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * index);
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(text in proptest::collection::vec(any::<u8>(), 0..300), at in 0..310_usize) {
            let mut scanner = Scanner::new(&text, at, b';', Some(b'\''));
            let found: Vec<usize> = std::iter::from_fn(|| scanner.next()).collect();
            let plain = |i: &usize| matches!(text[*i], b';' | b'\'' | b'\n');
            prop_assert_eq!(found, (at.min(text.len())..text.len()).filter(plain).collect::<Vec<_>>());
        }
    }
}
