//! Objects of buckets that speak S3; the only caller of `object_store`.
//!
//! Calls block, as those of a file system do, whatever runtime the caller is on: each bucket has a
//! thread of its own. What fails for a moment (no connection, 5xx, a dropped body) is tried again by
//! `object_store`, seven times within a minute; what fails for good is told in words.
mod access;
mod credentials;
mod error;
mod url;

use std::{
    io::{self, Read},
    path::Path as FilePath,
    sync::{Arc, mpsc},
    time::Duration,
};

use object_store::{
    BackoffConfig, Error as StoreError, GetOptions, GetRange, ObjectMeta, ObjectStore as _,
    ObjectStoreExt as _, PutPayload, Result as StoreResult, RetryConfig,
    aws::AmazonS3,
    list::{PaginatedListOptions, PaginatedListStore as _},
    path::{Error as PathError, Path},
};
use tokio::runtime::Runtime;

pub use access::Access;
pub use error::{Fault, ObjectError};
pub use url::{BucketUrl, is_url};

/// A request that failed for a moment is made so many times more.
const RETRIES: usize = 7;

/// After so many seconds it is not made again.
const RETRY_SECONDS: u64 = 60;

/// So many bytes of an object are in memory at a time.
const PIECE_BYTES: u64 = 4 * 1024 * 1024;

/// Files are uploaded in pieces of so many bytes; S3 takes none under 5 MiB but the last.
const UPLOAD_BYTES: u64 = 8 * 1024 * 1024;

/// Keys to a page of a listing: S3 gives no more.
const PAGE_KEYS: usize = 1_000;

/// So many objects under a prefix are listed: some 50 MiB of names.
pub const MAX_OBJECTS: usize = 200_000;

/// Each key that cannot be spelled in a request costs some twenty requests to get past.
const MAX_UNREADABLE: usize = 100;

/// An object that is larger is no file of signals, in bytes, as it lies in the bucket.
pub const MAX_OBJECT_BYTES: u64 = 64 * 1024 * 1024 * 1024;

/// A bucket, ready to be asked.
#[derive(Clone, Debug)]
pub struct Bucket {
    name: String,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: AmazonS3,
    /// Taken when the bucket is dropped.
    runtime: Option<Runtime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Not waited for: the last one to drop a bucket may be on a runtime itself.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An object as it was when it was listed; it is read only as long as it is the same.
#[derive(Clone, Debug)]
pub struct Object {
    bucket: Bucket,
    /// Its key.
    pub key: String,
    /// Its size.
    pub n_bytes: u64,
    /// When it was written, in microseconds since 1970.
    pub modified_us: i64,
    /// What stands for its content.
    pub etag: Option<String>,
}

/// What lies under a prefix.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The objects, by key.
    pub objects: Vec<Object>,
    /// Keys that cannot be spelled in a request: empty, `.` or `..` segments, control characters.
    pub unreadable: Vec<String>,
}

