//! Letters to a service of the organisation's own: one POST a letter, with a key by which the service can tell a
//! repetition.

use ambit_case::{Answer, Carrier, Message};
use ambit_event::{Timestamp, printable};
use anyhow::{Context, Result, ensure};
use reqwest::{Client, StatusCode, Url, redirect::Policy};
use serde_json::json;
use std::time::Duration;
use tokio::runtime::Handle;

/// Bytes of a reply that are read; the rest is not of interest.
const REPLY_BYTES: usize = 4096;

/// Carries letters to an address of the web.
pub struct Webhook {
    url: Url,
    token: Option<String>,
    client: Client,
    runtime: Handle,
    case: String,
    mailing: String,
}

impl Webhook {
    /// # Errors
    /// Where the address is none, or leads over a line that is not encrypted to another machine.
    pub fn new(
        url: &str,
        token: Option<String>,
        timeout: Duration,
        case: &str,
        mailing: &str,
    ) -> Result<Self> {
        let url = Url::parse(url).with_context(|| format!("`{}` is no address", printable(url, 100)))?;
        let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        ensure!(
            url.scheme() == "https" || url.scheme() == "http" && is_here,
            "letters name persons: they go over https, or to this machine"
        );
        ensure!(
            url.password().is_none(),
            "a password does not stand in an address: set AMBIT_WEBHOOK_TOKEN"
        );
        // A letter is not passed on to where the service points.
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(timeout)
            .build()?;
        Ok(Self {
            url,
            token,
            client,
            runtime: Handle::current(),
            case: case.to_owned(),
            mailing: mailing.to_owned(),
        })
    }

    async fn post(&self, message: &Message, at: Timestamp) -> Answer {
        let body = json!({
            "case": self.case,
            "list": self.mailing,
            "message_id": message.id,
            "at": at,
            "subject": message.person,
            "to": { "name": message.to.name, "email": message.to.email.to_string() },
            "from": message.from.to_string(),
            "reply_to": message.reply_to.as_ref().map(ToString::to_string),
            "language": message.language,
            "residence": message.residence,
            "title": message.title,
            "text": message.text,
            "text_sha256": message.digest,
        });
        let mut request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("idempotency-key", &message.id)
            .body(body.to_string());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        match request.send().await {
            Ok(response) => answered(response).await,
            Err(error) if error.is_connect() || error.is_builder() => Answer::Unreached { why: told(&error) },
            Err(error) => Answer::Lost { why: told(&error) },
        }
    }
}

/// An address may hold what is secret: it is left out.
fn told(error: &reqwest::Error) -> String {
    let mut why = match error.is_timeout() {
        true => "no answer in time".to_owned(),
        false => "the service could not be asked".to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        why = format!("{why}: {error}");
        cause = error.source();
    }
    printable(&why, 300)
}

async fn answered(mut response: reqwest::Response) -> Answer {
    let status = response.status();
    let mut said = Vec::new();
    while said.len() < REPLY_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => said.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    said.truncate(REPLY_BYTES);
    let reply = printable(
        format!("{} {}", status.as_u16(), String::from_utf8_lossy(&said)).trim(),
        300,
    );
    match status {
        status if status.is_success() => Answer::Taken { reply },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Answer::Later { reply }
        }
        status if status.is_server_error() => Answer::Later { reply },
        // It is the letter that is refused; everything else is the address, or we.
        StatusCode::BAD_REQUEST
        | StatusCode::CONFLICT
        | StatusCode::GONE
        | StatusCode::UNPROCESSABLE_ENTITY => Answer::Refused { reply },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Answer::Barred {
            why: format!("the service does not know us: {reply}"),
        },
        _ => Answer::Unreached { why: reply },
    }
}

impl Carrier for Webhook {
    fn name(&self) -> String {
        format!("webhook {}", self.url.host_str().unwrap_or("unknown"))
    }

    fn carry(&mut self, message: &Message, at: Timestamp) -> Answer {
        let asked = self.post(message, at);
        tokio::task::block_in_place(|| self.runtime.block_on(asked))
    }
}
