//! The object store through which the table log is written: the local file system, with the fsync that
//! the usual one leaves out.

use super::fs::{Existing, make_folder, write_whole};
use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::fmt;
use std::io;
use std::path::Path as FilePath;

/// The local file system from its root; what is put is on disk when the call returns.
#[derive(Debug)]
pub(super) struct Durable {
    inner: LocalFileSystem,
}

impl Durable {
    pub fn new() -> Self {
        Self {
            inner: LocalFileSystem::new(),
        }
    }
}

impl fmt::Display for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("local file system, fsynced")
    }
}

#[async_trait]
impl ObjectStore for Durable {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let existing = match opts.mode {
            PutMode::Create => Existing::Refuse,
            PutMode::Overwrite => Existing::Replace,
            // Conditional updates are left to the store that can tell whether it can do them.
            PutMode::Update(_) => return self.inner.put_opts(location, payload, opts).await,
        };
        let path = self.inner.path_to_filesystem(location)?;
        let name = location.to_string();
        let put = tokio::task::spawn_blocking(move || put(&path, payload, existing)).await;
        put.map_err(|error| generic(error.into()))
            .and_then(|done| done.map_err(|cause| of_io(name, cause)))?;
        Ok(PutResult {
            e_tag: None,
            version: None,
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn put(path: &FilePath, payload: PutPayload, existing: Existing) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(io::Error::other)?;
    }
    let bytes: Vec<u8> = payload.iter().flat_map(|part| part.iter().copied()).collect();
    write_whole(path, &bytes, existing)
}

fn generic(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Generic {
        store: "local file system",
        source,
    }
}

fn of_io(path: String, cause: io::Error) -> Error {
    match cause.kind() {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists {
            path,
            source: cause.into(),
        },
        _ => generic(cause.into()),
    }
}
