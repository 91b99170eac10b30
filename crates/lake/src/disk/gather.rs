//! Rows of several pieces of columns, brought together in a given order.

use super::schema::{Shape, arrow_type};
use datafusion::arrow::array::{Array, ArrayRef, new_null_array};
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use std::sync::LazyLock;

/// Rows without a value that are kept at hand: as many as most pieces have.
const AT_HAND: usize = 8192;

/// Rows that came one after the other.
pub(super) struct Chunk {
    /// How many came before them.
    pub first: usize,
    pub n_rows: usize,
    /// Their columns: `None` where none of them says anything, a single value where all say the same.
    pub columns: Vec<Option<ArrayRef>>,
}

impl Chunk {
    fn is_same(&self, nth: usize) -> bool {
        let array = self.columns[nth].as_ref();
        array.is_some_and(|array| array.len() < self.n_rows)
    }
}

/// One column, of this type, of the rows at these places: the number of a chunk, and of a row of it.
pub(super) fn gathered(
    chunks: &[&Chunk],
    nth: usize,
    places: &[(usize, usize)],
    data_type: &DataType,
) -> Result<ArrayRef, ArrowError> {
    if chunks.iter().all(|chunk| chunk.columns[nth].is_none()) {
        return Ok(nothing(data_type, places.len()));
    }
    let arrays = chunks.iter().map(|chunk| {
        let said = chunk.columns[nth].clone();
        said.unwrap_or_else(|| nothing(data_type, chunk.n_rows))
    });
    let arrays: Vec<ArrayRef> = arrays.collect();
    let arrays: Vec<&dyn Array> = arrays.iter().map(|array| &**array).collect();
    let same: Vec<bool> = chunks.iter().map(|chunk| chunk.is_same(nth)).collect();
    if !same.contains(&true) {
        return interleave(&arrays, places);
    }
    let row_of = |&(chunk, row): &(usize, usize)| (chunk, if same[chunk] { 0 } else { row });
    interleave(&arrays, &places.iter().map(row_of).collect::<Vec<_>>())
}

/// So many rows of a type that say nothing. Most columns say nothing most of the time: what stands for that is made
/// once.
fn nothing(data_type: &DataType, n_rows: usize) -> ArrayRef {
    static MADE: LazyLock<Vec<(DataType, ArrayRef)>> = LazyLock::new(|| {
        let types = [Shape::Text, Shape::Integer, Shape::TextList, Shape::Time].map(arrow_type);
        let made = types.map(|of| {
            let array = new_null_array(&of, AT_HAND);
            (of, array)
        });
        made.into()
    });
    match MADE.iter().find(|(of, _)| of == data_type) {
        Some((_, array)) if n_rows <= AT_HAND => array.slice(0, n_rows),
        _ => new_null_array(data_type, n_rows),
    }
}