impl Bucket {
    /// The bucket of an address. Nothing is asked of it yet.
    ///
    /// # Errors
    /// Where the environment says something that means nothing.
    pub fn open(url: &BucketUrl, access: &Access) -> Result<Self, ObjectError> {
        let refused = |what: String| ObjectError::Access { bucket: url.bucket.clone(), what };
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES,
            retry_timeout: Duration::from_secs(RETRY_SECONDS),
        };
        let builder = access.builder().map_err(refused)?;
        let builder = builder.with_bucket_name(&url.bucket).with_retry(retry);
        let store =
            credentials::told(builder).map_err(|err| refused(error::one_line(&err.to_string())))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("objects")
            .enable_all()
            .build()
            .map_err(|err| refused(err.to_string()))?;
        let inner = Arc::new(Inner { store, runtime: Some(runtime) });
        Ok(Self { name: url.bucket.clone(), inner })
    }

    /// What lies under a prefix, which ends in a slash or is empty.
    ///
    /// # Errors
    /// Where the bucket cannot be asked, or holds too much.
    pub fn list(&self, prefix: &str) -> Result<Listing, ObjectError> {
        let mut res = Listing::default();
        let (mut token, mut after, mut max_keys) = (None::<String>, None::<String>, PAGE_KEYS);
        loop {
            let options = PaginatedListOptions {
                offset: after.clone(),
                page_token: token.clone(),
                max_keys: Some(max_keys),
                ..PaginatedListOptions::default()
            };
            let (inner, below) = (Arc::clone(&self.inner), prefix.to_owned());
            let page = self.wait(async move {
                let prefix = (!below.is_empty()).then_some(below.as_str());
                inner.store.list_paginated(prefix, options).await
            });
            match page {
                Ok(page) => {
                    res.objects.extend(page.result.objects.into_iter().map(|it| self.object(it)));
                    if res.objects.len() > MAX_OBJECTS {
                        return Err(self.fault("list", prefix, Fault::TooMany));
                    }
                    token = page.page_token;
                    (after, max_keys) = (None, PAGE_KEYS);
                    if token.is_none() {
                        break;
                    }
                }
                // One key that cannot be spelled hides its page: ask for less until it stands alone.
                Err(StoreError::InvalidPath { source }) => {
                    let key = match source {
                        PathError::EmptySegment { path } | PathError::BadSegment { path, .. } => {
                            path
                        }
                        other => return Err(self.failed("list", prefix, &other.into())),
                    };
                    if max_keys > 1 {
                        max_keys /= 2;
                        continue;
                    }
                    res.unreadable.push(key.clone());
                    if res.unreadable.len() > MAX_UNREADABLE {
                        return Err(self.fault("list", prefix, Fault::TooManyUnreadable));
                    }
                    (token, after, max_keys) = (None, Some(key), PAGE_KEYS);
                }
                Err(err) => return Err(self.failed("list", prefix, &err)),
            }
        }
        res.objects.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(res)
    }

    /// An object as it is now; `None` where there is none of that key.
    ///
    /// # Errors
    /// Where the bucket cannot be asked.
    pub fn look_at(&self, key: &str) -> Result<Option<Object>, ObjectError> {
        let (inner, path) = (Arc::clone(&self.inner), self.path("look at", key)?);
        match self.wait(async move { inner.store.head(&path).await }) {
            Ok(meta) => Ok(Some(self.object(meta))),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(err) => Err(self.failed("look at", key, &err)),
        }
    }

    /// Makes a file's content an object, whole or not at all.
    ///
    /// # Errors
    /// Where the file cannot be read or the bucket does not take it.
    #[expect(clippy::disallowed_types, reason = "an edge: it reads the file that is uploaded")]
    pub fn put_file(&self, key: &str, file: &FilePath) -> Result<(), ObjectError> {
        let unread = |source| ObjectError::File { path: file.to_owned(), source };
        let path = self.path("write", key)?;
        let mut content = std::fs::File::open(file).map_err(unread)?;
        let mut next = || {
            let mut piece = Vec::new();
            content.by_ref().take(UPLOAD_BYTES).read_to_end(&mut piece).map_err(unread)?;
            Ok(piece)
        };
        let failed = |err| self.failed("write", key, &err);
        let first = next()?;
        let inner = Arc::clone(&self.inner);
        if (first.len() as u64) < UPLOAD_BYTES {
            let put = async move { inner.store.put(&path, PutPayload::from(first)).await };
            return self.wait(put).map(|_| ()).map_err(failed);
        }
        let begun = self.wait(async move { inner.store.put_multipart(&path).await });
        let mut upload = begun.map_err(failed)?;
        let mut piece = first;
        let mut all = || {
            while !piece.is_empty() {
                let part = upload.put_part(PutPayload::from(std::mem::take(&mut piece)));
                self.wait(part).map_err(failed)?;
                piece = next()?;
            }
            Ok(())
        };
        let sent = all();
        let ended = self.wait(async move {
            if sent.is_err() {
                // Pieces that stay behind cost money and are seen by nobody.
                let _ = upload.abort().await;
                return Ok(sent);
            }
            upload.complete().await.map(|_| sent)
        });
        ended.map_err(failed)?
    }

    /// Copies an object within the bucket; whether it was there.
    ///
    /// # Errors
    /// Where the bucket does not do it.
    pub fn copy(&self, from: &str, to: &str) -> Result<bool, ObjectError> {
        let (inner, source) = (Arc::clone(&self.inner), self.path("copy", from)?);
        let target = self.path("copy", to)?;
        match self.wait(async move { inner.store.copy(&source, &target).await }) {
            Ok(()) => Ok(true),
            Err(err) if error::is_no_key(&err) => Ok(false),
            Err(err) => Err(self.failed("copy", from, &err)),
        }
    }

    /// Deletes an object; that it is gone already is as good.
    ///
    /// # Errors
    /// Where the bucket does not do it.
    pub fn remove(&self, key: &str) -> Result<(), ObjectError> {
        let (inner, path) = (Arc::clone(&self.inner), self.path("delete", key)?);
        match self.wait(async move { inner.store.delete(&path).await }) {
            Err(err) if !error::is_no_key(&err) => Err(self.failed("delete", key, &err)),
            _ => Ok(()),
        }
    }

    /// The address of a key, safe to show.
    pub fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    fn object(&self, meta: ObjectMeta) -> Object {
        Object {
            bucket: self.clone(),
            key: meta.location.into(),
            n_bytes: meta.size,
            modified_us: meta.last_modified.timestamp_micros(),
            etag: meta.e_tag,
        }
    }

    fn path(&self, act: &'static str, key: &str) -> Result<Path, ObjectError> {
        Path::parse(key).map_err(|_| self.fault(act, key, Fault::Unspeakable))
    }

    fn fault(&self, act: &'static str, key: &str, fault: Fault) -> ObjectError {
        ObjectError::Failed { act, url: self.url(key), fault, what: String::new() }
    }

    fn failed(&self, act: &'static str, key: &str, err: &StoreError) -> ObjectError {
        let (fault, what) = error::judged(err);
        ObjectError::Failed { act, url: self.url(key), fault, what }
    }

    /// Lets the bucket's own thread do something, and waits for it.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = StoreResult<T>> + Send + 'static,
    ) -> StoreResult<T> {
        let gone = || StoreError::Generic { store: "S3", source: "its thread is gone".into() };
        let (done, result) = mpsc::sync_channel(1);
        let runtime = self.inner.runtime.as_ref().ok_or_else(gone)?;
        runtime.spawn(async move { done.send(work.await) });
        result.recv().map_err(|_| gone())?
    }
}

