//! What calls of the platform do to values: which give personal data, which encrypt, which join, which draw numbers.

use super::flow::Effect;
use super::value::label::*;

/// Class and method, and what a call of it does. An empty method stands for every one of the class.
const EFFECTS: &[(&str, &str, Effect)] = &[
    // Where personal data comes from.
    (
        "android/location/LocationManager",
        "getLastKnownLocation",
        Effect::Gives(LOCATION),
    ),
    (
        "android/location/LocationManager",
        "getCurrentLocation",
        Effect::Gives(LOCATION),
    ),
    (
        "com/google/android/gms/location/FusedLocationProviderClient",
        "getLastLocation",
        Effect::Gives(LOCATION),
    ),
    (
        "com/google/android/gms/location/LocationResult",
        "getLastLocation",
        Effect::Gives(LOCATION),
    ),
    (
        "com/google/android/gms/location/LocationResult",
        "getLocations",
        Effect::Gives(LOCATION),
    ),
    (
        "android/telephony/TelephonyManager",
        "getDeviceId",
        Effect::Gives(DEVICE_ID),
    ),
    (
        "android/telephony/TelephonyManager",
        "getImei",
        Effect::Gives(DEVICE_ID),
    ),
    (
        "android/telephony/TelephonyManager",
        "getMeid",
        Effect::Gives(DEVICE_ID),
    ),
    (
        "android/telephony/TelephonyManager",
        "getSubscriberId",
        Effect::Gives(DEVICE_ID),
    ),
    (
        "android/telephony/TelephonyManager",
        "getSimSerialNumber",
        Effect::Gives(DEVICE_ID),
    ),
    (
        "android/telephony/TelephonyManager",
        "getLine1Number",
        Effect::Gives(PHONE_NUMBER),
    ),
    (
        "android/telephony/TelephonyManager",
        "getCellLocation",
        Effect::Gives(LOCATION),
    ),
    (
        "android/telephony/TelephonyManager",
        "getAllCellInfo",
        Effect::Gives(LOCATION),
    ),
    (
        "android/net/wifi/WifiInfo",
        "getMacAddress",
        Effect::Gives(DEVICE_ID),
    ),
    ("android/net/wifi/WifiInfo", "getBSSID", Effect::Gives(LOCATION)),
    (
        "android/bluetooth/BluetoothAdapter",
        "getAddress",
        Effect::Gives(DEVICE_ID),
    ),
    ("android/os/Build", "getSerial", Effect::Gives(DEVICE_ID)),
    (
        "android/provider/Settings$Secure",
        "getString",
        Effect::GivesWhere(1, "android_id", DEVICE_ID),
    ),
    (
        "com/google/android/gms/ads/identifier/AdvertisingIdClient$Info",
        "getId",
        Effect::Gives(ADVERTISING_ID),
    ),
    (
        "android/accounts/AccountManager",
        "getAccounts",
        Effect::Gives(ACCOUNTS),
    ),
    (
        "android/accounts/AccountManager",
        "getAccountsByType",
        Effect::Gives(ACCOUNTS),
    ),
    (
        "android/accounts/AccountManager",
        "getPassword",
        Effect::Gives(CREDENTIAL),
    ),
    (
        "android/accounts/AccountManager",
        "peekAuthToken",
        Effect::Gives(CREDENTIAL),
    ),
    (
        "android/accounts/AccountManager",
        "blockingGetAuthToken",
        Effect::Gives(CREDENTIAL),
    ),
    ("android/content/ContentResolver", "query", Effect::Queries),
    // What others hand in.
    (
        "android/content/Intent",
        "getStringExtra",
        Effect::Gives(HANDED_IN),
    ),
    (
        "android/content/Intent",
        "getDataString",
        Effect::Gives(HANDED_IN),
    ),
    ("android/content/Intent", "getData", Effect::Gives(HANDED_IN)),
    ("android/content/Intent", "getExtras", Effect::Gives(HANDED_IN)),
    (
        "android/content/Intent",
        "getCharSequenceExtra",
        Effect::Gives(HANDED_IN),
    ),
    // Storage that others reach.
    (
        "android/os/Environment",
        "getExternalStorageDirectory",
        Effect::Gives(SHARED_PATH),
    ),
    (
        "android/os/Environment",
        "getExternalStoragePublicDirectory",
        Effect::Gives(SHARED_PATH),
    ),
    (
        "android/content/Context",
        "getExternalFilesDir",
        Effect::Gives(OWN_SHARED_PATH),
    ),
    (
        "android/content/Context",
        "getExternalFilesDirs",
        Effect::Gives(OWN_SHARED_PATH),
    ),
    (
        "android/content/Context",
        "getExternalCacheDir",
        Effect::Gives(OWN_SHARED_PATH),
    ),
    (
        "android/content/Context",
        "getExternalCacheDirs",
        Effect::Gives(OWN_SHARED_PATH),
    ),
    (
        "android/content/Context",
        "getObbDir",
        Effect::Gives(OWN_SHARED_PATH),
    ),
    (
        "android/content/Context",
        "getExternalMediaDirs",
        Effect::Gives(SHARED_PATH),
    ),
    // Numbers.
    ("java/util/Random", "nextBytes", Effect::Fills(PREDICTABLE)),
    ("java/util/Random", "", Effect::Gives(PREDICTABLE)),
    ("java/lang/Math", "random", Effect::Gives(PREDICTABLE)),
    ("java/security/SecureRandom", "nextBytes", Effect::Fills(0)),
    ("java/security/SecureRandom", "", Effect::Gives(0)),
    ("java/util/UUID", "randomUUID", Effect::Gives(0)),
    // What hides.
    ("javax/crypto/Cipher", "doFinal", Effect::Clean(ENCRYPTED)),
    ("javax/crypto/Cipher", "update", Effect::Clean(ENCRYPTED)),
    ("javax/crypto/Cipher", "wrap", Effect::Clean(ENCRYPTED)),
    (
        "javax/crypto/CipherOutputStream",
        "<init>",
        Effect::Clean(ENCRYPTED),
    ),
    ("com/google/crypto/tink/Aead", "encrypt", Effect::Clean(ENCRYPTED)),
    (
        "androidx/security/crypto/EncryptedSharedPreferences",
        "create",
        Effect::Clean(ENCRYPTED),
    ),
    (
        "androidx/security/crypto/EncryptedFile",
        "openFileOutput",
        Effect::Clean(ENCRYPTED),
    ),
    ("java/security/MessageDigest", "digest", Effect::Clean(0)),
    ("javax/crypto/Mac", "doFinal", Effect::Clean(ENCRYPTED)),
    (
        "javax/crypto/SecretKeyFactory",
        "generateSecret",
        Effect::Clean(ENCRYPTED),
    ),
    // The same in another form.
    ("android/content/SharedPreferences", "edit", Effect::Same(0)),
    ("android/content/SharedPreferences", "", Effect::Gives(0)),
    ("android/content/SharedPreferences$Editor", "", Effect::Same(0)),
    ("java/lang/String", "getBytes", Effect::Same(0)),
    ("java/lang/String", "toCharArray", Effect::Same(0)),
    ("java/lang/String", "toString", Effect::Same(0)),
    ("java/lang/String", "trim", Effect::Same(0)),
    ("java/lang/String", "intern", Effect::Same(0)),
    ("java/lang/String", "toLowerCase", Effect::Same(0)),
    ("java/lang/String", "toUpperCase", Effect::Same(0)),
    ("java/lang/String", "valueOf", Effect::Same(0)),
    ("java/lang/StringBuilder", "toString", Effect::Same(0)),
    ("java/lang/StringBuffer", "toString", Effect::Same(0)),
    ("android/util/Base64", "decode", Effect::Same(0)),
    ("android/util/Base64", "encode", Effect::Same(0)),
    ("android/util/Base64", "encodeToString", Effect::Same(0)),
    ("java/util/Base64$Decoder", "decode", Effect::Same(1)),
    ("java/util/Base64$Encoder", "encodeToString", Effect::Same(1)),
    ("java/util/Arrays", "copyOf", Effect::Same(0)),
    ("java/util/Arrays", "copyOfRange", Effect::Same(0)),
    ("java/net/URLEncoder", "encode", Effect::Same(0)),
    ("kotlin/text/StringsKt", "encodeToByteArray", Effect::Same(0)),
    ("kotlin/text/StringsKt", "trim", Effect::Same(0)),
    ("kotlin/jvm/internal/Intrinsics", "", Effect::Gives(0)),
    (
        "org/apache/commons/codec/binary/Hex",
        "decodeHex",
        Effect::Same(0),
    ),
    // Arrays that are written to.
    ("java/io/InputStream", "read", Effect::Fills(0)),
    ("java/io/FileInputStream", "read", Effect::Fills(0)),
    ("java/io/DataInputStream", "readFully", Effect::Fills(0)),
    ("java/lang/System", "arraycopy", Effect::Fills(0)),
    ("java/util/Arrays", "fill", Effect::Fills(0)),
    ("java/nio/ByteBuffer", "get", Effect::Fills(0)),
    // Lengths and comparisons tell nothing of what is in a text.
    ("java/lang/String", "length", Effect::Gives(0)),
    ("java/lang/String", "isEmpty", Effect::Gives(0)),
    ("java/lang/String", "equals", Effect::Gives(0)),
    ("java/lang/String", "contains", Effect::Gives(0)),
    ("java/lang/String", "startsWith", Effect::Gives(0)),
    ("java/lang/String", "indexOf", Effect::Gives(0)),
    ("android/text/TextUtils", "isEmpty", Effect::Gives(0)),
];

