//! One source's files at a time: what a drill writes, the same in other formats, and records of a shape that is common.

use super::super::detect::corpus::evtx_files;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Raw bytes of one source that the reading figures are taken from, at most.
const SAMPLE: u64 = 256 << 20;

/// The logs of one source in a folder of their own.
pub struct Sample {
    pub name: &'static str,
    pub folder: PathBuf,
    pub files: Vec<PathBuf>,
}

impl Sample {
    /// Of every source: from the logs of a drill, and the Windows logs of `data` where that is there.
    pub fn all(logs: &Path, data: &Path, to: &Path) -> Result<Vec<Self>, String> {
        let copied = |name, from: &str, ending: &str| {
            let folder = to.join(from);
            let files = copies(&logs.join(from), &folder, ending)?;
            Ok::<_, String>(Self { name, folder, files })
        };
        let nginx = copied("nginx JSON", "nginx", ".log")?;
        let combined = Self::written(to, "nginx combined", "access.log", |out| {
            combined(&nginx.files, out)
        })?;
        let cloudtrail = Self::written(to, "CloudTrail", "cloudtrail.jsonl", cloudtrail)?;
        let mut all = vec![
            nginx,
            combined,
            copied("PostgreSQL csvlog", "postgresql", ".csv")?,
            cloudtrail,
        ];
        if data.is_dir() {
            let folder = to.join("evtx");
            evtx_files(
                &[data.join("evtx-to-mitre"), data.join("sigma/regression")],
                &folder,
            )?;
            let files = fs::read_dir(&folder).map_err(|e| e.to_string())?;
            all.push(Self {
                name: EVTX,
                files: files.flatten().map(|file| file.path()).collect(),
                folder,
            });
        }
        Ok(all)
    }

    fn written(
        to: &Path,
        name: &'static str,
        file: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
    ) -> Result<Self, String> {
        let folder = to.join(name.replace(' ', "-"));
        let path = folder.join(file);
        let made = fs::create_dir_all(&folder)
            .and_then(|()| File::create(&path))
            .map(BufWriter::new);
        let done = made.and_then(|mut out| write(&mut out).and_then(|()| out.flush()));
        done.map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self {
            name,
            folder,
            files: vec![path],
        })
    }
}

/// The name of the one sample that is not lines.
pub const EVTX: &str = "EVTX";

/// Copies files of that ending, so many bytes at most, without the manifests that lie beside them.
fn copies(from: &Path, to: &Path, ending: &str) -> Result<Vec<PathBuf>, String> {
    fs::create_dir_all(to).map_err(|e| e.to_string())?;
    let mut found: Vec<PathBuf> = fs::read_dir(from)
        .map_err(|e| format!("{}: {e}", from.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    found.sort();
    let (mut all, mut bytes) = (Vec::new(), 0);
    for path in found {
        if bytes < SAMPLE
            && let Some(name) = path.file_name()
        {
            let copy = to.join(name);
            bytes += fs::copy(&path, &copy).map_err(|e| e.to_string())?;
            all.push(copy);
        }
    }
    Ok(all)
}

/// The requests as nginx writes them where nobody configures its log.
fn combined(files: &[PathBuf], out: &mut BufWriter<File>) -> std::io::Result<()> {
    for file in files {
        for line in BufReader::new(File::open(file)?).lines() {
            let Ok(request) = serde_json::from_str::<Value>(&line?) else {
                continue;
            };
            let text = |name: &str| match &request[name] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let at = jiff::Timestamp::from_second(request["msec"].as_f64().unwrap_or_default() as i64);
            let at = at.unwrap_or_default().strftime("%d/%b/%Y:%H:%M:%S +0000");
            let target = match text("args").as_str() {
                "" => text("uri"),
                query => format!("{}?{query}", text("uri")),
            };
            writeln!(
                out,
                r#"{} - - [{at}] "{} {target} HTTP/1.1" {} {} "-" "{}""#,
                text("remote_addr"),
                text("request_method"),
                text("status"),
                text("body_bytes_sent"),
                text("http_user_agent"),
            )?;
        }
    }
    Ok(())
}

/// Data events of a bucket, of the size and shape that AWS writes them, always the same.
fn cloudtrail(out: &mut BufWriter<File>) -> std::io::Result<()> {
    let mut state = 7_u64;
    let mut any = |below: u64| {
        // Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % below
    };
    let mut at = 1_400_000_000;
    for _ in 0..100_000 {
        at += any(3).cast_signed();
        let who = any(300);
        let time = jiff::Timestamp::from_second(at).unwrap_or_default();
        let names = ["GetObject", "GetObject", "PutObject", "HeadObject"];
        let mut record = json!({
            "eventVersion": "1.08",
            "userIdentity": {
                "type": "IAMUser", "principalId": format!("AIDA{who:016}"), "accountId": "123456789012",
                "arn": format!("arn:aws:iam::123456789012:user/user-{who}"),
                "accessKeyId": format!("AKIA{:012X}ABCD", who * 7_919), "userName": format!("user-{who}"),
            },
            "eventTime": time.to_string(), "eventSource": "s3.amazonaws.com",
            "eventName": names[any(4) as usize],
            "awsRegion": "eu-north-1", "sourceIPAddress": format!("198.51.{}.{}", who % 100, any(250)),
            "userAgent": "[aws-sdk-java/1.12.400 Linux/5.10 OpenJDK_64-Bit_Server_VM/17.0.6]",
            "requestParameters": {
                "bucketName": format!("media-{}", who % 7), "Host": "media.s3.eu-north-1.amazonaws.com",
                "key": format!("users/{}/profile.json", any(1_000_000)),
            },
            "responseElements": null,
            "additionalEventData": {
                "SignatureVersion": "SigV4", "CipherSuite": "ECDHE-RSA-AES128-GCM-SHA256", "bytesTransferredIn": 0,
                "AuthenticationMethod": "AuthHeader", "bytesTransferredOut": any(100_000),
                "x-amz-id-2": format!("{:016x}{:016x}{:016x}{:016x}", any(u64::MAX), any(u64::MAX), any(u64::MAX), any(u64::MAX)),
            },
            "requestID": format!("{:016X}", any(u64::MAX)),
            "eventID": format!("{:016x}{:016x}", any(u64::MAX), any(u64::MAX)),
            "readOnly": true,
            "resources": [{"type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::media-{}/users/profile.json", who % 7)}],
            "eventType": "AwsApiCall", "managementEvent": false, "recipientAccountId": "123456789012",
            "eventCategory": "Data",
        });
        if any(50) == 0 {
            record["errorCode"] = "AccessDenied".into();
            record["errorMessage"] = "Access Denied".into();
        }
        writeln!(out, "{record}")?;
    }
    Ok(())
}
