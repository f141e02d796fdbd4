//! What servers do, and what a track makes of it.

mod common;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::encode::{flac, wav_of};
use common::material::{big_endian, signal, wav_with_sizes, wave_format};
use common::server::{Server, send};
use common::{assert_same, decode, decode_into};
use media::{Cancel, Error, Kind, Limits, Location, Track, Wants};

const RATE: u32 = 44_100;

fn open(url: &str) -> Result<Track, Error> {
    open_as(url, None)
}

fn open_as(url: &str, mime: Option<&str>) -> Result<Track, Error> {
    let location = Location { url: url.into(), mime: mime.map(Into::into), wants: Wants::default() };
    media::open(&location, &impatient(), &Cancel::new())
}

/// Short enough for a test, long enough for a loaded machine.
fn impatient() -> Limits {
    Limits { stall: Duration::from_millis(1500), give_up: Duration::from_secs(4), ..Limits::default() }
}

fn kind(result: Result<Track, Error>) -> Kind {
    result.expect_err("an error is expected").kind()
}

#[test]
fn plays_a_file() {
    let samples = signal(100_000, 2, 16);
    let server = Server::of_file(flac(&samples, 2, RATE, 16, &[]), "audio/flac");
    let mut track = open(&server.url("/a b.flac")).unwrap();
    assert!(track.info().seekable);
    assert_same(&decode(&mut track).unwrap(), &samples, "over HTTP");
    assert_eq!(server.requests()[0].path, "/a%20b.flac");
}

#[test]
fn t5_probing_takes_one_plain_request() {
    let samples = signal(300_000, 2, 24);
    let tag = [&b"ID3\x04\0\0\0\x10\0\0"[..], &vec![0; 16 << 14]].concat();
    let flac = flac(&samples, 2, RATE, 24, &[]);
    for file in [flac.clone(), wav_of(&samples, 2, RATE, 24), [tag, flac].concat()] {
        let server = Server::of_file(file, "application/octet-stream");
        let mut track = open(&server.url("/")).unwrap();
        assert_same(&decode(&mut track).unwrap(), &samples, "over HTTP");
        let requests = server.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].header("Range"), None);
    }
}

#[test]
fn t5_a_seek_closes_the_connection_before_it_opens_another() {
    let samples = signal(2_000_000, 2, 16);
    let server = Server::of_file(wav_of(&samples, 2, RATE, 16), "audio/wav");
    let mut track = open(&server.url("/")).unwrap();
    for frame in [1_900_000, 7, 1_000_000] {
        assert_eq!(track.seek(frame).unwrap(), frame);
        let block = track.read().unwrap().unwrap();
        let pcm::Samples::S16(planes) = block else { panic!("16 bits expected") };
        assert_eq!(i32::from(planes.iter().next().unwrap()[0]), samples[frame as usize * 2]);
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests[1..].iter().all(|request| request.header("If-Range") == Some("\"1\"")));
}

/// Each look at another place is a connection, and a listener waits for it.
#[test]
fn a_seek_in_a_compressed_file_takes_few_requests() {
    let samples = signal(4_000_000, 2, 16);
    for options in [&[][..], &["--no-seektable"], &["--ogg"]] {
        let server = Server::of_file(flac(&samples, 2, RATE, 16, options), "audio/flac");
        let mut track = open(&server.url("/")).unwrap();
        let mut before = 1;
        for frame in [2_000_000, 3_900_000, 100_000] {
            track.seek(frame).unwrap();
            let block = track.read().unwrap().unwrap();
            let pcm::Samples::S32(planes) = block else { panic!("FLAC gives 32 bits") };
            assert_eq!(planes.iter().next().unwrap()[0] >> 16, samples[frame as usize * 2]);
            let requests = server.requests().len();
            assert!(requests - before <= 6, "{options:?}: {} requests to seek to {frame}", requests - before);
            before = requests;
        }
    }
}

#[test]
fn t6_raw_pcm_by_its_media_type() {
    let samples = signal(10_001, 2, 16);
    let server = Server::of_file(big_endian(&samples, 2, 0), "audio/L16");
    let mut track = open(&server.url("/")).unwrap();
    assert_eq!((track.info().source.rate, track.info().source.channels), (44_100, 2));
    assert_same(&decode(&mut track).unwrap(), &samples, "L16");

    let samples = signal(10_001, 1, 24);
    let server = Server::of_file(big_endian(&samples, 3, 0), "application/octet-stream");
    let mut track = open_as(&server.url("/"), Some("audio/L24;rate=96000;channels=1")).unwrap();
    assert_eq!((track.info().source.rate, track.info().source.bits), (96_000, 24));
    assert_same(&decode(&mut track).unwrap(), &samples, "L24");
}