/// Methods that put what they are given into their receiver, whatever class of the platform they are of.
const JOINERS: &[&str] = &[
    "<init>",
    "append",
    "insert",
    "put",
    "putOpt",
    "putExtra",
    "putString",
    "putExtras",
    "add",
    "set",
    "concat",
    "appendQueryParameter",
    "appendPath",
    "appendEncodedPath",
    "addQueryParameter",
    "addFormDataPart",
    "addHeader",
    "header",
    "url",
    "post",
    "setData",
];

/// What a call does, by the classes that its method may be of, nearest first.
pub(crate) fn effect<'n>(mut classes: impl Iterator<Item = &'n str> + Clone, method: &str) -> Option<Effect> {
    let exact = classes.clone().find_map(|class| {
        EFFECTS
            .iter()
            .find(|(c, m, _)| *c == class && *m == method)
            .map(|(_, _, effect)| *effect)
    });
    exact
        .or_else(|| {
            JOINERS
                .contains(&method)
                .then_some(Effect::Joins)
                .filter(|_| method == "<init>")
        })
        .or_else(|| {
            classes.find_map(|class| {
                EFFECTS
                    .iter()
                    .find(|(c, m, _)| *c == class && m.is_empty())
                    .map(|(_, _, effect)| *effect)
            })
        })
        .or_else(|| JOINERS.contains(&method).then_some(Effect::Joins))
}
