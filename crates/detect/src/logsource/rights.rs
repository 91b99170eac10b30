//! What the security log writes as numbers of messages, `%%4417`, and shows to people as words.

/// The rights of an access, by the number of their message in `msobjs.dll`, as the event viewer shows them.
const RIGHTS: [(u16, &str); 49] = [
    (1537, "DELETE"),
    (1538, "READ_CONTROL"),
    (1539, "WRITE_DAC"),
    (1540, "WRITE_OWNER"),
    (1541, "SYNCHRONIZE"),
    (1542, "ACCESS_SYS_SEC"),
    (1543, "MAX_ALLOWED"),
    // Files and pipes.
    (4416, "ReadData (or ListDirectory)"),
    (4417, "WriteData (or AddFile)"),
    (4418, "AppendData (or AddSubdirectory or CreatePipeInstance)"),
    (4419, "ReadEA"),
    (4420, "WriteEA"),
    (4421, "Execute/Traverse"),
    (4422, "DeleteChild"),
    (4423, "ReadAttributes"),
    (4424, "WriteAttributes"),
    // Keys of the registry.
    (4432, "Query key value"),
    (4433, "Set key value"),
    (4434, "Create sub-key"),
    (4435, "Enumerate sub-keys"),
    (4436, "Notify about changes to keys"),
    (4437, "Create Link"),
    // Threads.
    (4464, "Force thread termination"),
    (4465, "Suspend or resume thread"),
    (4466, "Send an alert to thread"),
    (4467, "Get thread context"),
    (4468, "Set thread context"),
    (4469, "Set thread information"),
    (4470, "Query thread information"),
    // Processes.
    (4480, "Force process termination"),
    (4481, "Create new thread in process"),
    (4482, "Set process session ID"),
    (4483, "Perform virtual memory operation"),
    (4484, "Read from process memory"),
    (4485, "Write to process memory"),
    (4486, "Duplicate handle into or out of process"),
    (4487, "Create a subprocess of process"),
    (4488, "Set process quotas"),
    (4489, "Set process information"),
    (4490, "Query process information"),
    // Objects of the directory.
    (7680, "Create Child"),
    (7681, "Delete Child"),
    (7682, "List Contents"),
    (7683, "Write Self"),
    (7684, "Read Property"),
    (7685, "Write Property"),
    (7686, "Delete Tree"),
    (7687, "List Object"),
    (7688, "Control Access"),
];

/// A list of rights in words; `None` where there is no number that is known.
pub(crate) fn in_words(list: &str) -> Option<String> {
    let mut words = String::new();
    let mut is_told = false;
    for (nth, part) in list.split("%%").enumerate() {
        let n_digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = part.split_at(n_digits);
        let number: Option<u16> = digits.parse().ok().filter(|_| nth > 0);
        let known = number.and_then(|number| RIGHTS.iter().find(|(known, _)| *known == number));
        match known {
            Some((_, word)) => {
                words.push_str(word);
                is_told = true;
            }
            None if nth > 0 => words.push_str(&format!("%%{digits}")),
            None => words.push_str(digits),
        }
        words.push_str(rest);
    }
    is_told.then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_rights_become_words_and_others_stay() {
        for (list, expected) in [
            (
                "%%4416\r\n\t\t\t\t%%4417\r\n",
                Some("ReadData (or ListDirectory)\r\n\t\t\t\tWriteData (or AddFile)\r\n"),
            ),
            ("%%1539 %%9999", Some("WRITE_DAC %%9999")),
            ("%%99999999999", None),
            ("4417", None),
            ("é%%", None),
            ("-", None),
        ] {
            assert_eq!(in_words(list).as_deref(), expected, "{list}");
        }
    }
}
