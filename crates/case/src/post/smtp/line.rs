//! A line to a mail server: how it is protected, what the server says on it, and who we say we are.

use super::url::{Cover, SmtpUrl};
use ambit_event::printable;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// The longest line of a reply; the standard has 512 bytes.
const LINE_BYTES: u64 = 4096;
/// Lines of one reply.
const MOST_LINES: usize = 100;

/// A connection with its greeting behind it.
pub(super) struct Line {
    pub stream: BufReader<Stream>,
    extensions: Vec<String>,
    pub n_letters: u32,
}

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub code: u16,
    lines: Vec<String>,
}

impl Reply {
    pub fn is_fine(&self) -> bool {
        (200..400).contains(&self.code)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" / "))
    }
}

/// Reads one reply: lines that begin with the same three digits, the last of them without a hyphen.
pub(super) fn read_reply(stream: &mut impl BufRead) -> io::Result<Reply> {
    let odd = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let mut reply = Reply {
        code: 0,
        lines: Vec::new(),
    };
    while reply.lines.len() < MOST_LINES {
        let mut line = Vec::new();
        stream.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up"));
        }
        if line.last() != Some(&b'\n') {
            return Err(odd("a line of the reply is too long or cut short"));
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        let code = text.get(..3).and_then(|digits| digits.parse::<u16>().ok());
        let code = code
            .filter(|code| (200..600).contains(code))
            .ok_or_else(|| odd("the reply has no code"))?;
        if reply.lines.is_empty() {
            reply.code = code;
        } else if reply.code != code {
            return Err(odd("the reply changes its code"));
        }
        let rest = text.get(3..).unwrap_or("");
        reply
            .lines
            .push(printable(rest.get(1..).unwrap_or("").trim(), 300));
        if !rest.starts_with('-') {
            return Ok(reply);
        }
    }
    Err(odd("the reply does not end"))
}

impl Line {
    /// Connected, greeted, covered and signed in as the url wants; nothing of a letter was said yet.
    pub fn open(url: &SmtpUrl, password: Option<&str>, timeout: Duration) -> io::Result<Self> {
        let tcp = tcp(url, timeout)?;
        let stream = match url.cover {
            Cover::Tls => covered(url, tcp)?,
            Cover::StartTls | Cover::Plain => Stream::Plain(tcp),
        };
        let mut line = Self {
            stream: BufReader::new(stream),
            extensions: Vec::new(),
            n_letters: 0,
        };
        let greeting = read_reply(&mut line.stream)?;
        if !greeting.is_fine() {
            return Err(io::Error::other(format!(
                "the server does not talk to us: {greeting}"
            )));
        }
        line.hello()?;
        if url.cover == Cover::StartTls {
            line = cover(url, line)?;
        }
        if let Some(user) = &url.user {
            line.sign_in(user, password.unwrap_or(""))?;
        }
        Ok(line)
    }

    pub fn say(&mut self, text: &str) -> io::Result<Reply> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{text}\r\n").as_bytes())?;
        stream.flush()?;
        read_reply(&mut self.stream)
    }

    /// As [`Line::say`], where anything but consent ends the dialog.
    pub fn ask(&mut self, text: &str, told: &str) -> io::Result<Reply> {
        let reply = self.say(text)?;
        match reply.is_fine() {
            true => Ok(reply),
            false => Err(io::Error::other(format!("{told}: {reply}"))),
        }
    }

    fn hello(&mut self) -> io::Result<()> {
        let reply = self.ask("EHLO [127.0.0.1]", "the server does not take our greeting")?;
        let words = reply.lines.iter().skip(1).map(|line| line.to_ascii_uppercase());
        self.extensions = words.collect();
        Ok(())
    }

    pub fn can(&self, extension: &str) -> bool {
        let named = |line: &String| line.split(' ').next() == Some(extension);
        self.extensions.iter().any(named)
    }

    fn sign_in(&mut self, user: &str, password: &str) -> io::Result<()> {
        let ways = self.extensions.iter().find(|line| line.starts_with("AUTH"));
        let can = |way: &str| ways.is_some_and(|ways| ways.split([' ', '=']).any(|w| w == way));
        if can("PLAIN") {
            let secret = STANDARD.encode(format!("\0{user}\0{password}"));
            return self.known(&format!("AUTH PLAIN {secret}"));
        }
        if can("LOGIN") {
            self.known("AUTH LOGIN")?;
            self.known(&STANDARD.encode(user))?;
            return self.known(&STANDARD.encode(password));
        }
        Err(barred("the server offers no way to sign in that is known here"))
    }

    /// One step of signing in. Refused once is enough: whoever tries again may lock the account.
    fn known(&mut self, step: &str) -> io::Result<()> {
        let reply = self.say(step)?;
        match reply.code {
            200..400 => Ok(()),
            500..600 => Err(barred(&format!("the server does not know us: {reply}"))),
            _ => Err(io::Error::other(format!(
                "the server does not let us in: {reply}"
            ))),
        }
    }
}

