//! What names tell: which keys and fields hold a credential, whose code a class is, what kind of place a host is.

/// Words that name a credential wherever they stand in a name.
const CREDENTIALS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "accesstoken",
    "authtoken",
    "refreshtoken",
    "sessiontoken",
    "sessionid",
    "bearertoken",
    "apikey",
    "secretkey",
    "privatekey",
    "clientsecret",
    "credential",
    "authorization",
    "cardnumber",
    "creditcard",
];
/// Names that are one as they stand.
const WHOLE: &[&str] = &[
    "token", "secret", "pwd", "pass", "pin", "jwt", "cvv", "cvc", "userpass",
];
/// Words by which a name tells of a credential, and holds none.
const ABOUT: &[&str] = &[
    "hint", "error", "forgot", "show", "visib", "length", "strength", "title", "label", "changed", "enabled",
    "remember", "type", "expir", "policy", "url", "screen", "activity", "fragment", "dialog", "view",
    "count", "valid", "required", "layout", "manager", "provider", "listener", "android", "message",
    "prompt", "reset",
];

/// Whether a key, a parameter or a field of this name holds what lets somebody in.
pub(crate) fn is_credential(name: &str) -> bool {
    if name.len() > 64 {
        return false;
    }
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    if WHOLE.contains(&plain.as_str()) {
        return true;
    }
    CREDENTIALS.iter().any(|word| plain.contains(word)) && !ABOUT.iter().any(|word| plain.contains(word))
}

/// Whose code a class is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The app itself.
    App,
    /// A library, by the name that it goes by.
    Sdk(String),
    /// The platform, or what it ships with every app.
    Platform,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::App => f.write_str("app"),
            Self::Sdk(name) => f.write_str(name),
            Self::Platform => f.write_str("platform"),
        }
    }
}

/// Libraries by the beginning of their classes' names; the longest one wins.
const SDKS: &[(&str, &str)] = &[
    ("com.adjust.sdk", "Adjust"),
    ("com.airbnb.lottie", "Lottie"),
    ("com.amazonaws", "AWS SDK"),
    ("com.amplitude", "Amplitude"),
    ("com.applovin", "AppLovin"),
    ("com.appsflyer", "AppsFlyer"),
    ("com.bugsnag", "Bugsnag"),
    ("com.bumptech.glide", "Glide"),
    ("com.braze", "Braze"),
    ("com.clevertap", "CleverTap"),
    ("com.crashlytics", "Crashlytics"),
    ("com.datadog", "Datadog"),
    ("com.facebook", "Facebook SDK"),
    ("com.flurry", "Flurry"),
    ("com.google.ads", "Google Ads"),
    ("com.google.android.exoplayer2", "ExoPlayer"),
    ("com.google.android.gms", "Google Play services"),
    ("com.google.android.material", "Material Components"),
    ("com.google.android.play", "Google Play Core"),
    ("com.google.common", "Guava"),
    ("com.google.crypto.tink", "Tink"),
    ("com.google.firebase", "Firebase"),
    ("com.google.gson", "Gson"),
    ("com.google.protobuf", "Protocol Buffers"),
    ("com.huawei", "Huawei Mobile Services"),
    ("com.inmobi", "InMobi"),
    ("com.ironsource", "ironSource"),
    ("com.jakewharton", "Jake Wharton's libraries"),
    ("com.mapbox", "Mapbox"),
    ("com.microsoft.appcenter", "App Center"),
    ("com.mixpanel", "Mixpanel"),
    ("com.newrelic", "New Relic"),
    ("com.onesignal", "OneSignal"),
    ("com.paypal", "PayPal"),
    ("com.segment", "Segment"),
    ("com.squareup.moshi", "Moshi"),
    ("com.squareup.picasso", "Picasso"),
    ("com.stripe", "Stripe"),
    ("com.twitter.sdk", "Twitter Kit"),
    ("com.unity3d", "Unity"),
    ("com.urbanairship", "Airship"),
    ("dagger", "Dagger"),
    ("io.branch", "Branch"),
    ("io.flutter", "Flutter"),
    ("io.grpc", "gRPC"),
    ("io.intercom", "Intercom"),
    ("io.ktor", "Ktor"),
    ("io.netty", "Netty"),
    ("io.reactivex", "RxJava"),
    ("io.realm", "Realm"),
    ("io.sentry", "Sentry"),
    ("net.sqlcipher", "SQLCipher"),
    ("net.zetetic", "SQLCipher"),
    ("okhttp3", "OkHttp"),
    ("okio", "Okio"),
    ("com.squareup.okhttp", "OkHttp 2"),
    ("org.apache.commons", "Apache Commons"),
    ("org.apache.cordova", "Cordova"),
    ("org.apache.http", "Apache HttpClient"),
    ("org.bouncycastle", "Bouncy Castle"),
    ("org.conscrypt", "Conscrypt"),
    ("org.greenrobot", "greenrobot"),
    ("org.jsoup", "jsoup"),
    ("org.slf4j", "SLF4J"),
    ("org.webrtc", "WebRTC"),
    ("com.facebook.react", "React Native"),
    ("retrofit2", "Retrofit"),
    ("timber.log", "Timber"),
    ("rx", "RxJava 1"),
    ("javax.inject", "javax.inject"),
    ("org.koin", "Koin"),
    ("coil", "Coil"),
    ("zendesk", "Zendesk"),
    ("com.rabbitmq", "RabbitMQ client"),
    ("com.tencent.smtt", "Tencent X5"),
    ("com.tencent.tbs", "Tencent X5"),
    ("com.tencent.bugly", "Bugly"),
    ("com.tencent.mmkv", "MMKV"),
    ("com.tencent.mm.opensdk", "WeChat SDK"),
    ("com.alipay.sdk", "Alipay SDK"),
    ("com.fasterxml.jackson", "Jackson"),
    ("fi.iki.elonen", "NanoHTTPD"),
    ("org.java_websocket", "Java-WebSocket"),
    ("org.msgpack", "MessagePack"),
    ("org.hamcrest", "Hamcrest"),
    ("org.junit", "JUnit"),
    ("junit", "JUnit"),
];

