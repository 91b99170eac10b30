//! The cloud account's audit trail: one JSON object for a call of an AWS API, as CloudTrail writes it.
//!
//! The form is that of event version 1.08, which is younger than the story's year: so that what is read here is
//! what the trails of today hold.

use crate::clock::{Style, Written};
use crate::rng::mix;
use ambit_event::Timestamp;
use std::fmt::Write;
use std::net::Ipv4Addr;

/// The account's number.
pub const ACCOUNT: &str = "111122223333";
/// The bucket with exports and backups.
pub const BUCKET: &str = "music-exports";
/// The way to S3 for machines with private addresses.
const ENDPOINT: &str = "vpce-0c4f7a1e92d85b36f";
/// A bucket in which nothing is about persons.
pub const PUBLIC: &str = "music-public";

/// Who calls.
#[derive(Debug, Clone)]
pub enum Caller {
    /// A user with a long-lived access key.
    Key { user: &'static str, key: String },
    /// A user who signs in to the console, or has signed in: then with the access key of that session.
    Console {
        user: &'static str,
        session: Option<(String, Timestamp)>,
    },
    /// A session of a role.
    Role {
        role: &'static str,
        session: String,
        key: String,
        since: Timestamp,
    },
    /// A service of AWS itself.
    Service(&'static str),
}

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    AccessDenied,
    NoSuchKey,
}

/// A call that has ended.
#[derive(Debug, Clone)]
pub struct ApiCall {
    pub caller: Caller,
    pub service: &'static str,
    pub name: &'static str,
    /// `None` where a service of AWS calls.
    pub from: Option<Ipv4Addr>,
    pub agent: &'static str,
    /// JSON.
    pub request: String,
    /// JSON.
    pub response: String,
    /// Bucket, and key where it is about one object.
    pub object: Option<(&'static str, Option<String>)>,
    /// The role that is assumed, by its name in all of AWS.
    pub role: Option<String>,
    /// What came with the call, and what its answer held.
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub refused: Option<Refusal>,
    /// Of the request and of the record.
    pub ids: (u128, u128),
}

/// So many characters of AWS's alphabet that follow from the number.
fn letters(number: u128, n: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let at = |i: usize| ALPHABET[(number >> (5 * i)) as usize % 32];
    (0..n).map(|i| char::from(at(i))).collect()
}

/// So many letters of both cases and digits that follow from the number, and as many as one wants.
pub fn mixed_case(number: u64, n: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let at = |i: usize| ALPHABET[mix(&[number, i as u64]) as usize % 62];
    (0..n).map(|i| char::from(at(i))).collect()
}

/// An access key's id: `AKIA…` where it lasts, `ASIA…` where it is temporary.
pub fn key_id(prefix: &str, number: u128) -> String {
    format!("{prefix}{}", letters(number, 16))
}

/// The unique id of a user or role.
pub fn unique_id(prefix: &str, name: &str) -> String {
    let words: Vec<u64> = name.bytes().map(u64::from).collect();
    let half = mix(&words);
    format!(
        "{prefix}{}",
        letters(u128::from(half) << 64 | u128::from(mix(&[half])), 17)
    )
}

/// The name of a user in all of AWS.
pub fn arn_of(user: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{user}")
}

fn uuid(id: u128) -> String {
    let hex = format!("{id:032x}");
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}

impl Caller {
    /// The caller as `userIdentity` shows it.
    fn identity(&self) -> String {
        match self {
            Self::Key { user, key } => format!(
                r#"{{"type":"IAMUser","principalId":"{}","arn":"{}","accountId":"{ACCOUNT}","accessKeyId":"{key}","userName":"{user}"}}"#,
                unique_id("AIDA", user),
                arn_of(user)
            ),
            Self::Console { user, session } => {
                let session = session.as_ref().map_or_else(String::new, |(key, since)| {
                    format!(
                        r#","accessKeyId":"{key}","sessionContext":{{"attributes":{{"creationDate":"{}","mfaAuthenticated":"true"}}}}"#,
                        Written(*since, Style::Utc)
                    )
                });
                format!(
                    r#"{{"type":"IAMUser","principalId":"{}","arn":"{}","accountId":"{ACCOUNT}","userName":"{user}"{session}}}"#,
                    unique_id("AIDA", user),
                    arn_of(user)
                )
            }
            Self::Role {
                role,
                session,
                key,
                since,
            } => {
                let id = unique_id("AROA", role);
                format!(
                    r#"{{"type":"AssumedRole","principalId":"{id}:{session}","arn":"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}","accountId":"{ACCOUNT}","accessKeyId":"{key}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"{id}","arn":"arn:aws:iam::{ACCOUNT}:role/{role}","accountId":"{ACCOUNT}","userName":"{role}"}},"webIdFederationData":{{}},"attributes":{{"creationDate":"{}","mfaAuthenticated":"false"}}}}}}"#,
                    Written(*since, Style::Utc)
                )
            }
            Self::Service(name) => format!(r#"{{"type":"AWSService","invokedBy":"{name}"}}"#),
        }
    }
}

impl Refusal {
    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::AccessDenied => ("AccessDenied", "Access Denied"),
            Self::NoSuchKey => ("NoSuchKey", "The specified key does not exist."),
        }
    }
}

impl ApiCall {
    /// A call about which nothing more is known than who made it, and what it was.
    pub fn new(
        caller: Caller,
        service: &'static str,
        name: &'static str,
        from: Option<Ipv4Addr>,
        agent: &'static str,
    ) -> Self {
        Self {
            caller,
            service,
            name,
            from,
            agent,
            request: "null".to_owned(),
            response: "null".to_owned(),
            object: None,
            role: None,
            bytes_in: 0,
            bytes_out: 0,
            refused: None,
            ids: (0, 0),
        }
    }

