//! Which strips of which files can hold a value that is looked up, told before the engine opens any of them.
//!
//! Every row group carries indexes of the columns that look-ups name. To plan and open a file takes the engine a hundred
//! times as long as the question itself: a look-up in all history would grow with all history. Where anything here
//! cannot be read, the answer is *it can*, and the engine tells what is wrong.

use super::chunks::Chunks;
use super::file::{Entry, indexes_of};
use super::schema::looked_up;
use super::strips::{Places, Strips, hash_of};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datafusion::parquet::file::metadata::PageIndexPolicy;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What the footers of files may take in memory, by a rough count.
const FOOTERS: usize = 64 << 20;

/// Where the indexes of the files lie, as far as they were asked for.
#[derive(Debug)]
pub(super) struct Lookups {
    table: PathBuf,
    known: Mutex<HashMap<String, Arc<Vec<RowGroup>>>>,
    footers: Mutex<Footers>,
}

/// The footers of files that were read without the engine.
#[derive(Debug, Default)]
struct Footers {
    of_file: HashMap<String, Arc<ArrowReaderMetadata>>,
    n_bytes: usize,
}

/// A row group with the indexes of its columns.
#[derive(Debug)]
pub(super) struct RowGroup {
    pub n_rows: usize,
    pub indexes: Places,
}

/// A file that can hold what is asked for.
pub(super) struct Kept<'e> {
    pub entry: &'e Arc<Entry>,
    /// For each of its row groups the rows, and which strips of them can; `None` where all can.
    pub row_groups: Option<Vec<(usize, Strips)>>,
}

impl Lookups {
    pub fn new(table: PathBuf) -> Self {
        Self {
            table,
            known: Mutex::default(),
            footers: Mutex::default(),
        }
    }

    /// Where a file lies.
    pub fn path(&self, entry: &Entry) -> PathBuf {
        self.table.join(&entry.path)
    }

    /// What the footer of a file says, with the places of its pages; `None` where it cannot be read.
    pub fn footer(&self, entry: &Entry, file: &Chunks) -> Option<Arc<ArrowReaderMetadata>> {
        if let Some(known) = self.footers().of_file.get(&entry.path) {
            return Some(known.clone());
        }
        let footer = Arc::new(footer_of(file)?);
        let mut footers = self.footers();
        footers.n_bytes += footer.metadata().memory_size();
        if footers.n_bytes > FOOTERS {
            *footers = Footers {
                n_bytes: footer.metadata().memory_size(),
                ..Footers::default()
            };
        }
        footers.of_file.insert(entry.path.clone(), footer.clone());
        Some(footer)
    }

    fn footers(&self) -> MutexGuard<'_, Footers> {
        self.footers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of these files the ones that can hold rows for which all filters hold, in their order.
    pub fn sift<'e>(&self, entries: Vec<&'e Arc<Entry>>, filters: &[Expr]) -> Vec<Kept<'e>> {
        let needs = Needs::All(filters.iter().map(Needs::of).collect()).simple();
        self.keep(entries, &needs)
    }

    /// Of these files the ones that can hold what is needed, in their order.
    pub fn keep<'e>(&self, entries: Vec<&'e Arc<Entry>>, needs: &Needs) -> Vec<Kept<'e>> {
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
                .map(|entries| scope.spawn(|| self.keep_some(entries, needs)))
                .collect();
            let sifted = asked.into_iter().flat_map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            sifted.collect()
        })
    }

    fn keep_some<'e>(&self, entries: &[&'e Arc<Entry>], needs: &Needs) -> Vec<Kept<'e>> {
        let kept = entries.iter().filter_map(|&entry| {
            let row_groups = self.admitting(entry, needs);
            let can =
                |groups: &Vec<(usize, Strips)>| groups.iter().any(|(_, strips)| *strips != Strips::NONE);
            let can = row_groups.as_ref().is_none_or(can);
            can.then_some(Kept { entry, row_groups })
        });
        kept.collect()
    }

    /// For each row group of a file the strips that can hold what is needed; `None` where that cannot be told.
    fn admitting(&self, entry: &Entry, needs: &Needs) -> Option<Vec<(usize, Strips)>> {
        let mut file = File::open(self.table.join(&entry.path)).ok()?;
        let row_groups = self.row_groups(entry, &file)?;
        let admitting = row_groups.iter().map(|group| {
            let mut indexes = Indexes {
                file: &mut file,
                group,
            };
            (group.n_rows, needs.admitting(&mut indexes))
        });
        Some(admitting.collect())
    }

    fn row_groups(&self, entry: &Entry, file: &File) -> Option<Arc<Vec<RowGroup>>> {
        let known = |this: &Self| {
            let known = this.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.get(&entry.path).cloned()
        };
        if let Some(row_groups) = known(self) {
            return Some(row_groups);
        }
        let row_groups = Arc::new(indexes_of(file)?);
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(entry.path.clone(), row_groups.clone());
        Some(row_groups)
    }
}

