//! Which files and row groups can hold a value that is looked up, told before the engine opens any of them.
//!
//! Every row group carries bloom filters of the columns that look-ups name. The engine would ask them too, but only
//! after it has planned and opened each file, which takes a hundred times as long as the question itself: a look-up
//! in all history would grow with all history. Where anything here cannot be read, the answer is *it can*, and the
//! engine tells what is wrong.

use super::file::Entry;
use super::schema::BLOOMED;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::parquet::bloom_filter::Sbbf;
use datafusion::parquet::file::metadata::{ParquetMetaDataReader, RowGroupMetaData};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use twox_hash::XxHash64;

/// Bytes of one block of a filter; a value sets bits in one block alone (Parquet's split block bloom filter).
const BLOCK: usize = 32;
/// Of so many values each one's block is read alone; for more, the whole filter.
const FEW: usize = 8;

/// Where the filters of the files lie, as far as they were asked for.
#[derive(Debug)]
pub(super) struct Lookups {
    table: PathBuf,
    places: Mutex<HashMap<String, Arc<Vec<RowGroup>>>>,
}

/// The columns of a row group that have a filter, and where it lies in the file: offset and bytes.
#[derive(Debug)]
struct RowGroup(Vec<(&'static str, u64, usize)>);

/// A file that can hold what is asked for.
pub(super) struct Kept<'e> {
    pub entry: &'e Arc<Entry>,
    /// For each of its row groups whether that can; `None` where all can.
    pub row_groups: Option<Vec<bool>>,
}

impl Lookups {
    pub fn new(table: PathBuf) -> Self {
        Self {
            table,
            places: Mutex::default(),
        }
    }

    /// Of these files the ones that can hold rows for which all filters hold, in their order.
    pub fn sift<'e>(&self, entries: Vec<&'e Arc<Entry>>, filters: &[Expr]) -> Vec<Kept<'e>> {
        let needs = Needs::All(filters.iter().map(Needs::of).collect()).simple();
        if matches!(needs, Needs::Anything) {
            let all = entries.into_iter().map(|entry| Kept {
                entry,
                row_groups: None,
            });
            return all.collect();
        }
        let n_threads = thread::available_parallelism().map_or(1, NonZero::get);
        let share = entries.len().div_ceil(n_threads).max(1);
        thread::scope(|scope| {
            let shares = entries.chunks(share);
            let asked: Vec<_> = shares
                .map(|entries| scope.spawn(|| self.sift_some(entries, &needs)))
                .collect();
            let sifted = asked.into_iter().flat_map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            sifted.collect()
        })
    }

    fn sift_some<'e>(&self, entries: &[&'e Arc<Entry>], needs: &Needs) -> Vec<Kept<'e>> {
        let kept = entries.iter().filter_map(|&entry| {
            let row_groups = self.admitting(entry, needs);
            let can = row_groups.as_ref().is_none_or(|groups| groups.contains(&true));
            can.then_some(Kept { entry, row_groups })
        });
        kept.collect()
    }

    /// For each row group of a file whether it can hold what is needed; `None` where that cannot be told.
    fn admitting(&self, entry: &Entry, needs: &Needs) -> Option<Vec<bool>> {
        let mut file = File::open(self.table.join(&entry.path)).ok()?;
        let places = self.places(entry, &file)?;
        let admits = places.iter().map(|group| {
            needs.admits(&mut Filters {
                file: &mut file,
                group,
            })
        });
        Some(admits.collect())
    }

    fn places(&self, entry: &Entry, file: &File) -> Option<Arc<Vec<RowGroup>>> {
        let known = |this: &Self| {
            let places = this.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.get(&entry.path).cloned()
        };
        if let Some(places) = known(self) {
            return Some(places);
        }
        let footer = ParquetMetaDataReader::new().parse_and_finish(file).ok()?;
        let places: Arc<Vec<RowGroup>> = Arc::new(footer.row_groups().iter().map(RowGroup::of).collect());
        let mut all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(entry.path.clone(), places.clone());
        Some(places)
    }
}

impl RowGroup {
    fn of(metadata: &RowGroupMetaData) -> Self {
        let filters = metadata.columns().iter().filter_map(|column| {
            let path = column.column_path().string();
            let name = looked_up().find(|name| *name == path)?;
            let offset = u64::try_from(column.bloom_filter_offset()?).ok()?;
            let length = usize::try_from(column.bloom_filter_length()?).ok()?;
            Some((name, offset, length))
        });
        Self(filters.collect())
    }
}

/// The columns that have a filter.
fn looked_up() -> impl Iterator<Item = &'static str> {
    BLOOMED.iter().map(|column| column.name()).chain(["id"])
}

