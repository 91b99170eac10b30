//! What stands in texts: addresses, and secrets by their form.

use regex::Regex;
use std::sync::LazyLock;

/// A secret's kind by its form.
pub(crate) struct Form {
    pub(crate) kind: &'static str,
    /// Made to be in an app, and restricted by its service.
    pub(crate) is_public: bool,
    pattern: &'static str,
}

/// Forms that issuers document for their keys and tokens.
const FORMS: &[Form] = &[
    form("AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    form(
        "private key",
        r"-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED |PGP )?PRIVATE KEY(?: BLOCK)?-----",
    ),
    form("GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    form("GitHub token", r"\bgithub_pat_[A-Za-z0-9_]{60,}\b"),
    form("GitLab token", r"\bglpat-[A-Za-z0-9_-]{20}\b"),
    form("Slack token", r"\bxox[abprs]-[0-9A-Za-z-]{20,}\b"),
    form(
        "Slack webhook",
        r"https://hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{20,}",
    ),
    form("Stripe secret key", r"\b[sr]k_live_[0-9a-zA-Z]{20,}\b"),
    form("SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b"),
    form("Twilio key", r"\bSK[0-9a-f]{32}\b"),
    form("Mailgun key", r"\bkey-[0-9a-f]{32}\b"),
    form("Square token", r"\bsq0(?:atp|csp)-[0-9A-Za-z_-]{22,43}\b"),
    form("Google OAuth secret", r"\bGOCSPX-[A-Za-z0-9_-]{28}\b"),
    form(
        "Google service account",
        r#""private_key_id"\s*:\s*"[0-9a-f]{40}""#,
    ),
    form("npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    form("OpenAI key", r"\bsk-(?:proj-)?[A-Za-z0-9_-]{40,}\b"),
    form("Shopify token", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    form("DigitalOcean token", r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    form("Hugging Face token", r"\bhf_[A-Za-z0-9]{34,40}\b"),
    form("Telegram bot token", r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    form(
        "Discord webhook",
        r"https://(?:canary\.|ptb\.)?discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,}",
    ),
    form("Azure storage key", r"AccountKey=[A-Za-z0-9+/]{86}=="),
    form(
        "Azure shared access signature",
        r"[?&]sig=[A-Za-z0-9%]{40,80}%3[dD]",
    ),
    form(
        "Firebase server key",
        r"\bAAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{130,}",
    ),
    form(
        "Mapbox secret token",
        r"\bsk\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}",
    ),
    form("PyPI token", r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    form("Databricks token", r"\bdapi[0-9a-f]{32}\b"),
    form("New Relic key", r"\bNRAK-[A-Z0-9]{27}\b"),
    form("Postman key", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b"),
    form("Sentry token", r"\bsntry[su]_[A-Za-z0-9_=+/-]{40,}"),
    form("Alibaba Cloud key", r"\bLTAI[A-Za-z0-9]{16,20}\b"),
    form("Tencent Cloud key", r"\bAKID[A-Za-z0-9]{32}\b"),
    form(
        "JSON Web Token",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
    ),
    form(
        "credentials in an address",
        r"\b[a-z][a-z0-9+.-]{2,12}://[^\s/:@'`\x22<>]{1,64}:[^\s/:@'`\x22<>${}]{3,64}@[A-Za-z0-9.-]+",
    ),
    Form {
        kind: "Google API key",
        is_public: true,
        pattern: r"\bAIza[0-9A-Za-z_-]{35}\b",
    },
    Form {
        kind: "Stripe publishable key",
        is_public: true,
        pattern: r"\bpk_live_[0-9a-zA-Z]{20,}\b",
    },
];

const fn form(kind: &'static str, pattern: &'static str) -> Form {
    Form {
        kind,
        is_public: false,
        pattern,
    }
}

static SECRETS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| FORMS.iter().map(|form| fixed(form.pattern)).collect());
/// All of them at once, so that most texts are looked at once.
static ANY: LazyLock<Regex> = LazyLock::new(|| {
    let all: Vec<String> = FORMS.iter().map(|form| format!("(?:{})", form.pattern)).collect();
    fixed(&all.join("|"))
});
static URLS: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r"(?i)\b(?:https?|wss?|ftp)://[a-z0-9.-]+(?::[0-9]{1,5})?(?:/[^\s'\x22<>\\^`{|}\x00-\x1f]*)?")
});

fn fixed(pattern: &str) -> Regex {
    match Regex::new(pattern) {
        Ok(regex) => regex,
        Err(error) => unreachable!("the pattern is fixed: {error}"),
    }
}

/// Whether a text may hold an address or a secret: cheap, and asked of every text of the package.
pub(crate) fn is_worth_a_look(text: &[u8]) -> bool {
    text.len() >= 10 && (memchr::memmem::find(text, b"://").is_some() || may_be_secret(text))
}

/// What stands in each of the forms above; the short ones only where a text begins with them, or a quoted part of it.
static MARKS: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
    const WORDS: &[&str] = &[
        "AKIA",
        "ASIA",
        "AKID",
        "LTAI",
        "AIza",
        "-----BEGIN",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xoxa-",
        "xoxb-",
        "xoxp-",
        "xoxr-",
        "xoxs-",
        "k_live_",
        "SG.",
        "\"SK",
        "\"key-",
        "=key-",
        ":key-",
        "sq0atp-",
        "sq0csp-",
        "GOCSPX-",
        "private_key_id",
        "npm_",
        "sk-",
        "eyJ",
        "shpat_",
        "shpca_",
        "shppa_",
        "shpss_",
        "_v1_",
        "hf_",
        ":AA",
        "AccountKey=",
        "sig=",
        ":APA91b",
        "pypi-",
        "dapi",
        "NRAK-",
        "PMAK-",
        "sntrys_",
        "sntryu_",
    ];
    let escaped: Vec<String> = WORDS.iter().map(|word| regex::escape(word)).collect();
    match regex::bytes::Regex::new(&escaped.join("|")) {
        Ok(regex) => regex,
        Err(error) => unreachable!("the pattern is fixed: {error}"),
    }
});

fn may_be_secret(text: &[u8]) -> bool {
    text.len() >= 20 && (text.starts_with(b"SK") || text.starts_with(b"key-") || MARKS.is_match(text))
}

/// A secret in a text.
pub(crate) struct Hit<'t> {
    pub(crate) form: &'static Form,
    pub(crate) value: &'t str,
    /// Whether its structure proves it: a checksum or a decodable part.
    pub(crate) is_checked: bool,
}

