//! An HTTP file server for audio, on any address: ranges, HEAD, content types, and the ways in which real servers misbehave.
//!
//! Files are served by tower-http's `ServeFile`; what is ours is the naming ([`MediaServer::add`] gives every file a URL of
//! its own, also when one file is added twice) and [`Conduct`]. Streaming: no file is read into memory.
use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

mod conduct;
mod serve;

pub use conduct::{Conduct, Gate, Hold};

/// What stays readable in a URL's path; everything else is percent-encoded.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// More requests than this are not remembered.
const LOG_LENGTH: usize = 10_000;

/// A request that the server has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// GET, HEAD, …
    pub method: String,
    /// The path as it came, percent-encoded.
    pub path: String,
    /// The Range header.
    pub range: Option<String>,
}

/// One added file.
#[derive(Debug, Clone)]
struct Entry {
    file: PathBuf,
    conduct: Conduct,
}

/// What the server's thread and its owner share.
#[derive(Debug, Default)]
struct Shared {
    entries: Mutex<HashMap<u64, Entry>>,
    seen: Mutex<Vec<Seen>>,
    root: Option<PathBuf>,
}

/// A panic elsewhere can't leave these maps half-written, so poisoning means nothing here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct MediaServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl MediaServer {
    /// Listens on `address` (port 0: any free one) in the calling thread's network namespace, and serves what lies under
    /// `root` (if given) and what is added.
    ///
    /// # Errors
    /// When the address can't be listened on.
    pub fn start(address: SocketAddr, root: Option<&Path>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { root: root.map(Path::to_path_buf), ..Shared::default() });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        // I/O is registered with the runtime here, so that a failure is reported to the caller.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("media-server".into())
            .spawn(move || runtime.block_on(serve::accept(listener, theirs, stopped)))?;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a file under the root, named relative to it.
    #[must_use]
    pub fn url_of(&self, relative: &str) -> String {
        let path: Vec<String> = relative.split('/').map(|part| utf8_percent_encode(part, PATH).to_string()).collect();
        format!("http://{}/root/{}", self.address, path.join("/"))
    }

    /// Serves `file` well; returns its URL. The file needn't exist: then the answer is 404.
    pub fn add(&self, file: &Path) -> String {
        self.add_with(file, Conduct::default())
    }

    /// Serves `file` in a certain manner; returns its URL.
    pub fn add_with(&self, file: &Path, conduct: Conduct) -> String {
        let mut entries = lock(&self.shared.entries);
        let id = entries.len() as u64;
        entries.insert(id, Entry { file: file.to_path_buf(), conduct });
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        let name = percent_encoding::percent_encode(name, PATH);
        format!("http://{}/file/{id}/{name}", self.address)
    }

    /// The requests that came so far (the first ten thousand), in order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }
}

impl Drop for MediaServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server's thread has been printed; the owner's test fails by what it didn't get.
            let _ = thread.join();
        }
    }
}

/// The MIME type that a media server would give a file, by its name.
#[must_use]
pub fn mime_of(file: &Path) -> Option<&'static str> {
    let extension = file.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "flac" => "audio/flac",
        "wav" | "wave" => "audio/wav",
        "aif" | "aiff" | "aifc" => "audio/aiff",
        "m4a" | "mp4" | "alac" => "audio/mp4",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" => "audio/ogg",
        "aac" => "audio/aac",
        "opus" => "audio/opus",
        "dsf" => "audio/x-dsf",
        "dff" => "audio/x-dff",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
