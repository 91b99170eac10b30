//! The pages of a row group, for the readers of columns of the Parquet crate.
//!
//! That crate's own reader of pages makes a compressor and a decompressor for every column of every row group, which
//! takes as long as the few pages of a look-up do. Here each thread has one decompressor. Only pages are read that this
//! crate writes: those of Parquet's first version, under zstd, with an index of their places.

use super::chunks::Chunks;
use bytes::Bytes;
use datafusion::parquet::arrow::arrow_reader::RowGroups;
use datafusion::parquet::basic::{Compression, Encoding, Type};
use datafusion::parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::page_index::offset_index::PageLocation;
use datafusion::parquet::file::reader::ChunkReader;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use zstd::bulk::Decompressor;

/// The most that a page may say that it unpacks to. A dictionary takes one MiB, a page of data no more than a value
/// over 64 KiB.
const MOST_BYTES: usize = 256 << 20;

/// A row group of a file.
pub(super) struct Group<'f> {
    pub chunks: &'f Arc<Chunks>,
    pub footer: &'f ParquetMetaData,
    pub nth: usize,
}

impl Group<'_> {
    /// The pages of a column, the dictionary first where there is one.
    pub fn pages(&self, leaf: usize) -> Result<Pages> {
        let group = self.footer.row_group(self.nth);
        let column = group.column(leaf);
        let locations = self
            .footer
            .offset_index()
            .and_then(|of_groups| of_groups.get(self.nth)?.get(leaf))
            .ok_or_else(|| strange("the index of pages"))?;
        let locations = locations.page_locations();
        if !matches!(column.compression(), Compression::ZSTD(_)) {
            return Err(strange("the compression of pages"));
        }
        let (start, _) = column.byte_range();
        let first = locations.first().and_then(|page| u64::try_from(page.offset).ok());
        let before = first.and_then(|first| first.checked_sub(start)).unwrap_or(0);
        Ok(Pages {
            chunks: self.chunks.clone(),
            dictionary: (before > 0).then_some((start, usize::try_from(before)?)),
            locations: locations.iter().cloned().collect(),
            n_rows: group.num_rows(),
            is_by_dictionary: column
                .page_encoding_stats_mask()
                .is_some_and(|mask| mask.encodings().all(is_by_dictionary)),
        })
    }

    /// Whether each value of a text column is found in the dictionary or in pages that spell their values out.
    pub fn is_spelled_out(&self, leaf: usize) -> bool {
        let column = self.footer.row_group(self.nth).column(leaf);
        let described = column.column_descr();
        let plain = [
            Encoding::PLAIN,
            Encoding::RLE_DICTIONARY,
            Encoding::PLAIN_DICTIONARY,
        ];
        let in_pages = column.page_encoding_stats_mask();
        column.dictionary_page_offset().is_some()
            && in_pages.is_some_and(|mask| mask.encodings().all(|encoding| plain.contains(&encoding)))
            && described.physical_type() == Type::BYTE_ARRAY
            && (described.max_def_level(), described.max_rep_level()) == (1, 0)
    }
}

impl RowGroups for Group<'_> {
    fn num_rows(&self) -> usize {
        let n_rows = self.footer.row_group(self.nth).num_rows();
        usize::try_from(n_rows).unwrap_or_default()
    }

    fn column_chunks(&self, leaf: usize) -> Result<Box<dyn PageIterator>> {
        Ok(Box::new(OfOneGroup(Some(self.pages(leaf)?))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.footer.row_group(self.nth)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.footer
    }
}

/// The pages of one column in one row group.
struct OfOneGroup(Option<Pages>);

impl Iterator for OfOneGroup {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let pages = self.0.take()?;
        Some(Ok(Box::new(pages)))
    }
}

impl PageIterator for OfOneGroup {}

/// The pages of a column that are still to come.
pub(super) struct Pages {
    chunks: Arc<Chunks>,
    /// Where the dictionary begins, and its bytes.
    dictionary: Option<(u64, usize)>,
    locations: VecDeque<PageLocation>,
    n_rows: i64,
    /// Whether all pages but the dictionary only point into it.
    is_by_dictionary: bool,
}

impl Pages {
    /// The next page that spells values out: it is the dictionary, or does not point into it.
    pub fn next_spelled_out(&mut self) -> Result<Option<Page>> {
        if self.dictionary.is_none() && self.is_by_dictionary {
            return Ok(None);
        }
        while let Some(packed) = self.next_packed()? {
            let points = packed.header.encoding.is_some_and(is_by_dictionary);
            if packed.header.is_dictionary || !points {
                return packed.page().map(Some);
            }
        }
        Ok(None)
    }