/// The secrets in a text. Placeholders and examples are none.
pub(crate) fn secrets(text: &str) -> Vec<Hit<'_>> {
    if !ANY.is_match(text) {
        return Vec::new();
    }
    let mut hits = Vec::new();
    for (regex, form) in SECRETS.iter().zip(FORMS) {
        for found in regex.find_iter(text).take(20) {
            let value = found.as_str();
            let needs_chance = [
                "Twilio key",
                "OpenAI key",
                "Alibaba Cloud key",
                "Tencent Cloud key",
            ];
            if value.len() > SECRET
                || is_placeholder(value)
                || needs_chance.contains(&form.kind) && !is_random(value)
            {
                continue;
            }
            let is_checked = match form.kind {
                "JSON Web Token" => is_token(value),
                "private key" => text.contains("-----END"),
                _ => true,
            };
            if !is_checked {
                continue;
            }
            hits.push(Hit {
                form,
                value,
                is_checked,
            });
        }
    }
    hits
}

/// Whether the head of a token decodes to what a head is.
fn is_token(value: &str) -> bool {
    use base64::Engine;
    let head = value.split('.').next().unwrap_or_default();
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(head)
        .is_ok_and(|head| {
            serde_json::from_slice::<serde_json::Value>(&head).is_ok_and(|v| v.get("alg").is_some())
        })
}

fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    // Of an address the part that lets somebody in is looked at, and the hosts that documents use.
    let lower = match lower.rsplit_once('@') {
        Some((inner, host))
            if !["example.com", "example.org", "example.net"]
                .iter()
                .any(|h| host.ends_with(h)) =>
        {
            format!("{inner}@")
        }
        _ => lower,
    };
    [
        "example",
        "xxxx",
        "your",
        "changeme",
        "placeholder",
        "000000000",
        "123456789",
        "abcdefgh",
        "user:pass@",
        "username:password@",
    ]
    .iter()
    .any(|mark| lower.contains(mark))
}

