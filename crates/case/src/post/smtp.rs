//! A dialog with a mail server (RFC 5321): one letter at a time, so that of each it is known whether its text was on
//! the way. Replies are read within bounds and believed only as far as their three digits.

use super::message::Message;
use super::send::{Answer, Carrier};
use crate::Error;
use ambit_event::{Timestamp, printable};
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
/// Letters on one connection: many servers allow no more than a hundred.
const MOST_LETTERS: u32 = 100;

/// How the line is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cover {
    /// From the first byte.
    Tls,
    /// Asked for before anything else is said, and required.
    StartTls,
    /// Not at all.
    Plain,
}

/// Where the mail server is: `smtps://user@host`, `smtp://host` (STARTTLS required), `smtp-plain://host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    host: String,
    port: u16,
    user: Option<String>,
    cover: Cover,
}

impl SmtpUrl {
    /// Reads it as a person wrote it. A password is no part of it: it would stand in lists of processes.
    ///
    /// # Errors
    /// [`Error::Addresses`] says what is wrong.
    pub fn read(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| Error::Addresses {
            why: format!("`{}`: {why}", printable(text, 100)),
        };
        let form = "write smtps://USER@HOST, smtp://HOST:PORT or smtp-plain://HOST:PORT";
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong(form))?;
        let (cover, port) = match scheme {
            "smtps" => (Cover::Tls, 465),
            "smtp" => (Cover::StartTls, 587),
            "smtp-plain" => (Cover::Plain, 25),
            _ => return Err(wrong(form)),
        };
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) if !user.is_empty() => (Some(user), place),
            Some(_) => return Err(wrong(form)),
            None => (None, rest),
        };
        let place = place.trim_end_matches('/');
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') => (host, port.parse().map_err(|_| wrong(form))?),
            _ => (place, port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
        if host.is_empty() || !host.chars().all(plain) {
            return Err(wrong("there is no host"));
        }
        if user.is_some_and(|user| user.contains(':')) {
            return Err(wrong("a password does not stand here: set AMBIT_SMTP_PASSWORD"));
        }
        if user.is_some() && cover == Cover::Plain {
            return Err(wrong("a password is not sent over a line that is not encrypted"));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            user: user.map(str::to_owned),
            cover,
        })
    }

    #[must_use]
    pub const fn wants_password(&self) -> bool {
        self.user.is_some()
    }
}

impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "smtp {}:{}", self.host, self.port)
    }
}

/// Carries letters to a mail server.
pub struct Smtp {
    url: SmtpUrl,
    password: Option<String>,
    timeout: Duration,
    line: Option<Line>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the password.
        f.debug_struct("Smtp")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// A connection with its greeting behind it.
struct Line {
    stream: BufReader<Stream>,
    extensions: Vec<String>,
    n_letters: u32,
}

enum Stream {
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
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    fn is_fine(&self) -> bool {
        (200..400).contains(&self.code)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" / "))
    }
}

/// Reads one reply: lines that begin with the same three digits, the last of them without a hyphen.
fn read_reply(stream: &mut impl BufRead) -> io::Result<Reply> {
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
    fn say(&mut self, text: &str) -> io::Result<Reply> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{text}\r\n").as_bytes())?;
        stream.flush()?;
        read_reply(&mut self.stream)
    }

    /// As [`Line::say`], where anything but consent ends the dialog.
    fn ask(&mut self, text: &str, told: &str) -> io::Result<Reply> {
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

    fn can(&self, extension: &str) -> bool {
        let named = |line: &String| line.split(' ').next() == Some(extension);
        self.extensions.iter().any(named)
    }

    fn sign_in(&mut self, user: &str, password: &str) -> io::Result<()> {
        let ways = self.extensions.iter().find(|line| line.starts_with("AUTH"));
        let can = |way: &str| ways.is_some_and(|ways| ways.split([' ', '=']).any(|w| w == way));
        if can("PLAIN") {
            let secret = STANDARD.encode(format!("\0{user}\0{password}"));
            return self
                .ask(&format!("AUTH PLAIN {secret}"), "the server does not know us")
                .map(drop);
        }
        if can("LOGIN") {
            self.ask("AUTH LOGIN", "the server does not know us")?;
            self.ask(&STANDARD.encode(user), "the server does not know us")?;
            return self
                .ask(&STANDARD.encode(password), "the server does not know us")
                .map(drop);
        }
        Err(io::Error::other(
            "the server offers no way to sign in that is known here",
        ))
    }
}

impl Smtp {
    #[must_use]
    pub const fn new(url: SmtpUrl, password: Option<String>, timeout: Duration) -> Self {
        Self {
            url,
            password,
            timeout,
            line: None,
        }
    }