/// Beginnings of the platform's classes, and of the libraries that the language and Android bring.
const PLATFORM: &[&str] = &[
    "android", "androidx", "java", "javax", "dalvik", "kotlin", "kotlinx", "libcore", "j$",
];

/// Whose a class is, by the beginning of its name. What nobody claims is the app's, so that nothing of it hides
/// behind a library that is not known.
pub(crate) fn owner(class: &str) -> Owner {
    let begins = |begin: &str| {
        class
            .strip_prefix(begin)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let sdk = SDKS
        .iter()
        .filter(|(begin, _)| begins(begin))
        .max_by_key(|(begin, _)| begin.len());
    match sdk {
        Some((_, name)) => Owner::Sdk((*name).to_owned()),
        None if PLATFORM.iter().any(|begin| begins(begin)) => Owner::Platform,
        None => Owner::App,
    }
}

/// What is said of a host whose name alone suggests the inside.
pub(crate) const NAMED_SO: &str = "a name of a staging, test or administration system";

/// Whether a host is one that only the inside of a network can reach, and by what it is known.
pub(crate) fn inside(host: &str) -> Option<&'static str> {
    let host = host.to_ascii_lowercase();
    if let Ok(address) = host.parse::<std::net::Ipv4Addr>() {
        return match address {
            a if a.is_loopback() || a.is_unspecified() => None,
            // The emulator's way to the developer's machine.
            a if a.octets() == [10, 0, 2, 2] => Some("an address of the emulator's host"),
            a if a.is_private() => Some("a private address"),
            a if a.is_link_local() => Some("a link-local address"),
            _ => None,
        };
    }
    const ENDS: &[&str] = &[
        ".internal",
        ".corp",
        ".local",
        ".lan",
        ".intranet",
        ".intra",
        ".private",
        ".home.arpa",
        ".localdomain",
    ];
    if ENDS.iter().any(|end| host.ends_with(end)) {
        return Some("a name that only resolves inside");
    }
    const LABELS: &[&str] = &[
        "staging", "stage", "stg", "dev", "test", "qa", "uat", "preprod", "sandbox", "internal", "intranet",
        "admin", "jenkins", "gitlab", "jira", "grafana", "kibana", "vpn",
    ];
    let first = host.split('.').rev().skip(2);
    let named = first
        .flat_map(|part| part.split('-'))
        .any(|part| LABELS.contains(&part));
    named.then_some(NAMED_SO)
}

/// Whether an address is of this device alone, or a schema's name that nobody connects to.
pub(crate) fn is_nowhere(host: &str) -> bool {
    const NAMES: &[&str] = &[
        "localhost",
        "schemas.android.com",
        "www.w3.org",
        "xmlpull.org",
        "xml.org",
        "ns.adobe.com",
        "java.sun.com",
        "xml.apache.org",
        "www.apache.org",
        "www.xmlpull.org",
        "relaxng.org",
        "purl.org",
        "schemas.microsoft.com",
        "schemas.xmlsoap.org",
        "example.com",
        "www.example.com",
        "example.org",
        "www.example.org",
        "example.net",
        "www.example.net",
        "dev.w3.org",
        "creativecommons.org",
        "developer.android.com",
        "issuetracker.google.com",
    ];
    let host = host.to_ascii_lowercase();
    NAMES.contains(&host.as_str())
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|a| a.is_loopback() || a.is_unspecified())
}

/// The host of an address, without user, port and path.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let end = rest
        .find(['/', '?', '#', '\\', ' ', '"', '\'', '<'])
        .unwrap_or(rest.len());
    let authority = &rest[..end];
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (host.contains('.') && host.chars().all(plain) && !host.starts_with('.') && !host.ends_with('.'))
        .then_some(host)
}