    fn next_packed(&mut self) -> Result<Option<Packed>> {
        let (offset, length) = if let Some(place) = self.dictionary.take() {
            place
        } else if let Some(place) = self.locations.pop_front() {
            (
                u64::try_from(place.offset)?,
                usize::try_from(place.compressed_page_size)?,
            )
        } else {
            return Ok(None);
        };
        let bytes = self.chunks.get_bytes(offset, length)?;
        let mut rest = &bytes[..];
        let header = Header::read(&mut rest).ok_or_else(|| strange("a page's header"))?;
        let begin = bytes.len() - rest.len();
        Ok(Some(Packed { header, bytes, begin }))
    }
}

/// A page as it lies in the file.
struct Packed {
    header: Header,
    bytes: Bytes,
    /// Where in the bytes the header ends.
    begin: usize,
}

impl Packed {
    fn page(self) -> Result<Page> {
        let packed = self.bytes[self.begin..].get(..self.header.n_packed);
        let packed = packed.ok_or_else(|| strange("a page's length"))?;
        let bytes = unpacked(packed, self.header.n_bytes)?;
        self.header.page(bytes)
    }
}

const fn is_by_dictionary(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.next_packed()?.map(Packed::page).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        if self.dictionary.is_some() {
            return Ok(Some(PageMetadata {
                num_rows: None,
                num_levels: None,
                is_dict: true,
            }));
        }
        let Some(place) = self.locations.front() else {
            return Ok(None);
        };
        let end = self
            .locations
            .get(1)
            .map_or(self.n_rows, |next| next.first_row_index);
        Ok(Some(PageMetadata {
            num_rows: Some(usize::try_from(end - place.first_row_index)?),
            num_levels: None,
            is_dict: false,
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        if self.dictionary.take().is_none() {
            self.locations.pop_front();
        }
        Ok(())
    }

    /// With an index of places, every page begins with a row.
    fn at_record_boundary(&mut self) -> Result<bool> {
        Ok(true)
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

fn strange(what: &str) -> ParquetError {
    ParquetError::General(format!("{what} is not as it was written"))
}

fn unpacked(packed: &[u8], n_bytes: usize) -> Result<Bytes> {
    thread_local! {
        static UNPACKER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    if n_bytes == 0 {
        return Ok(Bytes::new());
    }
    if n_bytes > MOST_BYTES {
        return Err(strange("a page's size"));
    }
    let bytes = UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            None => unpacker.insert(Decompressor::new()?),
        };
        unpacker.decompress(packed, n_bytes)
    })?;
    match bytes.len() == n_bytes {
        true => Ok(bytes.into()),
        false => Err(strange("a page's size")),
    }
}

/// What stands before a page.
#[derive(Default)]
struct Header {
    is_dictionary: bool,
    n_bytes: usize,
    n_packed: usize,
    n_values: u32,
    encoding: Option<Encoding>,
    /// Of the levels of definition, then of repetition.
    levels: [Option<Encoding>; 2],
}

/// Fields of the header: Parquet's `PageHeader`, `DataPageHeader` and `DictionaryPageHeader`.
mod field {
    pub const KIND: i64 = 1;
    pub const N_BYTES: i64 = 2;
    pub const N_PACKED: i64 = 3;
    pub const DATA: i64 = 5;
    pub const DICTIONARY: i64 = 7;
    pub const N_VALUES: i64 = 1;
    pub const ENCODING: i64 = 2;
    pub const DEFINITION: i64 = 3;
    pub const REPETITION: i64 = 4;
}

impl Header {
    /// Reads the header, and leaves what follows it.
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut header = Self::default();
        let mut kind = None;
        each_field(bytes, &mut |id, value, rest| {
            match (id, value) {
                (field::KIND, Value::Number(n)) => kind = Some(n),
                (field::N_BYTES, Value::Number(n)) => header.n_bytes = usize::try_from(n).ok()?,
                (field::N_PACKED, Value::Number(n)) => header.n_packed = usize::try_from(n).ok()?,
                (field::DATA | field::DICTIONARY, Value::Struct) => {
                    header.is_dictionary = id == field::DICTIONARY;
                    return header.read_values(rest);
                }
                (_, other) => return other.skip(rest),
            }
            Some(())
        })?;
        let said = if header.is_dictionary { 2 } else { 0 };
        (kind == Some(said) && header.encoding.is_some()).then_some(header)
    }

    fn read_values(&mut self, bytes: &mut &[u8]) -> Option<()> {
        each_field(bytes, &mut |id, value, rest| {
            match (id, value) {
                (field::N_VALUES, Value::Number(n)) => self.n_values = u32::try_from(n).ok()?,
                (field::ENCODING, Value::Number(n)) => self.encoding = Some(encoding(n)?),
                (field::DEFINITION, Value::Number(n)) if !self.is_dictionary => {
                    self.levels[0] = Some(encoding(n)?)
                }
                (field::REPETITION, Value::Number(n)) => self.levels[1] = Some(encoding(n)?),
                (_, other) => return other.skip(rest),
            }
            Some(())
        })
    }

    fn page(self, buf: Bytes) -> Result<Page> {
        let encoding = self.encoding.ok_or_else(|| strange("a page's encoding"))?;
        if self.is_dictionary {
            return Ok(Page::DictionaryPage {
                buf,
                num_values: self.n_values,
                encoding,
                is_sorted: false,
            });
        }
        let [Some(def_level_encoding), Some(rep_level_encoding)] = self.levels else {
            return Err(strange("a page's header"));
        };
        Ok(Page::DataPage {
            buf,
            num_values: self.n_values,
            encoding,
            def_level_encoding,
            rep_level_encoding,
            statistics: None,
        })
    }
}

/// The encodings that this crate writes.
const fn encoding(number: i64) -> Option<Encoding> {
    Some(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        _ => return None,
    })
}

