//! The rules that are built in: what accounts, services and settings became, by what producers document of their events.

/// Each file by the name under which its rules are told, with its text.
pub(super) const OWN: [(&str, &str); 2] = [
    ("ambit:aws.yml", include_str!("../../../../rules/aws.yml")),
    ("ambit:windows.yml", include_str!("../../../../rules/windows.yml")),
];

#[cfg(test)]
mod tests {
    use super::super::{Pipelines, Placeholders, RuleSet};
    use crate::Detector;
    use ambit_event::{Event, Fields, Level, Timestamp};
    use serde_json::{Value, json};
    use std::path::PathBuf;

    fn own(given: &[PathBuf]) -> RuleSet {
        RuleSet::load_with_own(given, &Placeholders::none(), &Pipelines::none())
    }

    #[test]
    fn each_rule_that_is_built_in_can_be_used_and_says_its_level_and_technique() {
        let rules = own(&[]);
        assert!(
            rules.refused().is_empty() && rules.remarks().is_empty(),
            "{:?} {:?}",
            rules.refused(),
            rules.remarks()
        );
        assert_eq!(rules.n_given(), 0);
        assert!(rules.rules().iter().all(|rule| !rule.is_idle()));
        let heads = rules.rules().iter().map(|rule| &rule.head);
        for head in heads.chain(rules.correlations().iter().map(|rule| &rule.head)) {
            let says = head.level.is_some() && head.techniques().next().is_some();
            assert!(says, "{}", head.title);
            assert!(head.level < Some(Level::Critical), "{}", head.title);
        }
    }

