//! Where the log goes is not where a host stores, and nothing that it needs.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use gladhand_tests::host::Setup;

#[test]
fn a_host_whose_log_lies_on_a_full_disk_serves_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(dir.path(), Vec::new());
    // Something to warn of.
    setup.connectors = dir.path().join("none");
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut host = Command::new(env!("CARGO_BIN_EXE_gladhand-chaos"))
        .arg("host")
        .arg(setup.write().unwrap())
        .args(["0", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(full)
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut output = BufReader::new(host.stdout.take().unwrap());
    output.read_line(&mut said).unwrap();
    host.kill().unwrap();
    host.wait().unwrap();
    assert!(said.starts_with("listening on http://"), "it said: {said}");
}