/// A value in Thrift's compact protocol: read, where it is a number, or still to be read.
enum Value {
    Number(i64),
    /// In so many bytes.
    Bytes(usize),
    Struct,
}

impl Value {
    fn skip(self, bytes: &mut &[u8]) -> Option<()> {
        match self {
            Self::Number(_) => Some(()),
            Self::Bytes(n) => {
                *bytes = bytes.get(n..)?;
                Some(())
            }
            Self::Struct => each_field(bytes, &mut |_, value, rest| match value {
                Self::Struct => None,
                plain => plain.skip(rest),
            }),
        }
    }
}

/// What is done with a field, its value and the bytes that follow.
type OnField<'f> = &'f mut dyn FnMut(i64, Value, &mut &[u8]) -> Option<()>;

/// Reads the fields of a struct to its end. Lists, maps and structs in structs stand in no header that is read here.
fn each_field(bytes: &mut &[u8], on: OnField<'_>) -> Option<()> {
    let mut id = 0_i64;
    loop {
        let head = byte(bytes)?;
        if head == 0 {
            return Some(());
        }
        id = match head >> 4 {
            0 => zigzag(bytes)?,
            more => id.checked_add(i64::from(more))?,
        };
        let value = match head & 15 {
            kind @ (1 | 2) => Value::Number(i64::from(kind == 1)),
            4..=6 => Value::Number(zigzag(bytes)?),
            8 => Value::Bytes(usize::try_from(varint(bytes)?).ok()?),
            12 => Value::Struct,
            _ => return None,
        };
        on(id, value, bytes)?;
    }
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let next = byte(bytes)?;
        value |= u64::from(next & 127) << shift;
        if next < 128 {
            return Some(value);
        }
    }
    None
}

fn zigzag(bytes: &mut &[u8]) -> Option<i64> {
    let value = varint(bytes)?;
    Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A data page's header as the Parquet crate writes it, with statistics, and one of a dictionary.
    #[test]
    fn headers_are_read_and_what_follows_is_left() {
        let data = [
            0x15, 0x00, 0x15, 0xd0, 0x0f, 0x15, 0x90, 0x03, 0x2c, 0x15, 0x80, 0x40, 0x15, 0x10, 0x15, 0x06,
            0x15, 0x06, 0x1c, 0x36, 0x04, 0x18, 0x02, b'a', b'b', 0x11, 0x00, 0x00, 0x00, 0xff,
        ];
        let mut rest = &data[..];
        let header = Header::read(&mut rest);
        assert_eq!(rest, [0xff]);
        assert!(header.is_some_and(|h| {
            let sizes = (h.n_bytes, h.n_packed, h.n_values);
            sizes == (1000, 200, 4096) && h.encoding == Some(Encoding::RLE_DICTIONARY) && !h.is_dictionary
        }));
        let dictionary = [
            0x15, 0x04, 0x15, 0x06, 0x15, 0x08, 0x4c, 0x15, 0x02, 0x15, 0x00, 0x12, 0x00, 0x00,
        ];
        let header = Header::read(&mut &dictionary[..]);
        assert!(header.is_some_and(|h| h.is_dictionary && (h.n_bytes, h.n_packed, h.n_values) == (3, 4, 1)));
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(header) = Header::read(&mut &bytes[..]) {
                let _ = header.page(Bytes::new());
            }
            let _ = unpacked(&bytes, bytes.len());
        }
    }
}
