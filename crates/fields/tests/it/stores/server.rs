//! Servers on loopback that give out the files of a directory: as plain HTTP, or as a bucket (S3, GCS).

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// What to answer instead of a file: the status, given the path and how often it was asked for before.
pub(crate) type Fault = dyn Fn(&str, usize) -> Option<u16> + Send + Sync;

/// A server; it ends with the test process.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    /// The name of the bucket, if this is one.
    bucket: Option<String>,
    ranges: bool,
    fault: Box<Fault>,
    /// Method and path of every request.
    log: Mutex<Vec<String>>,
}

struct Request {
    method: String,
    path: String,
    query: String,
    range: Option<String>,
}

struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Server {
    /// Files by plain HTTP.
    pub(crate) fn http(root: &Path) -> Self {
        Self::start(root, None, true, Box::new(|_, _| None))
    }

    /// Files by plain HTTP from a server that always sends whole files.
    pub(crate) fn without_ranges(root: &Path) -> Self {
        Self::start(root, None, false, Box::new(|_, _| None))
    }

    /// Files by plain HTTP, with faults.
    pub(crate) fn faulty(
        root: &Path,
        fault: impl Fn(&str, usize) -> Option<u16> + Send + Sync + 'static,
    ) -> Self {
        Self::start(root, None, true, Box::new(fault))
    }

    /// Files as objects of a bucket, as S3 and GCS (XML API) serve them.
    pub(crate) fn bucket(root: &Path, name: &str) -> Self {
        Self::start(root, Some(name.to_owned()), true, Box::new(|_, _| None))
    }

    fn start(root: &Path, bucket: Option<String>, ranges: bool, fault: Box<Fault>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            bucket,
            ranges,
            fault,
            log: Mutex::new(Vec::new()),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                thread::spawn(move || serve(&shared, stream));
            }
        });
        Self { address, shared }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Method and path of every request so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.shared.log.lock().unwrap().clone()
    }
}

/// Answers the requests of one connection, one after another.
fn serve(shared: &Shared, stream: TcpStream) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let answer = answer(shared, &request);
        let head = format!(
            "HTTP/1.1 {} Status\r\nContent-Length: {}\r\nETag: \"1\"\r\nLast-Modified: Wed, 01 Jan 2020 00:00:00 GMT\r\n{}\r\n",
            answer.status,
            answer.body.len(),
            answer.headers
        );
        let body: &[u8] = if request.method == "HEAD" {
            &[]
        } else {
            &answer.body
        };
        if writer.write_all(head.as_bytes()).is_err() || writer.write_all(body).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&n| n > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut range = None;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|&n| n > 0)?;
        match header.trim().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                range = Some(value.to_owned());
            }
            Some(_) => {}
            None => break,
        }
    }
    let (path, query) = (decode(path), decode(query));
    Some(Request {
        method,
        path,
        query,
        range,
    })
}

/// Percent signs and plus signs decoded.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [a, b, after @ ..]) => {
                let digits = [*a, *b];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest = after;
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn answer(shared: &Shared, request: &Request) -> Answer {
    let entry = format!("{} {}", request.method, request.path);
    let n_before = {
        let mut log = shared.log.lock().unwrap();
        let n_before = log.iter().filter(|known| **known == entry).count();
        log.push(entry);
        n_before
    };
    if let Some(status) = (shared.fault)(&request.path, n_before) {
        return plain(status, format!("<Error>fault {status}</Error>"));
    }
    let mut key = request.path.trim_start_matches('/').to_owned();
    if let Some(bucket) = &shared.bucket {
        match key
            .strip_prefix(bucket.as_str())
            .map(|key| key.trim_start_matches('/').to_owned())
        {
            Some(rest) if rest.is_empty() && request.query.contains("list-type=2") => {
                return list(shared, &request.query);
            }
            Some(rest) => key = rest,
            None => return plain(404, "<Error><Code>NoSuchBucket</Code></Error>".to_owned()),
        }
    }
    match std::fs::read(shared.root.join(&key)) {
        Ok(bytes) => file(shared, request, bytes),
        Err(_) => plain(404, "<Error><Code>NoSuchKey</Code></Error>".to_owned()),
    }
}

fn plain(status: u16, body: String) -> Answer {
    Answer {
        status,
        headers: String::new(),
        body: body.into_bytes(),
    }
}

/// A file or the range of it that is asked for.
fn file(shared: &Shared, request: &Request, bytes: Vec<u8>) -> Answer {
    let range = request.range.as_deref().filter(|_| shared.ranges);
    let Some(range) = range.and_then(|range| range.strip_prefix("bytes=")) else {
        return Answer {
            status: 200,
            headers: String::new(),
            body: bytes,
        };
    };
    let length = bytes.len();
    let (start, end) = match range.split_once('-').unwrap() {
        ("", last) => (length - last.parse::<usize>().unwrap().min(length), length),
        (start, "") => (start.parse().unwrap(), length),
        (start, end) => (
            start.parse().unwrap(),
            (end.parse::<usize>().unwrap() + 1).min(length),
        ),
    };
    Answer {
        status: 206,
        headers: format!("Content-Range: bytes {start}-{}/{length}\r\n", end - 1),
        body: bytes[start..end].to_vec(),
    }
}

/// What is directly below a prefix, in the XML of S3's ListObjectsV2.
fn list(shared: &Shared, query: &str) -> Answer {
    let prefix = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("prefix="))
        .unwrap_or("");
    let mut xml = "<?xml version=\"1.0\"?><ListBucketResult>".to_owned();
    for entry in std::fs::read_dir(shared.root.join(prefix))
        .into_iter()
        .flatten()
    {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        xml += &match entry.path().is_dir() {
            true => format!("<CommonPrefixes><Prefix>{name}/</Prefix></CommonPrefixes>"),
            false => format!(
                "<Contents><Key>{name}</Key><Size>{}</Size><ETag>1</ETag><LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>",
                entry.metadata().unwrap().len()
            ),
        };
    }
    xml += "</ListBucketResult>";
    plain(200, xml)
}
