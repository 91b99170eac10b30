//! Dangerous permissions, with the code that uses them, or that there is none.

use super::{Check, Facts, Found, Look, Target};
use crate::finding::{Confidence, Proof};
use crate::names::Owner;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "permissions",
    title: "Dangerous permissions",
    masvs: "MASVS-PRIVACY-1",
    mastg: &["0254", "0255"],
    maswe: Some("MASWE-0117"),
    cwe: 250,
    looks: &[Look::Package(look)],
};

/// A permission, and the interfaces that need it. None listed: the use cannot be told from calls.
const USES: &[(&str, &[Target])] = &[
    ("ACCESS_FINE_LOCATION", LOCATION),
    ("ACCESS_COARSE_LOCATION", LOCATION),
    ("ACCESS_BACKGROUND_LOCATION", LOCATION),
    (
        "READ_PHONE_STATE",
        &[
            ("android/telephony/TelephonyManager", "getDeviceId"),
            ("android/telephony/TelephonyManager", "getImei"),
            ("android/telephony/TelephonyManager", "getLine1Number"),
            ("android/telephony/TelephonyManager", "getSubscriberId"),
            ("android/telephony/TelephonyManager", "getSimSerialNumber"),
            ("android/telephony/TelephonyManager", "listen"),
            ("android/telephony/TelephonyManager", "getNetworkType"),
            ("android/telephony/TelephonyManager", "getDataNetworkType"),
            (
                "android/telephony/SubscriptionManager",
                "getActiveSubscriptionInfoList",
            ),
        ],
    ),
    ("READ_CONTACTS", &[]),
    ("WRITE_CONTACTS", &[]),
    ("READ_SMS", &[]),
    ("RECEIVE_SMS", &[]),
    (
        "SEND_SMS",
        &[
            ("android/telephony/SmsManager", "sendTextMessage"),
            ("android/telephony/SmsManager", "sendMultipartTextMessage"),
            ("android/telephony/SmsManager", "sendDataMessage"),
        ],
    ),
    ("READ_CALL_LOG", &[]),
    ("READ_CALENDAR", &[]),
    ("ACCEPT_HANDOVER", &[]),
    ("ACCESS_MEDIA_LOCATION", &[]),
    ("ACTIVITY_RECOGNITION", &[]),
    ("ADD_VOICEMAIL", &[]),
    ("ANSWER_PHONE_CALLS", &[]),
    ("BLUETOOTH_ADVERTISE", &[]),
    ("BLUETOOTH_CONNECT", &[]),
    ("BLUETOOTH_SCAN", &[]),
    ("BODY_SENSORS", &[]),
    ("BODY_SENSORS_BACKGROUND", &[]),
    ("CALL_PHONE", &[]),
    ("NEARBY_WIFI_DEVICES", &[]),
    ("POST_NOTIFICATIONS", &[]),
    ("PROCESS_OUTGOING_CALLS", &[]),
    ("READ_EXTERNAL_STORAGE", &[]),
    ("READ_MEDIA_AUDIO", &[]),
    ("READ_MEDIA_IMAGES", &[]),
    ("READ_MEDIA_VIDEO", &[]),
    ("READ_MEDIA_VISUAL_USER_SELECTED", &[]),
    ("READ_PHONE_NUMBERS", &[]),
    ("RECEIVE_MMS", &[]),
    ("RECEIVE_WAP_PUSH", &[]),
    ("USE_SIP", &[]),
    ("UWB_RANGING", &[]),
    ("WRITE_CALENDAR", &[]),
    ("WRITE_CALL_LOG", &[]),
    ("WRITE_EXTERNAL_STORAGE", &[]),
    (
        "RECORD_AUDIO",
        &[
            ("android/media/MediaRecorder", "setAudioSource"),
            ("android/media/AudioRecord", "<init>"),
            ("android/media/AudioRecord", "startRecording"),
            ("android/speech/SpeechRecognizer", "startListening"),
        ],
    ),
    (
        "CAMERA",
        &[
            ("android/hardware/Camera", "open"),
            ("android/hardware/camera2/CameraManager", "openCamera"),
            ("android/hardware/camera2/CameraManager", "setTorchMode"),
            (
                "androidx/camera/lifecycle/ProcessCameraProvider",
                "bindToLifecycle",
            ),
        ],
    ),
    (
        "GET_ACCOUNTS",
        &[
            ("android/accounts/AccountManager", "getAccounts"),
            ("android/accounts/AccountManager", "getAccountsByType"),
        ],
    ),
    // Windows over others, and the right to begin an activity from the background.
    ("SYSTEM_ALERT_WINDOW", &[]),
    ("REQUEST_INSTALL_PACKAGES", &[]),
    ("MANAGE_EXTERNAL_STORAGE", &[]),
    (
        "QUERY_ALL_PACKAGES",
        &[
            ("android/content/pm/PackageManager", "getInstalledPackages"),
            ("android/content/pm/PackageManager", "getInstalledApplications"),
            ("android/content/pm/PackageManager", "queryIntentActivities"),
        ],
    ),
];

const LOCATION: &[Target] = &[
    ("android/location/LocationManager", "requestLocationUpdates"),
    ("android/location/LocationManager", "requestSingleUpdate"),
    ("android/location/LocationManager", "getLastKnownLocation"),
    ("android/location/LocationManager", "getCurrentLocation"),
    (
        "com/google/android/gms/location/FusedLocationProviderClient",
        "getLastLocation",
    ),
    (
        "com/google/android/gms/location/FusedLocationProviderClient",
        "getCurrentLocation",
    ),
    (
        "com/google/android/gms/location/FusedLocationProviderClient",
        "requestLocationUpdates",
    ),
];

/// Whether a call is one that a dangerous permission is for, so that the scan notes who names it.
pub(crate) fn is_use(class: &str, method: &str) -> bool {
    USES.iter().any(|(_, targets)| targets.contains(&(class, method)))
}

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    for asked in &facts.manifest.asked {
        let Some(short) = asked.name.strip_prefix("android.permission.") else {
            continue;
        };
        let Some((_, targets)) = USES.iter().find(|(name, _)| *name == short) else {
            continue;
        };
        let users: std::collections::BTreeSet<String> = targets
            .iter()
            .filter_map(|(class, method)| facts.named.get(&format!("{class}.{method}")))
            .flatten()
            .map(ToString::to_string)
            .collect();
        let proof = Proof::in_file("AndroidManifest.xml").constant(asked.name.clone());
        let (level, what, because) = if targets.is_empty() {
            (
                Level::Informational,
                format!("{short} is asked for"),
                "its use cannot be told from the interfaces that are called".to_owned(),
            )
        } else if users.is_empty() && !facts.is_code_read {
            (
                Level::Informational,
                format!("{short} is asked for, and no code that was read uses it"),
                "a part of the code was not read".to_owned(),
            )
        } else if users.is_empty() {
            (
                Level::Low,
                format!("{short} is asked for, and no code in the package uses it"),
                "a permission that nothing uses only serves who breaks in; code that is loaded later was not seen".to_owned(),
            )
        } else {
            let users = users.into_iter().collect::<Vec<_>>().join(", ");
            (
                Level::Informational,
                format!("{short} is asked for, and used by: {users}"),
                "used; whether it is needed is for a person to say".to_owned(),
            )
        };
        found.at(Owner::App, proof, level, Confidence::High, what, because);
    }
}
