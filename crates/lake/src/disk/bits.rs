//! Small numbers one behind another, in as many bits as they take.

/// The bits of a difference that are written as they are; what is above them is written in ones and a zero (Rice, "Some
/// practical universal noiseless coding techniques", 1979).
pub(super) const LOW_BITS: u32 = 9;

/// Bits behind one another, the lowest of each byte first.
pub(super) struct Bits<'b> {
    bytes: &'b mut Vec<u8>,
    held: u64,
    n_held: u32,
}

impl<'b> Bits<'b> {
    pub const fn new(bytes: &'b mut Vec<u8>) -> Self {
        Self {
            bytes,
            held: 0,
            n_held: 0,
        }
    }

    pub fn push(&mut self, value: u64, n: u32) {
        self.held |= value << self.n_held;
        self.n_held += n;
        while self.n_held >= 8 {
            self.bytes.push(self.held as u8);
            self.held >>= 8;
            self.n_held -= 8;
        }
    }

    /// A number as Rice codes it: what is above the spare bits in ones and a zero, then these.
    pub fn push_difference(&mut self, difference: u64) {
        for _ in 0..difference >> LOW_BITS {
            self.push(1, 1);
        }
        self.push(0, 1);
        self.push(difference & ((1 << LOW_BITS) - 1), LOW_BITS);
    }

    /// Fills the last byte with zeros, which are fewer than the bits of any entry.
    pub fn finish(self) {
        if self.n_held > 0 {
            self.bytes.push(self.held as u8);
        }
    }
}

pub(super) struct BitReader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> BitReader<'b> {
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next bits, at least 57 of them where so many are left, zeros behind the end.
    fn ahead(&self) -> u64 {
        let bytes = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = bytes.first_chunk().copied().unwrap_or_else(|| {
            let mut word = [0; 8];
            word[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
            word
        });
        u64::from_le_bytes(word) >> (self.at % 8)
    }

    pub fn take(&mut self, n: u32) -> Option<u64> {
        let end = self.at + n as usize;
        let value = self.ahead() & ((1 << n) - 1);
        self.at = end;
        (end <= self.bytes.len() * 8).then_some(value)
    }

    /// The next difference; `None` at the end, and where it is as large as no difference can be.
    pub fn difference(&mut self, too_large: u64) -> Option<u64> {
        let mut above = 0;
        loop {
            let ones = self.ahead().trailing_ones().min(56);
            above += u64::from(ones);
            self.at += ones as usize;
            if ones < 56 {
                break;
            }
            if above > too_large {
                return None;
            }
        }
        self.at += 1;
        Some((above << LOW_BITS) + self.take(LOW_BITS)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let mut bytes = Vec::new();
        let mut bits = Bits::new(&mut bytes);
        let numbers = [0, 1, 511, 512, 513, 70_000, 3, 0];
        for number in numbers {
            bits.push_difference(number);
            bits.push(number % 32, 5);
        }
        bits.finish();
        let mut reader = BitReader::new(&bytes);
        for number in numbers {
            assert_eq!(reader.difference(1 << 20), Some(number));
            assert_eq!(reader.take(5), Some(number % 32));
        }
        assert_eq!(reader.difference(1 << 20), None);
        assert_eq!(BitReader::new(&[0xff; 100]).difference(200), None);
    }
}
