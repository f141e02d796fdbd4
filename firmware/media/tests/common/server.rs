//! A tiny HTTP server on loopback that behaves as badly as a test wants.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// What came in.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its number on this server, from 0.
    pub number: usize,
    pub path: String,
    pub headers: Vec<(String, String)>,
    /// Connections that were open when it came, its own included.
    pub open_connections: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The first byte of a Range request.
    pub fn range_start(&self) -> Option<usize> {
        self.header("Range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }
}

/// Runs until it is dropped.
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Calls `answer` for each request, in a thread each; the connection is closed when it returns.
    pub fn start(answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    fn listen(listener: TcpListener, answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, stopped) = (Arc::clone(&requests), Arc::clone(&stop));
        let answer = Arc::new(answer);
        let open = Arc::new(AtomicUsize::new(0));
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (seen, answer, open) = (Arc::clone(&seen), Arc::clone(&answer), Arc::clone(&open));
                thread::spawn(move || {
                    let open_connections = open.fetch_add(1, Ordering::SeqCst) + 1;
                    serve(stream, &seen, open_connections, &*answer);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, requests, stop, thread: Some(thread) }
    }

    /// A server that does everything right.
    pub fn of_file(bytes: Vec<u8>, content_type: &'static str) -> Self {
        Self::start(move |request, stream| send(request, stream, &bytes, content_type, bytes.len()))
    }

    /// As [`Server::start`], at an address where a server was before.
    pub fn start_at(address: SocketAddr, answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind(address).unwrap(), answer)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Request>>,
    open_connections: usize,
    answer: &dyn Fn(&Request, &mut TcpStream),
) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(path) = lines.next().and_then(|line| line.split(' ').nth(1).map(str::to_owned)) else { return };
    let headers = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned())))
        .collect();
    let request = {
        let mut seen = seen.lock().unwrap();
        let request = Request { number: seen.len(), path, headers, open_connections };
        seen.push(request.clone());
        request
    };
    answer(&request, &mut stream);
    drop(stream.shutdown(Shutdown::Both));
}

/// Answers with the file, or the range of it that was asked for; breaks off after `limit` bytes of body.
pub fn send(request: &Request, stream: &mut TcpStream, bytes: &[u8], content_type: &str, limit: usize) {
    let start = request.range_start().unwrap_or(0);
    let status = if request.range_start().is_some() { "206 Partial Content" } else { "200 OK" };
    let body = bytes.get(start..).unwrap_or_default();
    let mut head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nAccept-Ranges: bytes\r\nETag: \"1\"\r\n",
        body.len()
    );
    if request.range_start().is_some() {
        head += &format!("Content-Range: bytes {start}-{}/{}\r\n", bytes.len() - 1, bytes.len());
    }
    // The client may be gone already.
    drop(stream.write_all(format!("{head}\r\n").as_bytes()));
    drop(stream.write_all(&body[..limit.min(body.len())]));
}
