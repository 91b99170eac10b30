use super::*;

#[test]
fn sentences_without_an_address_name_the_account() {
    for (text, act, user) in [
        (
            "Disconnecting: Too many authentication failures for a b [preauth]",
            Act::LogonDenied,
            Some("a b"),
        ),
        (
            "Disconnecting: Too many authentication failures [preauth]",
            Act::LogonDenied,
            None,
        ),
        (
            "fatal: Access denied for user bob by PAM account configuration [preauth]",
            Act::LogonDenied,
            Some("bob"),
        ),
        (
            "input_userauth_request: invalid user bob [preauth]",
            Act::LogonFailed,
            Some("bob"),
        ),
    ] {
        let said = read(text).map(|said| (said.act, said.user));
        assert_eq!(said, Some((act, user)), "{text}");
    }
    assert_eq!(read("Disconnecting: bad server public DH value"), None);
    let gone = read("Connection from UNKNOWN port 65535 on UNKNOWN port 65535");
    assert_eq!(gone.and_then(|said| said.port), None);
}

#[test]
fn sentences_are_read() {
    use Act::*;
    for (text, act, user, ip, port) in [
        (
            "Accepted password for alice from 192.0.2.7 port 4711 ssh2",
            Logon,
            Some("alice"),
            "192.0.2.7",
            Some("4711"),
        ),
        (
            "Failed password for invalid user bob from 2001:db8::7 port 1 ssh2",
            LogonFailed,
            Some("bob"),
            "2001:db8::7",
            Some("1"),
        ),
        (
            "Invalid user  from 192.0.2.7 port 4",
            LogonFailed,
            None,
            "192.0.2.7",
            Some("4"),
        ),
        (
            "Invalid user from 192.0.2.7",
            LogonFailed,
            None,
            "192.0.2.7",
            None,
        ),
        (
            "Connection closed by authenticating user root 192.0.2.7 port 4 [preauth]",
            LogonFailed,
            Some("root"),
            "192.0.2.7",
            Some("4"),
        ),
        (
            "Connection closed by 192.0.2.7 port 4 [preauth]",
            PreauthFailed,
            None,
            "192.0.2.7",
            Some("4"),
        ),
        (
            "Disconnected from user alice 192.0.2.7 port 4",
            Logoff,
            Some("alice"),
            "192.0.2.7",
            Some("4"),
        ),
        (
            "Disconnecting invalid user x y 192.0.2.7 port 4: Too many authentication failures [preauth]",
            LogonFailed,
            Some("x y"),
            "192.0.2.7",
            Some("4"),
        ),
        (
            "Received disconnect from 192.0.2.7 port 4:11: Bye Bye [preauth]",
            PreauthFailed,
            None,
            "192.0.2.7",
            Some("4"),
        ),
        (
            "Received disconnect from 2001:db8::7 port 4:14: No supported authentication methods available [preauth]",
            PreauthFailed,
            None,
            "2001:db8::7",
            Some("4"),
        ),
        (
            "Received disconnect from 2001:db8::7: 11: bye",
            Logoff,
            None,
            "2001:db8::7",
            None,
        ),
        (
            "Timeout, client not responding from user alice b 192.0.2.7 port 4",
            Logoff,
            Some("alice b"),
            "192.0.2.7",
            Some("4"),
        ),
        (
            "Read error from remote host 192.0.2.7 port 4: Connection timed out",
            Logoff,
            None,
            "192.0.2.7",
            Some("4"),
        ),
        (
            "Closing connection to 2001:db8::7 port 4",
            Logoff,
            None,
            "2001:db8::7",
            Some("4"),
        ),
        (
            "reverse mapping checking getaddrinfo for c.example.com [192.0.2.7] failed - POSSIBLE BREAK-IN ATTEMPT!",
            Preauth,
            None,
            "192.0.2.7",
            None,
        ),
        (
            "Address 2001:db8::7 maps to c.example.com, but this does not map back to the address.",
            Preauth,
            None,
            "2001:db8::7",
            None,
        ),
        (
            "Received disconnect from 192.0.2.7: 11: disconnected by user",
            Logoff,
            None,
            "192.0.2.7",
            None,
        ),
        (
            "User root from 192.0.2.7 not allowed because not listed in AllowUsers",
            LogonDenied,
            Some("root"),
            "192.0.2.7",
            None,
        ),
        (
            "error: maximum authentication attempts exceeded for root from 192.0.2.7 port 4 ssh2 [preauth]",
            LogonDenied,
            Some("root"),
            "192.0.2.7",
            Some("4"),
        ),
        (
            "refused connect from host.example (192.0.2.7)",
            LogonDenied,
            None,
            "192.0.2.7",
            None,
        ),
        (
            "banner exchange: Connection from 192.0.2.7 port 4: invalid format",
            PreauthFailed,
            None,
            "192.0.2.7",
            Some("4"),
        ),
        (
            "ssh_dispatch_run_fatal: Connection from 192.0.2.7 port 4: message authentication code incorrect [preauth]",
            PreauthFailed,
            None,
            "192.0.2.7",
            Some("4"),
        ),
        (
            "fatal: Timeout before authentication for 192.0.2.7 port 4",
            PreauthFailed,
            None,
            "192.0.2.7",
            Some("4"),
        ),
        (
            "drop connection #10 from [192.0.2.7]:4 on [192.0.2.1]:22 past MaxStartups",
            LogonDenied,
            None,
            "192.0.2.7",
            Some("4"),
        ),
        (
            "Connection from 192.0.2.7 port 4 on 192.0.2.1 port 22 rdomain \"\"",
            Open,
            None,
            "192.0.2.7",
            Some("4"),
        ),
        (
            "Close session: user alice from 192.0.2.7 port 4 id 0",
            Session("Session End"),
            Some("alice"),
            "192.0.2.7",
            Some("4"),
        ),
        (
            "error: PAM: Authentication failure for illegal user eve from 192.0.2.7",
            LogonFailed,
            Some("eve"),
            "192.0.2.7",
            None,
        ),
    ] {
        let said = read(text);
        let seen = said.as_ref().map(|s| (s.act, s.user, s.ip, s.port));
        assert_eq!(seen, Some((act, user, Some(ip), port)), "{text}");
    }
    for text in [
        "",
        "Server listening on 0.0.0.0 port 22.",
        "Received signal 15; terminating.",
        "Failed",
        "Invalid user x",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn a_user_name_cannot_pose_as_an_address() {
    let said =
        read("Failed password for invalid user a from 198.51.100.1 port 9 ssh2 from 192.0.2.7 port 4 ssh2");
    assert_eq!(
        said.map(|s| (s.ip, s.user)),
        Some((Some("192.0.2.7"), Some("a from 198.51.100.1 port 9 ssh2")))
    );
    let said = read("Invalid user x from 198.51.100.1 port 9 from 192.0.2.7 port 4");
    assert_eq!(said.and_then(|s| s.ip), Some("192.0.2.7"));
}

#[test]
fn a_user_name_cannot_pose_as_what_was_shown() {
    for (text, user, ip, key) in [
        (
            "Failed password for invalid user x from 192.0.2.6 port 22 ssh2: y from 192.0.2.7 port 5 ssh2",
            Some("x from 192.0.2.6 port 22 ssh2: y"),
            Some("192.0.2.7"),
            None,
        ),
        (
            "Failed publickey for invalid user x from 192.0.2.6 port 22 ssh2: RSA SHA256:a from 192.0.2.7 port 5 ssh2: RSA SHA256:b",
            Some("x from 192.0.2.6 port 22 ssh2: RSA SHA256:a"),
            Some("192.0.2.7"),
            Some("RSA SHA256:b"),
        ),
        (
            "Accepted publickey for a from 192.0.2.7 port 5 ssh2: ED25519-CERT SHA256:b ID a b (serial 1) CA RSA SHA256:c",
            Some("a"),
            Some("192.0.2.7"),
            Some("ED25519-CERT SHA256:b ID a b (serial 1) CA RSA SHA256:c"),
        ),
        (
            "Failed publickey for a from 192.0.2.7 port 5 ssh2: RSA-CERT SHA256:b ID x from 192.0.2.6 port 2 ssh2: RSA-CERT SHA256:d ID y (serial 1) CA RSA SHA256:c",
            None,
            None,
            None,
        ),
        (
            "Accepted hostbased for a from 192.0.2.7 port 1 ssh2: RSA SHA256:b, client user \"c\", client host \"d\"",
            Some("a"),
            Some("192.0.2.7"),
            Some("RSA SHA256:b, client user \"c\", client host \"d\""),
        ),
    ] {
        let seen = read(text).map(|said| (said.user, said.ip, said.key));
        assert_eq!(seen, Some((user, ip, key)), "{text}");
    }
}

#[test]
fn a_changed_user_name_cannot_pose_as_an_address() {
    const CHANGED: &str = "Change of username or service not allowed:";
    for (text, user, ip) in [
        (
            format!(
                "invalid user a 192.0.2.7 port 5: {CHANGED} (a,ssh-connection) -> (b 192.0.2.6 port 4,ssh-connection)"
            ),
            Some("a"),
            Some("192.0.2.7"),
        ),
        (
            format!(
                "invalid user a 192.0.2.7 port 5: {CHANGED} (a,x) -> (b 192.0.2.6 port 4: {CHANGED} (b,x"
            ),
            Some("a"),
            Some("192.0.2.7"),
        ),
        (
            format!(
                "invalid user a 192.0.2.6 port 5: {CHANGED} (a, 192.0.2.7 port 4: Too many authentication failures"
            ),
            Some("a 192.0.2.6 port 5: Change of username or service not allowed: (a,"),
            Some("192.0.2.7"),
        ),
        (
            format!(
                "invalid user a 192.0.2.6 port 5: {CHANGED} (a, 192.0.2.7 port 4: {CHANGED} (a 192.0.2.6 port 5: {CHANGED} (a,,x"
            ),
            None,
            None,
        ),
    ] {
        let text = format!("Disconnecting {text} [preauth]");
        let seen = read(&text).map(|said| (said.act, said.user, said.ip));
        assert_eq!(seen, Some((Act::LogonFailed, user, ip)), "{text}");
    }
}

#[test]
fn a_dropped_connection_says_why() {
    let said = read("drop connection #0 from [192.0.2.7]:4 on [192.0.2.1]:22 penalty: failed authentication");
    let seen = said.map(|said| (said.ip, said.reason));
    assert_eq!(
        seen,
        Some((Some("192.0.2.7"), Some("penalty: failed authentication")))
    );
}

#[test]
fn keys_are_kept_with_their_method() {
    let said = read("Accepted publickey for a from 192.0.2.7 port 4 ssh2: ED25519 SHA256:abc/+");
    assert_eq!(
        said.map(|s| (s.method, s.key)),
        Some((Some("publickey"), Some("ED25519 SHA256:abc/+")))
    );
}