#[test]
fn t10_content_and_content_type_decide() {
    let samples = signal(1_000, 2, 16);
    let server = Server::of_file(wav_of(&samples, 2, RATE, 16), "audio/x-dsf");
    let mut track = open(&server.url("/music/a.dsf/$!transcode-44100.dsf")).unwrap();
    assert_eq!(track.info().container, "WAV");
    assert_same(&decode(&mut track).unwrap(), &samples, "transcoded");
}

#[test]
fn t15_without_a_length_closing_is_the_end() {
    let samples = signal(200_000, 2, 16);
    let data = common::material::little_endian(&samples, 2, 0);
    let format = wave_format(1, 2, RATE, 16, None);
    for (riff, size) in [(u32::MAX, u32::MAX), (0, 0), (36, 0), (0x7fff_ffff, 0x7fff_ffdb)] {
        let file = wav_with_sizes(&format, &data, riff, size);
        let server = Server::start(move |_, stream| {
            drop(stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: audio/wav\r\n\r\n"));
            drop(stream.write_all(&file));
        });
        let mut track = open(&server.url("/")).unwrap();
        assert_eq!((track.info().frames, track.info().seekable), (None, false));
        assert_same(&decode(&mut track).unwrap(), &samples, &format!("{size:#x}"));
    }
}

#[test]
fn t16_a_track_is_asked_for_once() {
    let samples = signal(50_000, 2, 16);
    let file = flac(&samples, 2, RATE, 16, &[]);
    let server = Server::start(move |request, stream| {
        if request.number == 0 {
            send(request, stream, &file, "audio/flac", usize::MAX);
        } else {
            drop(stream.write_all(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"));
        }
    });
    let mut track = open(&server.url("/")).unwrap();
    assert_same(&decode(&mut track).unwrap(), &samples, "one request");
    assert_eq!(server.requests().len(), 1);
}

/// Sends nothing more, and keeps the connection until the client closes it.
fn stall(stream: &TcpStream) {
    let mut scrap = [0; 64];
    while std::io::Read::read(&mut &*stream, &mut scrap).is_ok_and(|n| n > 0) {}
}

#[test]
fn t17_a_server_that_stalls_for_good_is_given_up() {
    let samples = signal(500_000, 2, 16);
    let file = wav_of(&samples, 2, RATE, 16);
    let server = Server::start(move |request, stream| {
        if request.number == 0 {
            send(request, stream, &file, "audio/wav", 1_000_000);
        }
        stall(stream);
    });
    let mut track = open(&server.url("/")).unwrap();
    let mut got = Vec::new();
    let error = decode_into(&mut track, &mut got).unwrap_err();
    assert_eq!(error.kind(), Kind::Stalled, "{error}");
    assert!(server.requests().len() > 1, "it was asked for the rest");
    assert_same(&got, &samples[..(1_000_000 - 44) / 2], "every frame that came");
}

/// Much longer than a test may take, but for a server that refuses.
fn patient(refused: Duration) -> Limits {
    let long = Duration::from_secs(300);
    Limits { stall: long, give_up: long, refused, ..Limits::default() }
}

fn open_with(url: &str, limits: &Limits) -> Track {
    media::open(&Location { url: url.into(), mime: None, wants: Wants::default() }, limits, &Cancel::new()).unwrap()
}

/// The samples that came, and how it ended.
type Heard = (Vec<i32>, Result<(), Error>);

/// A server that takes one request and dies: when the answer's first `limit` bytes come, nobody listens any more. Returns what
/// a reader made of it, and the address.
fn dying(file: &[u8], limit: usize, limits: Limits) -> (thread::JoinHandle<Heard>, SocketAddr) {
    let dead = Arc::new(AtomicBool::new(false));
    let (is_dead, file) = (Arc::clone(&dead), file.to_vec());
    let server = Server::start(move |request, stream| {
        while !is_dead.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(1));
        }
        send(request, stream, &file, "audio/wav", limit);
    });
    let (url, address) = (server.url("/"), server.address());
    let reader = thread::spawn(move || {
        let mut got = Vec::new();
        let end = decode_into(&mut open_with(&url, &limits), &mut got);
        (got, end)
    });
    while server.requests().is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    drop(server);
    dead.store(true, Ordering::Relaxed);
    (reader, address)
}

#[test]
fn t30_a_server_that_refuses_connections_is_given_up_soon() {
    let samples = signal(500_000, 2, 16);
    let since = Instant::now();
    let (reader, _) = dying(&wav_of(&samples, 2, RATE, 16), 1_000_000, patient(Duration::from_secs(1)));
    let (got, end) = reader.join().unwrap();
    let error = end.unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable, "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(since.elapsed() < Duration::from_secs(100), "it waited for the time-out instead");
    assert_same(&got, &samples[..(1_000_000 - 44) / 2], "every frame that came");
}

/// A server that gives a URL once only.
#[test]
fn t30_a_server_that_denies_the_rest_is_given_up_soon() {
    let samples = signal(500_000, 2, 16);
    let file = wav_of(&samples, 2, RATE, 16);
    for status in [403, 404, 410] {
        let file = file.clone();
        let server = Server::start(move |request, stream| {
            if request.number == 0 {
                send(request, stream, &file, "audio/wav", 1_000_000);
            } else {
                drop(write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n"));
            }
        });
        let since = Instant::now();
        let mut got = Vec::new();
        let mut track = open_with(&server.url("/"), &patient(Duration::from_millis(500)));
        let error = decode_into(&mut track, &mut got).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound, "{error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert!(since.elapsed() < Duration::from_secs(100), "it waited for the time-out instead");
        assert!(server.requests().len() > 2, "it was asked again");
        assert_same(&got, &samples[..(1_000_000 - 44) / 2], "every frame that came");
    }
}

/// Servers are restarted: for a second nobody listens.
#[test]
fn s1_a_server_that_starts_anew_is_resumed_at_the_byte() {
    let samples = signal(500_000, 2, 16);
    let file = wav_of(&samples, 2, RATE, 16);
    // On a loaded machine the second may take a while.
    let (reader, address) = dying(&file, 1_000_000, patient(Duration::from_secs(100)));
    thread::sleep(Duration::from_secs(1));
    let server = Server::start_at(address, move |request, stream| {
        send(request, stream, &file, "audio/wav", usize::MAX);
    });
    let (got, end) = reader.join().unwrap();
    end.unwrap();
    assert_same(&got, &samples, "resumed");
    assert_eq!(server.requests().first().and_then(common::server::Request::range_start), Some(1_000_000));
}

#[test]
fn a_seek_is_another_attempt() {
    let samples = signal(500_000, 2, 16);
    let file = wav_of(&samples, 2, RATE, 16);
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let server = Server::start(move |request, stream| {
        let limit = if is_well.load(Ordering::Relaxed) { usize::MAX } else { 500_000 };
        if request.number == 0 || limit == usize::MAX {
            send(request, stream, &file, "audio/wav", limit);
        }
        stall(stream);
    });
    let mut track = open(&server.url("/")).unwrap();
    assert_eq!(decode(&mut track).unwrap_err().kind(), Kind::Stalled);
    well.store(true, Ordering::Relaxed);
    track.seek(400_000).unwrap();
    assert_same(&decode(&mut track).unwrap(), &samples[800_000..], "after the second attempt");
}

#[test]
fn s1_a_connection_that_drops_or_stalls_is_resumed_at_the_byte() {
    let samples = signal(600_000, 2, 16);
    let file = flac(&samples, 2, RATE, 16, &[]);
    let server = Server::start(move |request, stream| {
        send(request, stream, &file, "audio/flac", if request.number < 3 { 300_000 } else { usize::MAX });
        if request.number == 1 {
            stall(stream);
        }
    });
    let before = media::traffic();
    let mut track = open(&server.url("/")).unwrap();
    assert_same(&decode(&mut track).unwrap(), &samples, "resumed");
    // Other tests have transfers, too.
    let after = media::traffic();
    assert!(after.bytes - before.bytes > 900_000 && after.broken - before.broken >= 3, "{before:?}, {after:?}");
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[3].range_start(), Some(900_000));
    assert_eq!(requests[3].header("If-Range"), Some("\"1\""));
}

#[test]
fn s1_a_resource_that_changed_is_not_spliced() {
    let file = wav_of(&signal(300_000, 2, 16), 2, RATE, 16);
    let server = Server::start(move |request, stream| {
        if request.number == 0 {
            send(request, stream, &file, "audio/wav", 500_000);
        } else {
            let head = format!("HTTP/1.1 200 OK\r\nETag: \"2\"\r\nContent-Length: {}\r\n\r\n", file.len());
            drop(stream.write_all(head.as_bytes()));
            drop(stream.write_all(&file));
        }
    });
    let mut track = open(&server.url("/")).unwrap();
    assert_eq!(decode(&mut track).unwrap_err().kind(), Kind::Truncated);
}

/// A server without Range requests sends everything again; what is known already is read over.
#[test]
fn s1_a_server_without_ranges_is_resumed_too() {
    let samples = signal(300_000, 2, 16);
    let file = wav_of(&samples, 2, RATE, 16);
    let server = Server::start(move |request, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len());
        drop(stream.write_all(head.as_bytes()));
        drop(stream.write_all(&file[..if request.number == 0 { 700_000 } else { file.len() }]));
    });
    let mut track = open(&server.url("/")).unwrap();
    assert!(!track.info().seekable);
    assert_eq!(track.seek(10).unwrap_err().kind(), Kind::NotSeekable);
    assert_same(&decode(&mut track).unwrap(), &samples, "resumed");
}