    /// The same about a bucket, or an object in it.
    pub fn about(mut self, bucket: &'static str, key: Option<String>) -> Self {
        let of_key = key
            .as_ref()
            .map_or_else(String::new, |key| format!(r#","key":"{key}""#));
        let how = if key.is_some() {
            ""
        } else {
            r#","encoding-type":"url","prefix":"","delimiter":"/""#
        };
        self.request = format!(
            r#"{{"bucketName":"{bucket}"{how}{of_key},"Host":"{bucket}.s3.eu-west-1.amazonaws.com"}}"#
        );
        self.object = Some((bucket, key));
        self
    }

    /// What moves with a call about an object of this size.
    pub fn moves(&mut self, size: u64) {
        match self.name {
            "GetObject" => self.bytes_out = size,
            "PutObject" => self.bytes_in = size,
            _ => {}
        }
    }

    /// The record, of a call that ended at this instant in this region.
    pub fn render(&self, at: Timestamp, region: &str, out: &mut String) {
        let service = self.service;
        let from = match (self.from, &self.caller) {
            (Some(address), _) => address.to_string(),
            (None, Caller::Service(name)) => (*name).to_owned(),
            (None, _) => format!("{service}.amazonaws.com"),
        };
        let (kind, is_data) = match service {
            "signin" => ("AwsConsoleSignIn", false),
            other => ("AwsApiCall", other == "s3"),
        };
        let is_reading = ["Get", "List", "Head", "AssumeRole"]
            .iter()
            .any(|verb| self.name.starts_with(verb));
        let _ = write!(
            out,
            r#"{{"eventVersion":"1.08","userIdentity":{},"eventTime":"{}","eventSource":"{service}.amazonaws.com","eventName":"{}","awsRegion":"{region}","sourceIPAddress":"{from}","userAgent":"{}""#,
            self.caller.identity(),
            Written(at, Style::Utc),
            self.name,
            self.user_agent()
        );
        if let Some(refusal) = self.refused {
            let (code, message) = refusal.told();
            let _ = write!(out, r#","errorCode":"{code}","errorMessage":"{message}""#);
        }
        let _ = write!(
            out,
            r#","requestParameters":{},"responseElements":{}"#,
            self.request, self.response
        );
        self.render_extra(out);
        let category = if is_data { "Data" } else { "Management" };
        let request = match service {
            "signin" => String::new(),
            "s3" => format!(r#","requestID":"{}""#, letters(self.ids.0, 16)),
            _ => format!(r#","requestID":"{}""#, uuid(self.ids.0)),
        };
        let _ = write!(
            out,
            r#"{request},"eventID":"{}","readOnly":{is_reading}"#,
            uuid(self.ids.1)
        );
        self.render_resources(out);
        let _ = write!(
            out,
            r#","eventType":"{kind}","managementEvent":{},"recipientAccountId":"{ACCOUNT}""#,
            !is_data
        );
        if matches!(self.caller, Caller::Service(_)) {
            let shared = mix(&[self.ids.1 as u64, 0x5a]);
            let _ = write!(
                out,
                r#","sharedEventID":"{}""#,
                uuid(u128::from(shared) << 64 | self.ids.0 >> 64)
            );
        }
        if is_data && self.from.is_some_and(|from| from.is_private()) {
            let _ = write!(out, r#","vpcEndpointId":"{ENDPOINT}""#);
        }
        let _ = write!(out, r#","eventCategory":"{category}"}}"#);
    }

    /// S3 puts it into brackets.
    fn user_agent(&self) -> String {
        match self.service {
            "s3" => format!("[{}]", self.agent),
            _ => self.agent.to_owned(),
        }
    }

    fn render_extra(&self, out: &mut String) {
        let _ = match self.service {
            "signin" => write!(
                out,
                r#","additionalEventData":{{"LoginTo":"https://console.aws.amazon.com/s3","MobileVersion":"No","MFAUsed":"Yes"}}"#
            ),
            "s3" => write!(
                out,
                r#","additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredIn":{},"AuthenticationMethod":"AuthHeader","x-amz-id-2":"{}=","bytesTransferredOut":{}}}"#,
                self.bytes_in,
                mixed_case(self.ids.0 as u64, 75),
                self.bytes_out
            ),
            _ => Ok(()),
        };
    }

    fn render_resources(&self, out: &mut String) {
        if let Some(role) = &self.role {
            let _ = write!(
                out,
                r#","resources":[{{"accountId":"{ACCOUNT}","type":"AWS::IAM::Role","ARN":"{role}"}}]"#
            );
        }
        let Some((bucket, key)) = &self.object else { return };
        let object = match key {
            Some(key) => format!(r#""type":"AWS::S3::Object","ARN":"arn:aws:s3:::{bucket}/{key}""#),
            None => format!(r#""type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::{bucket}/""#),
        };
        let _ = write!(
            out,
            r#","resources":[{{{object}}},{{"accountId":"{ACCOUNT}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{bucket}"}}]"#
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::Value;

    #[test]
    fn records_are_json_in_the_form_of_the_producer() {
        let at = Timestamp::from_secs(1_400_614_810);
        let callers = [
            Caller::Key {
                user: "reporting",
                key: key_id("AKIA", 7),
            },
            Caller::Console {
                user: "dana",
                session: Some((key_id("ASIA", 8), at)),
            },
            Caller::Role {
                role: "reader",
                session: "r".into(),
                key: key_id("ASIA", 9),
                since: at,
            },
            Caller::Service("ec2.amazonaws.com"),
        ];
        for caller in callers {
            let mut call = ApiCall::new(
                caller,
                "s3",
                "GetObject",
                Some(Ipv4Addr::LOCALHOST),
                "aws-cli/1.3.11",
            )
            .about(BUCKET, Some("a/b.gz".into()));
            call.refused = Some(Refusal::NoSuchKey);
            let mut text = String::new();
            call.render(at, "eu-west-1", &mut text);
            let record: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(record["eventTime"], "2014-05-20T19:40:10Z");
            assert_eq!(record["requestParameters"]["key"], "a/b.gz");
            assert_eq!(record["eventID"].as_str().unwrap().len(), 36);
        }
        assert_eq!(key_id("AKIA", u128::MAX).len(), 20);
        assert_eq!(unique_id("AIDA", "dana").len(), 21);
    }
}