impl Object {
    /// Its address.
    pub fn url(&self) -> String {
        self.bucket.url(&self.key)
    }

    /// The object as it is by now; `None` where it is gone.
    ///
    /// # Errors
    /// Where the bucket cannot be asked.
    pub fn as_now(&self) -> Result<Option<Self>, ObjectError> {
        self.bucket.look_at(&self.key)
    }

    /// Reads it from its beginning, a piece at a time.
    pub fn reader(&self) -> ObjectReader {
        ObjectReader { object: self.clone(), at: 0, piece: io::Cursor::new(Vec::new()) }
    }

    /// The bytes from `from` on, up to a piece of them.
    fn piece(&self, from: u64) -> Result<Vec<u8>, ObjectError> {
        if self.n_bytes > MAX_OBJECT_BYTES {
            return Err(self.bucket.fault("read", &self.key, Fault::TooLarge));
        }
        let to = self.n_bytes.min(from + PIECE_BYTES);
        let options = GetOptions {
            range: Some(GetRange::Bounded(from..to)),
            // Whoever overwrites it must not make a file of two halves.
            if_match: self.etag.clone(),
            ..GetOptions::default()
        };
        let path = self.bucket.path("read", &self.key)?;
        let inner = Arc::clone(&self.bucket.inner);
        let got = self.bucket.wait(async move {
            let got = inner.store.get_opts(&path, options).await?;
            got.bytes().await
        });
        let piece = Vec::from(got.map_err(|err| self.bucket.failed("read", &self.key, &err))?);
        if piece.len() as u64 != to - from {
            return Err(self.bucket.fault("read", &self.key, Fault::Short));
        }
        Ok(piece)
    }
}

/// An object's bytes.
#[derive(Debug)]
pub struct ObjectReader {
    object: Object,
    /// Where the next piece begins.
    at: u64,
    piece: io::Cursor<Vec<u8>>,
}

impl Read for ObjectReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.piece.position() == self.piece.get_ref().len() as u64 {
            if self.at >= self.object.n_bytes {
                return Ok(0);
            }
            let piece = self.object.piece(self.at).map_err(ObjectError::into_io)?;
            self.at += piece.len() as u64;
            self.piece = io::Cursor::new(piece);
        }
        self.piece.read(buf)
    }
}
