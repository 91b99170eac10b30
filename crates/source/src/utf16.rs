//! Text in UTF-16 as UTF-8. What PowerShell 5.1 writes with `>` is in it, and so are exports of many Windows programs.

use std::io::{self, Read};

/// Bytes that are read at once.
const PIECE: usize = 8192;

/// Reads UTF-16 as UTF-8, without the mark that it begins with. What is no UTF-16 becomes U+FFFD, as in every reader.
pub struct Utf16<R> {
    inner: R,
    order: Order,
    /// Bytes that were read and are no whole character yet.
    left: Vec<u8>,
    text: Vec<u8>,
    n_given: usize,
    is_begun: bool,
}

/// Which byte of two comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    /// The order that the mark at the beginning tells; `None` where there is none. Behind it must stand a character of
    /// ASCII, as every log begins with one: two bytes before the bytes of another log make no UTF-16 of it.
    pub const fn told(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xfe, 1..=0x7f, 0, ..] => Some(Self::Little),
            [0xfe, 0xff, 0, 1..=0x7f, ..] => Some(Self::Big),
            _ => None,
        }
    }

    const fn unit(self, pair: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(pair),
            Self::Big => u16::from_be_bytes(pair),
        }
    }
}

impl<R: Read> Utf16<R> {
    /// `inner` begins with the mark.
    pub const fn new(inner: R, order: Order) -> Self {
        Self {
            inner,
            order,
            left: Vec::new(),
            text: Vec::new(),
            n_given: 0,
            is_begun: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.n_given = 0;
        self.text.clear();
        while self.text.is_empty() {
            let n_before = self.left.len();
            self.inner
                .by_ref()
                .take(PIECE as u64)
                .read_to_end(&mut self.left)?;
            let is_end = self.left.len() == n_before;
            if is_end && n_before == 0 {
                return Ok(());
            }
            self.decode(is_end);
        }
        Ok(())
    }

    fn decode(&mut self, is_end: bool) {
        let order = self.order;
        let (pairs, odd) = self.left.as_chunks::<2>();
        let unit = |pair: &[u8; 2]| order.unit(*pair);
        let is_open = !is_end && pairs.last().is_some_and(|pair| is_high(unit(pair)));
        let whole = &pairs[..pairs.len() - usize::from(is_open)];
        let mut units = whole.iter().map(unit).peekable();
        if !std::mem::replace(&mut self.is_begun, true) {
            units.next_if_eq(&0xfeff);
        }
        let mut utf8 = [0; 4];
        for character in char::decode_utf16(units) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.text
                .extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
        }
        if is_end && !odd.is_empty() {
            let unfinished = char::REPLACEMENT_CHARACTER.encode_utf8(&mut utf8);
            self.text.extend_from_slice(unfinished.as_bytes());
        }
        let n_done = if is_end { self.left.len() } else { whole.len() * 2 };
        self.left.drain(..n_done);
    }
}

/// Whether it is the first half of a character.
const fn is_high(unit: u16) -> bool {
    matches!(unit, 0xd800..=0xdbff)
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.n_given == self.text.len() {
            self.fill()?;
        }
        let n = (&self.text[self.n_given..]).read(buffer)?;
        self.n_given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Gives so many bytes at a time.
    struct Slow<'b>(&'b [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(buffer.len());
            (&mut self.0).read(&mut buffer[..n])
        }
    }

    fn read(bytes: &[u8], at_once: usize) -> String {
        let order = Order::told(bytes).unwrap();
        let mut text = String::new();
        let mut reader = Utf16::new(Slow(bytes, at_once), order);
        reader.read_to_string(&mut text).unwrap();
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn it_reads_what_everybody_reads(
            units in proptest::collection::vec(prop_oneof![Just(0xd83d), Just(0xde00), Just(0xfeff), any::<u16>()], 0..40),
            at_once in 1usize..7,
        ) {
            let text = format!("{{{}", String::from_utf16_lossy(&units));
            let all = || [0xfeff, u16::from(b'{')].into_iter().chain(units.iter().copied());
            let little: Vec<u8> = all().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = all().flat_map(u16::to_be_bytes).collect();
            prop_assert_eq!(&read(&little, at_once), &text);
            prop_assert_eq!(&read(&big, at_once), &text);
            if !units.is_empty() {
                prop_assert!(read(&big[..big.len() - 1], at_once).ends_with(char::REPLACEMENT_CHARACTER));
            }
        }
    }

    #[test]
    fn characters_of_two_halves_are_whole_across_pieces() {
        let text = format!("x{}", "é😀".repeat(PIECE));
        let bytes: Vec<u8> = [0xfeff]
            .into_iter()
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(read(&bytes, usize::MAX), text);
    }

    #[test]
    fn only_the_mark_of_utf_16_is_one() {
        assert_eq!(Order::told(b"\xff\xfe{\0"), Some(Order::Little));
        assert_eq!(Order::told(b"\xfe\xff\0{"), Some(Order::Big));
        let others: [&[u8]; 8] = [
            b"\xff\xfe\0\0",
            b"\xff\xfe{\"",
            b"\xfe\xff{\"",
            b"\xff\xfe",
            b"\xef\xbb\xbf{",
            b"{}",
            b"",
            b"\xff",
        ];
        for other in others {
            assert_eq!(Order::told(other), None);
        }
    }
}