/// Bytes of an address that are kept, and of a secret at most: beyond them it is neither, but something that is long.
const ADDRESS: usize = 2_048;
const SECRET: usize = 4_096;

/// The addresses in a text, as far as they are in one piece.
pub(crate) fn urls(text: &str) -> impl Iterator<Item = &str> {
    let cut = |url: &'_ str| url.floor_char_boundary(ADDRESS);
    URLS.find_iter(text)
        .map(move |found| {
            let url = found.as_str();
            url.get(..cut(url)).unwrap_or(url)
        })
        .map(|url| url.trim_end_matches(['.', ',', ')', ']', ';']))
        .take(1_000)
}

/// Beginnings of texts with slashes that are no paths of a service: files, kinds of content, classes.
const NO_PATHS: &[&str] = &[
    "/proc/",
    "/sys/",
    "/system/",
    "/data/",
    "/dev/",
    "/etc/",
    "/sdcard",
    "/storage/",
    "/vendor/",
    "/mnt/",
    "/tmp/",
    "/usr/",
    "/var/",
    "/bin/",
    "/sbin/",
    "/apex/",
    "/acct",
    "/cache/",
    "/root/",
    "/home/",
    "res/",
    "assets/",
    "lib/",
    "META-INF/",
    "java/",
    "javax/",
    "android/",
    "androidx/",
    "kotlin/",
    "kotlinx/",
    "com/",
    "org/",
    "net/",
    "io/",
    "dalvik/",
    "application/",
    "image/",
    "text/",
    "audio/",
    "video/",
    "multipart/",
    "font/",
    "message/",
    "model/",
    "vnd.",
];
/// Endings of names of files.
const FILES: &[&str] = &[
    ".png",
    ".jpg",
    ".so",
    ".xml",
    ".dex",
    ".kt",
    ".java",
    ".proto",
    ".txt",
    ".db",
    ".class",
    ".jar",
    ".apk",
    ".ttf",
    ".otf",
    ".properties",
    ".version",
    ".dat",
    ".bin",
    ".gif",
    ".webp",
    ".svg",
    ".md",
    ".py",
    ".c",
    ".cc",
    ".cpp",
    ".h",
];

/// Whether a text may be a path of a service: `/v1/users/{id}`, `v1/users/%s/profile`. The logs decide.
pub(crate) fn is_path(text: &[u8]) -> bool {
    if !(4..=200).contains(&text.len()) || memchr::memchr(b'/', text).is_none() {
        return false;
    }
    let plain = |b: &u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'.' | b'{' | b'}' | b'%' | b'$' | b':')
    };
    let Some(path) = std::str::from_utf8(text)
        .ok()
        .filter(|t| t.bytes().all(|b| plain(&b)))
    else {
        return false;
    };
    if NO_PATHS.iter().any(|begin| path.starts_with(begin)) || FILES.iter().any(|end| path.ends_with(end)) {
        return false;
    }
    let inner = path.strip_prefix('/').unwrap_or(path);
    let segments: Vec<&str> = inner.strip_suffix('/').unwrap_or(inner).split('/').collect();
    let is_named = |segment: &&str| segment.bytes().filter(u8::is_ascii_lowercase).count() > 1;
    let is_date = |segment: &&str| segment.bytes().all(|b| b"yMdHhmsSaEZzu.:-".contains(&b));
    let begins_low = !segments[0].starts_with(|c: char| c.is_ascii_uppercase());
    begins_low
        && segments.len() <= 12
        && !segments
            .iter()
            .any(|segment| segment.is_empty() || *segment == ".." || *segment == ".")
        && segments.iter().any(is_named)
        && !segments.iter().all(is_date)
        && !segments.iter().any(|segment| segment.contains("://"))
}

/// Bits of information in each character.
pub(crate) fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let n_bytes = text.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / n_bytes)
        .map(|share| -share * share.log2())
        .sum()
}

