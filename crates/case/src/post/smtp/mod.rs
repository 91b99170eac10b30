//! A dialog with a mail server (RFC 5321): one letter at a time, so that of each it is known whether its text was on
//! the way. Replies are read within bounds and believed only as far as their three digits.

mod line;
mod url;

pub use url::SmtpUrl;

use super::message::Message;
use super::send::{Answer, Carrier};
use ambit_event::{Timestamp, printable};
use line::{Line, Reply, read_reply};
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

/// Letters on one connection: many servers allow no more than a hundred.
const MOST_LETTERS: u32 = 100;

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

    fn connect(&self) -> io::Result<Line> {
        Line::open(&self.url, self.password.as_deref(), self.timeout)
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

/// Why nothing went, and whether asking again may change it.
fn unreached(error: &io::Error) -> Answer {
    let why = printable(&error.to_string(), 400);
    match error.kind() {
        io::ErrorKind::PermissionDenied => Answer::Barred { why },
        _ => Answer::Unreached { why },
    }
}

impl Carrier for Smtp {
    fn name(&self) -> String {
        self.url.to_string()
    }

    fn carry(&mut self, message: &Message, at: Timestamp) -> Answer {
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
                self.connect()
            }
            None => self.connect(),
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
    fn a_full_stop_does_not_end_a_letter() {
        assert_eq!(stuffed(b"a\r\n.\r\n..b\r\n"), b"a\r\n..\r\n...b\r\n.\r\n");
        assert_eq!(stuffed(b"a"), b"a\r\n.\r\n");
    }
}