/// The first of the host's addresses that answers.
fn tcp(url: &SmtpUrl, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the host has no address");
    for address in (url.host.as_str(), url.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What was said before the line was covered could be anybody's: it is forgotten, and a server that said more than
/// it was asked is not believed.
fn cover(url: &SmtpUrl, mut line: Line) -> io::Result<Line> {
    if !line.can("STARTTLS") {
        return Err(barred(
            "the server offers no STARTTLS; smtp-plain:// goes without",
        ));
    }
    line.ask("STARTTLS", "the server does not begin TLS")?;
    if !line.stream.buffer().is_empty() {
        return Err(io::Error::other("somebody spoke between STARTTLS and TLS"));
    }
    let Stream::Plain(tcp) = line.stream.into_inner() else {
        return Err(io::Error::other("the line is covered already"));
    };
    let mut line = Line {
        stream: BufReader::new(covered(url, tcp)?),
        extensions: Vec::new(),
        n_letters: 0,
    };
    line.hello()?;
    Ok(line)
}

fn covered(url: &SmtpUrl, tcp: TcpStream) -> io::Result<Stream> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(url.host.clone()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, tcp);
    while stream.conn.is_handshaking() {
        stream
            .conn
            .complete_io(&mut stream.sock)
            .map_err(|error| trusted(url, error))?;
    }
    Ok(Stream::Tls(Box::new(stream)))
}

/// What asking again does not change.
fn barred(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.to_owned())
}

/// What went wrong before the line was covered, with what can be done where the server is not known.
fn trusted(url: &SmtpUrl, error: io::Error) -> io::Error {
    let is_certificate = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some_and(|inner| matches!(inner, rustls::Error::InvalidCertificate(_)));
    match is_certificate {
        true => barred(&format!(
            "the certificate of {} is not trusted ({error}): SSL_CERT_FILE names other roots",
            url.host
        )),
        false => io::Error::new(error.kind(), format!("TLS did not begin: {error}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_within_bounds() {
        let read = |text: &[u8]| read_reply(&mut io::BufReader::new(text));
        let reply = read(b"250-mail.example\r\n250-SIZE 100\r\n250 \x1b[2Jok\r\n").unwrap();
        assert_eq!(reply.to_string(), "250 mail.example / SIZE 100 / \\u{1b}[2Jok");
        assert_eq!(read(b"421\r\n").unwrap().code, 421);
        let long = [b"250 ".to_vec(), vec![b'x'; 1 << 20]].concat();
        let endless = b"250-more\r\n".repeat(10_000);
        for text in [
            &b""[..],
            b"hello\r\n",
            b"999 no\r\n",
            b"250-one\r\n550 other\r\n",
            b"250 cut",
            "25\u{663} x\r\n".as_bytes(),
            &long,
            &endless,
        ] {
            assert!(read(text).is_err(), "{:?}", text.get(..20.min(text.len())));
        }
    }
}