/// What the footer of a file says, with the places of its pages; `None` where it cannot be read.
pub(super) fn footer_of(file: &Chunks) -> Option<ArrowReaderMetadata> {
    let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Required);
    ArrowReaderMetadata::load(file, options).ok()
}

/// What a row must hold to be among the answer, as far as indexes can tell.
#[derive(Debug, PartialEq)]
pub(super) enum Needs {
    Anything,
    /// A value of one of these hashes in the column.
    OneOf(&'static str, Vec<u64>),
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
        let hashes = values.into_iter().map(|value| text(value.as_ref()).map(hash_of));
        match (name, hashes.collect()) {
            (Some(name), Some(hashes)) => Self::OneOf(name, hashes),
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

    fn admitting(&self, indexes: &mut Indexes<'_>) -> Strips {
        match self {
            Self::Anything => Strips::ALL,
            Self::OneOf(column, hashes) => indexes.find(column, hashes).unwrap_or(Strips::ALL),
            Self::All(parts) => parts.iter().fold(Strips::ALL, |all, part| match all {
                Strips::NONE => all,
                some => some.and(part.admitting(indexes)),
            }),
            Self::Any(parts) => parts
                .iter()
                .fold(Strips::NONE, |any, part| any.or(part.admitting(indexes))),
        }
    }
}

/// Does each of the tasks, on all cores; `None` where one of them cannot be done.
pub(super) fn spread<T: Sync>(tasks: &[T], work: impl Fn(&T) -> Option<()> + Sync) -> Option<()> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work_on = || {
        while !failed.load(Ordering::Relaxed)
            && let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed))
        {
            // What a file that was damaged makes a decoder do is no end of the program.
            let done = catch_unwind(AssertUnwindSafe(|| work(task)));
            if done.ok().flatten().is_none() {
                failed.store(true, Ordering::Relaxed);
            }
        }
    };
    let n_threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 1..n_threads.min(tasks.len()) {
            scope.spawn(work_on);
        }
        work_on();
    });
    (!failed.into_inner()).then_some(())
}

fn text(value: &Expr) -> Option<&str> {
    match value {
        Expr::Literal(
            ScalarValue::Utf8View(Some(text))
            | ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text)),
            _,
        ) => Some(text),
        _ => None,
    }
}

/// The indexes of one row group.
struct Indexes<'f> {
    file: &'f mut File,
    group: &'f RowGroup,
}

impl Indexes<'_> {
    /// The strips in which one of the values can be in the column; `None` where that cannot be told.
    fn find(&mut self, column: &str, hashes: &[u64]) -> Option<Strips> {
        let Some(place) = self.group.indexes.get(column)? else {
            return Some(Strips::NONE);
        };
        let file = &mut *self.file;
        place.find(hashes, &mut |offset, length| {
            let mut bytes = vec![0; length];
            file.seek(SeekFrom::Start(offset)).ok()?;
            file.read_exact(&mut bytes).ok()?;
            Some(bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::logical_expr::{ident, lit};

    #[test]
    fn only_what_every_row_of_the_answer_holds_is_needed() {
        let device = || ident("src_endpoint_uid").eq(lit("d1"));
        let needed = Needs::OneOf("src_endpoint_uid", vec![hash_of("d1")]);
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
}