#[test]
fn s7_redirects_are_followed() {
    let samples = signal(1_000, 2, 16);
    let file = flac(&samples, 2, RATE, 16, &[]);
    let server = Server::start(move |request, stream| {
        if request.path == "/" {
            drop(stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"));
        } else {
            send(request, stream, &file, "audio/flac", usize::MAX);
        }
    });
    let mut track = open(&server.url("/")).unwrap();
    assert_same(&decode(&mut track).unwrap(), &samples, "redirected");
}

#[test]
fn cancel_ends_a_blocked_open_and_a_blocked_read() {
    let file = wav_of(&signal(300_000, 2, 16), 2, RATE, 16);
    let server = Server::start(move |request, stream| {
        if request.path == "/read" {
            send(request, stream, &file, "audio/wav", 500_000);
        }
        stall(stream);
    });
    for path in ["/open", "/read"] {
        let location = Location { url: server.url(path), mime: None, wants: Wants::default() };
        let cancel = Cancel::new();
        let theirs = cancel.clone();
        let (done, result) = mpsc::channel();
        thread::spawn(move || {
            let limits =
                Limits { stall: Duration::from_secs(300), give_up: Duration::from_secs(300), ..Limits::default() };
            let track = media::open(&location, &limits, &theirs);
            done.send(track.and_then(|mut track| decode(&mut track))).unwrap();
        });
        thread::sleep(Duration::from_millis(300));
        let since = Instant::now();
        cancel.cancel();
        let result = result.recv().unwrap();
        assert_eq!(result.unwrap_err().kind(), Kind::Cancelled, "{path}");
        assert!(since.elapsed() < Duration::from_secs(100), "it waited for the time-out instead");
    }
}

#[test]
fn errors_name_what_is_wrong() {
    let server = Server::start(|request, stream| {
        let answer = match request.path.as_str() {
            "/missing" => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "/page" => "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            "/empty" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "/loop" => "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n",
            _ => "SSH-2.0-OpenSSH\r\n",
        };
        drop(stream.write_all(answer.as_bytes()));
    });
    let missing = open(&server.url("/missing")).unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    assert!(missing.to_string().contains("/missing") && missing.to_string().contains("404"), "{missing}");
    assert_eq!(kind(open(&server.url("/page"))), Kind::NotAudio);
    assert_eq!(kind(open(&server.url("/empty"))), Kind::NotAudio);
    assert_eq!(kind(open(&server.url("/loop"))), Kind::Unreachable);
    assert_eq!(kind(open(&server.url("/ssh"))), Kind::Unreachable);
    assert_eq!(kind(open("http://127.0.0.1:1/")), Kind::Unreachable);
    assert_eq!(kind(open("http://name.invalid/")), Kind::Unreachable);
    assert_eq!(kind(open("file:///etc/passwd")), Kind::BadUrl);
    assert_eq!(kind(open("http://")), Kind::BadUrl);
    let tls = open(&server.url("/").replace("http:", "https:")).unwrap_err();
    assert_eq!(tls.kind(), Kind::Unreachable, "{tls}");
}
