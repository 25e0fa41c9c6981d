//! Step exhaustion in small: clean with the write journal, and not without it. `cargo xtask exhaust` runs all of it.

use std::process::{Command, Output};

/// The search that would find the lost record is late, so only the journal knows of it.
const STORY: [&str; 4] = ["--scenario", "new-contact", "--fault", "search-late-kill"];

fn exhaust(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gladhand-exhaust"))
        .args(arguments)
        .output()
        .expect("it was built with these tests")
}

/// How it ended: its exit code and its last line.
fn ended(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().next_back().unwrap_or_default().to_owned();
    (output.status.code(), last)
}

#[test]
fn a_lost_answer_and_a_killed_host_change_nothing_in_the_end() {
    let output = exhaust(&STORY);
    let expected = "runs 4, differences 0, duplicates 0".to_owned();
    assert_eq!(ended(&output), (Some(0), expected), "{output:?}");
}

/// Faults that strike each of the six requests of a contact with a company.
#[test]
fn every_request_of_a_story_survives_what_goes_wrong_with_it() {
    for fault in [
        "kill-before-send",
        "late-write-kill",
        "error-after-write",
        "timeout-after-write",
        "token-revoked",
    ] {
        let output = exhaust(&["--scenario", "contact-with-company", "--fault", fault]);
        let expected = "runs 6, differences 0, duplicates 0".to_owned();
        assert_eq!(ended(&output), (Some(0), expected), "{fault}: {output:?}");
    }
}

/// The answer to the person's creation has come, and is known to nobody but the process that dies.
#[test]
fn a_host_killed_with_an_answer_in_its_hands_makes_nothing_twice() {
    for step in ["5.1", "5.4", "5.9"] {
        let arguments = [
            "--scenario",
            "contact-with-company",
            "--fault",
            "kill-between",
        ];
        let output = exhaust(&[&arguments[..], &["--step", step]].concat());
        let expected = "runs 1, differences 0, duplicates 0".to_owned();
        assert_eq!(ended(&output), (Some(0), expected), "{step}: {output:?}");
    }
}

#[test]
fn a_host_that_forgets_what_it_sent_is_caught() {
    let output = exhaust(&[&STORY[..], &["--teeth"]].concat());
    let expected = "runs 4, differences 1, duplicates 1".to_owned();
    assert_eq!(ended(&output), (Some(1), expected), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    for words in [
        "--scenario new-contact --fault search-late-kill --step 3 --teeth",
        "too much people",
        "POST /people",
    ] {
        assert!(text.contains(words), "no `{words}` in {text}");
    }
}

#[test]
fn a_word_that_it_does_not_know_is_answered_with_those_that_it_knows() {
    let output = exhaust(&["--fault", "explode"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("late-write"), "{text}");
}