/// What a row must hold to be among the answer, as far as filters can tell.
#[derive(Debug, PartialEq)]
enum Needs {
    Anything,
    /// One of the values in the column.
    OneOf(&'static str, Vec<String>),
    All(Vec<Needs>),
    Any(Vec<Needs>),
}

impl Needs {
    fn of(filter: &Expr) -> Self {
        match filter {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::And,
                right,
            }) => Self::All(vec![Self::of(left), Self::of(right)]).simple(),
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Or,
                right,
            }) => Self::Any(vec![Self::of(left), Self::of(right)]).simple(),
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::Eq,
                right,
            }) => Self::one_of(left, std::slice::from_ref(right)),
            Expr::InList(InList {
                expr,
                list,
                negated: false,
            }) => Self::one_of(expr, list),
            _ => Self::Anything,
        }
    }

    fn one_of<'x, X: AsRef<Expr> + 'x>(column: &Expr, values: impl IntoIterator<Item = &'x X>) -> Self {
        let Expr::Column(column) = column else {
            return Self::Anything;
        };
        let name = looked_up().find(|name| *name == column.name);
        let texts: Option<Vec<String>> = values.into_iter().map(|value| text(value.as_ref())).collect();
        match (name, texts) {
            (Some(name), Some(texts)) => Self::OneOf(name, texts),
            _ => Self::Anything,
        }
    }

    /// Without the parts that tell nothing.
    fn simple(self) -> Self {
        match self {
            Self::All(mut parts) => {
                parts.retain(|part| *part != Self::Anything);
                if parts.is_empty() {
                    Self::Anything
                } else {
                    Self::All(parts)
                }
            }
            Self::Any(parts) if parts.contains(&Self::Anything) => Self::Anything,
            other => other,
        }
    }

    fn admits(&self, filters: &mut Filters<'_>) -> bool {
        match self {
            Self::Anything => true,
            Self::OneOf(column, values) => filters.can_hold(column, values).unwrap_or(true),
            Self::All(parts) => parts.iter().all(|part| part.admits(filters)),
            Self::Any(parts) => parts.iter().any(|part| part.admits(filters)),
        }
    }
}

fn text(value: &Expr) -> Option<String> {
    match value {
        Expr::Literal(
            ScalarValue::Utf8View(Some(text))
            | ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text)),
            _,
        ) => Some(text.clone()),
        _ => None,
    }
}

/// The filters of one row group.
struct Filters<'f> {
    file: &'f mut File,
    group: &'f RowGroup,
}

impl Filters<'_> {
    /// Whether one of the values can be in the column; `None` where that cannot be told.
    fn can_hold(&mut self, column: &str, values: &[String]) -> Option<bool> {
        let &(_, offset, length) = self.group.0.iter().find(|(name, ..)| *name == column)?;
        if values.len() > FEW {
            let filter = Sbbf::from_bytes(&self.read(offset, length)?).ok()?;
            return Some(values.iter().any(|value| filter.check(value.as_str())));
        }
        // A filter is a header of some twenty bytes and blocks, whose number is a power of two.
        let n_bytes = 1_usize << length.checked_ilog2()?;
        let blocks = offset + (length - n_bytes) as u64;
        for value in values {
            let hash = XxHash64::oneshot(0, value.as_bytes());
            let nth = ((hash >> 32) * (n_bytes / BLOCK) as u64) >> 32;
            let block = self.read(blocks + nth * BLOCK as u64, BLOCK)?;
            if Sbbf::new(&block).check(value.as_str()) {
                return Some(true);
            }
        }
        Some(false)
    }

    fn read(&mut self, offset: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.seek(SeekFrom::Start(offset)).ok()?;
        self.file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use datafusion::logical_expr::{ident, lit};

    #[test]
    fn only_what_every_row_of_the_answer_holds_is_needed() {
        let device = || ident("src_endpoint_uid").eq(lit("d1"));
        let needed = Needs::OneOf("src_endpoint_uid", vec!["d1".to_owned()]);
        let unknown = || ident("status_code").eq(lit("200"));
        assert_eq!(Needs::of(&device()), needed);
        assert_eq!(Needs::of(&device().or(unknown())), Needs::Anything);
        assert_eq!(Needs::of(&unknown()), Needs::Anything);
        assert_eq!(Needs::of(&device().is_not_true()), Needs::Anything);
        assert_eq!(
            Needs::of(&ident("id").in_list(vec![lit("x")], true)),
            Needs::Anything
        );
        assert_eq!(Needs::of(&device().and(unknown())), Needs::All(vec![needed]));
    }

    /// The reading of one block rests on how a filter lies in the file.
    #[test]
    fn a_block_alone_tells_what_the_whole_filter_tells() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("filter");
        for n_values in [1_u32, 60, 5000] {
            let mut filter = Sbbf::new_with_ndv_fpp(u64::from(n_values), 0.01).unwrap();
            (0..n_values).for_each(|n| filter.insert(n.to_string().as_str()));
            let mut bytes = b"before".to_vec();
            filter.write(&mut bytes).unwrap();
            std::fs::write(&path, &bytes).unwrap();
            let group = RowGroup(vec![("id", 6, bytes.len() - 6)]);
            let mut file = File::open(&path).unwrap();
            let mut filters = Filters {
                file: &mut file,
                group: &group,
            };
            for n in 0..n_values + 3000 {
                let value = n.to_string();
                let expected = filter.check(value.as_str());
                assert!(expected || n >= n_values);
                assert_eq!(filters.can_hold("id", &[value]), Some(expected));
            }
            let many: Vec<String> = (0..20).map(|n| format!("absent {n}")).collect();
            let expected = many.iter().any(|value| filter.check(value.as_str()));
            assert_eq!(filters.can_hold("id", &many), Some(expected));
            assert_eq!(filters.can_hold("trace_uid", &many), None);
        }
    }
}
