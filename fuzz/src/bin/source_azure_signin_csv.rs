#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ambit_fuzz::source("azure_signin_csv", bytes));