/// Whether a text looks drawn by lot rather than written by a person.
pub(crate) fn is_random(text: &str) -> bool {
    let n_digits = text.bytes().filter(u8::is_ascii_digit).count();
    let has_letters = text.bytes().any(|b| b.is_ascii_alphabetic());
    text.len() >= 16 && !text.contains(' ') && n_digits >= 2 && has_letters && entropy(text) >= 3.2
}

/// Keys that are made to be in apps.
pub(crate) fn looks_public(text: &str) -> bool {
    ["AIza", "pk_live_", "pk_test_", "pk."]
        .iter()
        .any(|begin| text.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::{is_path, is_worth_a_look, secrets};

    #[test]
    fn paths_of_services_are_told_from_other_texts_with_slashes() {
        for text in [
            "/v1/users/{id}/profile",
            "v1/login",
            "/me/",
            "users/%s/photos",
            "/admin/export.csv",
        ] {
            assert!(is_path(text.as_bytes()), "{text}");
        }
        for text in [
            "application/json",
            "Europe/Stockholm",
            "dd/MM/yyyy",
            "/proc/self/maps",
            "java/lang/String",
            "Ljava/lang/String;",
            "N/A",
            "//",
            "a//b",
            "../up/down",
            "https://a.example/x",
            "two words/of it",
            "res/xml/config",
        ] {
            assert!(!is_path(text.as_bytes()), "{text}");
        }
    }

    /// Made by lot in the form that each issuer documents, and put together here: no scanner of this file's need alarm.
    #[test]
    fn secrets_are_known_by_their_form_wherever_they_stand_in_a_text() {
        let long = "k7Qz2Lw9Xb4Nv1Rt6Yp3Mc8Hd5Jf0Gs7Ua2We9Zi4Eo1Tq6Bn3Vl8Kx5Dr0Ph7Cj2Sg9Fm4";
        let part = |n: usize| &long[..n];
        let hex = "3f9a1c7e5b2d8064a1b3c5d7e9f02468";
        let head = "eyJhbGciOiJIUzI1NiJ9";
        for (kind, secret) in [
            ("AWS access key", "AKIAQ3EGXKM7ZJQ2RT5W".to_owned()),
            ("GitHub token", format!("ghp_{}", part(36))),
            ("GitLab token", format!("glpat-{}", part(20))),
            ("Slack token", format!("xoxb-{}", part(24))),
            ("Stripe secret key", format!("sk_live_{}", part(24))),
            ("SendGrid key", format!("SG.{}.{}", part(22), part(43))),
            ("Mailgun key", format!("key-{hex}")),
            ("Google OAuth secret", format!("GOCSPX-{}", part(28))),
            ("OpenAI key", format!("sk-proj-{}", part(48))),
            (
                "JSON Web Token",
                format!("{head}.eyJzdWIiOiJhIn0{}.{}", part(4), part(30)),
            ),
            ("Shopify token", format!("shpat_{hex}")),
            ("Telegram bot token", format!("741852963:AA{}", part(33))),
            (
                "Azure storage key",
                format!("AccountKey={}{}==", part(60), part(26)),
            ),
            ("Mapbox secret token", format!("sk.eyJ{}.{}", part(30), part(22))),
            ("New Relic key", format!("NRAK-{}", "K7QZ2LW9XB4NV1RT6YP3MC8HD5J")),
        ] {
            for text in [
                secret.clone(),
                format!("{{\"name\":\"a\",\"value\":\"{secret}\"}}"),
                format!("Bearer token=\"{secret}\""),
            ] {
                let found: Vec<&str> = secrets(&text).iter().map(|hit| hit.form.kind).collect();
                assert!(
                    is_worth_a_look(text.as_bytes()) && found.contains(&kind),
                    "{kind} in {text}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn what_only_looks_like_a_secret_is_none() {
        for text in [
            "sk-fading-circle-with-a-very-long-name-of-a-style",
            "AKIAIOSFODNN7EXAMPLE",
            "task-scheduler-of-the-whole-application-process",
            "eyJ is the beginning of many texts that are none",
            "SKU00000000000000000000000000000000",
            "https://user:pass@example.com/",
            "dapi and the rest of a word in a sentence",
        ] {
            assert!(secrets(text).is_empty(), "{text}");
        }
    }
}