    #[test]
    fn a_rule_that_is_given_takes_the_place_of_the_one_that_is_built_in() {
        let given = [concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules").into()];
        let (both, alone) = (own(&given), own(&[]));
        assert_eq!(both.n_loaded(), alone.n_loaded());
        assert_eq!(both.n_given(), both.n_loaded());
        assert!(both.refused().is_empty(), "{:?}", both.refused());
    }

    #[test]
    fn rules_that_are_given_change_none_of_those_that_are_built_in_but_by_their_id() {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let file = dir.path().join("given.yml");
        let alone = own(&[]).n_loaded();
        let detection = "detection:\n  selection:\n    a: b\n  condition: selection\nlevel: low\n";
        let source = "logsource:\n  product: windows\n";
        for (head, n_given, n_loaded) in [
            ("title: A\nname: aws_secret_read\n", 1, alone + 1),
            ("title: A\nid: 3c929686-e56b-587c-84bd-7048d770c617\n", 1, alone),
            (
                "title: A\nid: 3c929686-e56b-587c-84bd-7048d770c617\nx|y: [\n",
                0,
                alone,
            ),
        ] {
            std::fs::write(&file, format!("{head}{source}{detection}"))
                .unwrap_or_else(|error| panic!("{error}"));
            let rules = own(std::slice::from_ref(&file));
            assert_eq!(
                (rules.n_given(), rules.n_loaded()),
                (n_given, n_loaded),
                "{head} {:?}",
                rules.refused()
            );
        }
    }

    fn titles(rules: &RuleSet, operation: &str, stream: &str, fields: &Value) -> Vec<String> {
        let mut event = Event::new("windows_evtx", Timestamp(0));
        event.operation = Some(operation.to_owned());
        event.stream = Some(stream.to_owned());
        event.fields = Fields::from_json(fields.to_string());
        let found = Detector::new(rules).check(&event);
        found.iter().map(|finding| finding.title.clone()).collect()
    }

    #[test]
    fn rules_name_what_was_done_and_pass_over_what_was_not() {
        let rules = own(&[]);
        let (security, powershell) = (
            "Microsoft-Windows-Security-Auditing",
            "Microsoft-Windows-PowerShell",
        );
        let added = |sid: &str| json!({"EventID": 4732, "TargetUserName": "x", "TargetSid": sid});
        let refused = |keywords: &str| json!({"EventID": 5140, "Keywords": keywords, "ShareName": r"\\*\ADMIN$", "IpAddress": "::1"});
        let audit = |text: &str| json!({"EventID": 33205, "Provider_Name": "MSSQL$A", "Data": text});
        let command = |text: &str| json!({"EventID": 800, "Provider_Name": "PowerShell", "Data": ["", text]});
        let service =
            json!({"EventID": 7045, "Provider_Name": "Service Control Manager", "ServiceName": "a"});
        let realm = |name: &str| json!({"EventID": 4769, "Status": "0x0", "TargetDomainName": name, "TargetUserName": "a@B"});
        let bits =
            |url: &str| json!({"EventID": 59, "Provider_Name": "Microsoft-Windows-Bits-Client", "url": url});
        let key = r"HKLM\System\CurrentControlSet\Control\SecurityProviders\WDigest\UseLogonCredential";
        let wdigest = |details: &str| json!({"EventID": 13, "TargetObject": key, "Details": details});
        let security = |id: u32| format!("{security}/{id}");
        for (operation, stream, fields, expected) in [
            (
                "Service Control Manager/7045".to_owned(),
                "System",
                service,
                "Windows Service Installed",
            ),
            (
                security(4732),
                "Security",
                added("S-1-5-32-544"),
                "Windows Member Added To A Privileged Group",
            ),
            (security(4732), "Security", added("S-1-5-32-545"), ""),
            (
                security(5140),
                "Security",
                refused("0x8010000000000000"),
                "Windows Administrative Share Refused",
            ),
            (security(5140), "Security", refused("0x8020000000000000"), ""),
            (
                security(4769),
                "Security",
                realm("corp.lan"),
                "Kerberos Realm In Small Letters",
            ),
            (security(4769), "Security", realm("CORP.LAN"), ""),
            (
                "MSSQL$A/33205".to_owned(),
                "Application",
                audit("x\naction_id:APRL\ny"),
                "SQL Server Member Added To A Role",
            ),
            (
                "MSSQL$A/33205".to_owned(),
                "Application",
                audit("x\naction_id:SL  \ny"),
                "",
            ),
            (
                "PowerShell/800".to_owned(),
                "Windows PowerShell",
                command("Get-ADUser -Filter *"),
                "Accounts Listed By PowerShell",
            ),
            (
                format!("{powershell}/4104"),
                "Microsoft-Windows-PowerShell/Operational",
                json!({"EventID": 4104, "Provider_Name": powershell, "ScriptBlockText": "new-service a"}),
                "Services Changed By PowerShell",
            ),
            (
                format!("{powershell}/4104"),
                "Microsoft-Windows-PowerShell/Operational",
                json!({"EventID": 4104, "Provider_Name": powershell, "ScriptBlockText": "prompt"}),
                "",
            ),
            (
                "Microsoft-Windows-Bits-Client/59".to_owned(),
                "Microsoft-Windows-Bits-Client/Operational",
                bits("https://download.windowsupdate.com/a.cab"),
                "",
            ),
            (
                "Microsoft-Windows-Bits-Client/59".to_owned(),
                "Microsoft-Windows-Bits-Client/Operational",
                bits("http://evil.example/x.microsoft.com/payload.exe"),
                "File Taken Over BITS",
            ),
            (
                "PowerShell/800".to_owned(),
                "Windows PowerShell",
                command("tasklist /v"),
                "",
            ),
            (
                "Microsoft-Windows-Sysmon/13".to_owned(),
                "Microsoft-Windows-Sysmon/Operational",
                wdigest("DWORD (0x00000000)"),
                "",
            ),
            (
                "Microsoft-Windows-Sysmon/13".to_owned(),
                "Microsoft-Windows-Sysmon/Operational",
                wdigest("DWORD (0x00000001)"),
                "WDigest Set To Keep Passwords",
            ),
            (
                "Microsoft-Windows-PrintService/842".to_owned(),
                "Microsoft-Windows-PrintService/Operational",
                json!({"EventID": 842, "Provider_Name": "Microsoft-Windows-PrintService"}),
                "",
            ),
            (
                "MSSQL$A/33205".to_owned(),
                "Application",
                audit("action_id:LGIS\nserver_principal_name:sarah\n"),
                "",
            ),
            (
                "MSSQL$A/33205".to_owned(),
                "Application",
                audit("action_id:LGIS\nserver_principal_name:sa\n"),
                "Standard Administrator Of SQL Server Tried",
            ),
        ] {
            let told = titles(&rules, &operation, stream, &fields);
            let every = [
                "Windows Member Added To A Group",
                "Windows Ticket Of A Service Given",
            ];
            let told = told
                .iter()
                .map(String::as_str)
                .filter(|title| !every.contains(title));
            let told: Vec<&str> = told.collect();
            let expected: Vec<&str> = [expected].into_iter().filter(|title| !title.is_empty()).collect();
            assert_eq!(told, expected, "{operation} {fields}");
        }
    }
}