    fn connected(&self) -> io::Result<Line> {
        let tcp = self.tcp()?;
        let stream = match self.url.cover {
            Cover::Tls => self.covered(tcp)?,
            Cover::StartTls | Cover::Plain => Stream::Plain(tcp),
        };
        let mut line = Line {
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
        if self.url.cover == Cover::StartTls {
            line = self.cover(line)?;
        }
        if let Some(user) = &self.url.user {
            line.sign_in(user, self.password.as_deref().unwrap_or(""))?;
        }
        Ok(line)
    }

    fn tcp(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::other("the host has no address");
        for address in (self.url.host.as_str(), self.url.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(self.timeout))?;
                    stream.set_write_timeout(Some(self.timeout))?;
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
    fn cover(&self, mut line: Line) -> io::Result<Line> {
        if !line.can("STARTTLS") {
            return Err(io::Error::other(
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
            stream: BufReader::new(self.covered(tcp)?),
            extensions: Vec::new(),
            n_letters: 0,
        };
        line.hello()?;
        Ok(line)
    }

    fn covered(&self, tcp: TcpStream) -> io::Result<Stream> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(self.url.host.clone()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// The whole of one letter. An error means that nothing went: after the text began there are only answers.
    fn letter(&mut self, line: &mut Line, message: &Message, mail: &[u8]) -> io::Result<Answer> {
        let (from, to) = (message.from.email.to_string(), message.to.email.to_string());
        let is_ascii = from.is_ascii() && to.is_ascii();
        if !is_ascii && !line.can("SMTPUTF8") {
            return Ok(Answer::Refused {
                reply: "the server takes no addresses with letters beyond ASCII".to_owned(),
            });
        }
        let utf8 = if is_ascii { "" } else { " SMTPUTF8" };
        let reply = line.say(&format!("MAIL FROM:<{from}>{utf8}"))?;
        match reply.code {
            200..400 => {}
            // It is we who are refused, and not the person.
            500..600 => {
                return Err(io::Error::other(format!(
                    "the server does not take our address: {reply}"
                )));
            }
            _ => return refused(&reply),
        }
        for step in [format!("RCPT TO:<{to}>"), "DATA".to_owned()] {
            let reply = line.say(&step)?;
            if !reply.is_fine() {
                let answer = refused(&reply)?;
                line.ask("RSET", "the server does not forget the letter")?;
                return Ok(answer);
            }
        }
        Ok(text(line, mail))
    }
}

/// From here on the server may have the letter, whatever happens to the line.
fn text(line: &mut Line, mail: &[u8]) -> Answer {
    let stream = line.stream.get_mut();
    let written = stream
        .write_all(&stuffed(mail))
        .and_then(|()| stream.flush())
        .and_then(|()| read_reply(&mut line.stream));
    match written {
        Ok(reply) if (200..300).contains(&reply.code) => Answer::Taken {
            reply: reply.to_string(),
        },
        Ok(reply) if (400..500).contains(&reply.code) => Answer::Later {
            reply: reply.to_string(),
        },
        Ok(reply) if reply.code >= 500 => Answer::Refused {
            reply: reply.to_string(),
        },
        Ok(reply) => Answer::Lost {
            why: format!("the server said neither yes nor no: {reply}"),
        },
        Err(error) => Answer::Lost {
            why: format!("the line broke after the text: {error}"),
        },
    }
}

fn refused(reply: &Reply) -> io::Result<Answer> {
    match reply.code {
        // The server goes away; it says nothing of the letter.
        421 => Err(io::Error::other(format!("the server closes: {reply}"))),
        400..500 => Ok(Answer::Later {
            reply: reply.to_string(),
        }),
        _ => Ok(Answer::Refused {
            reply: reply.to_string(),
        }),
    }
}

/// A line that is one full stop would end the letter: lines that begin with one get another.
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

impl Carrier for Smtp {
    fn name(&self) -> String {
        self.url.to_string()
    }

    fn carry(&mut self, message: &Message, at: Timestamp) -> Answer {
        let unreached = |error: &dyn fmt::Display| Answer::Unreached {
            why: printable(&error.to_string(), 400),
        };
        let mail = match message.mail(at) {
            Ok(mail) => mail,
            Err(error) => {
                return Answer::Refused {
                    reply: error.to_string(),
                };
            }
        };
        let line = match self.line.take() {
            Some(line) if line.n_letters < MOST_LETTERS => Ok(line),
            Some(mut line) => {
                // Whatever it answers: the letters on it are settled.
                let _ = line.say("QUIT");
                self.connected()
            }
            None => self.connected(),
        };
        let mut line = match line {
            Ok(line) => line,
            Err(error) => return unreached(&error),
        };
        match self.letter(&mut line, message, &mail) {
            Ok(answer) => {
                line.n_letters += 1;
                if !matches!(answer, Answer::Lost { .. }) {
                    self.line = Some(line);
                }
                answer
            }
            Err(error) => unreached(&error),
        }
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        if let Some(mut line) = self.line.take() {
            let _ = line.say("QUIT");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_passwords_do_not_stand_in_them() {
        for (text, shown) in [
            ("smtps://mail.example", "smtp mail.example:465"),
            ("smtp://ann@b.example@mail.example", "smtp mail.example:587"),
            ("smtp-plain://127.0.0.1:2525", "smtp 127.0.0.1:2525"),
            ("smtp-plain://[::1]:2525", "smtp ::1:2525"),
        ] {
            assert_eq!(SmtpUrl::read(text).unwrap().to_string(), shown);
        }
        for text in [
            "mail.example",
            "http://mail.example",
            "smtp://ann:secret@mail.example",
            "smtp-plain://ann@mail.example",
            "smtps://mail.example:x",
            "smtps://mail\r\n.example",
            "smtps://",
        ] {
            assert!(SmtpUrl::read(text).is_err(), "{text}");
        }
    }

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

    #[test]
    fn a_full_stop_does_not_end_a_letter() {
        assert_eq!(stuffed(b"a\r\n.\r\n..b\r\n"), b"a\r\n..\r\n...b\r\n.\r\n");
        assert_eq!(stuffed(b"a"), b"a\r\n.\r\n");
    }
}
