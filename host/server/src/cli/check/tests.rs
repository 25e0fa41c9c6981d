//! What `config check` says about files.

use std::fs;

use super::*;
use crate::config::Environment;

/// For people.
const TEXT: Format = Format { json: false };

/// What it prints about a file of this text, and whether it found it right.
async fn check(text: &str, format: Format) -> (bool, String) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("gladhand.toml");
    fs::write(&path, text).expect("the directory can be written");
    let connectors = dir.path().join("connectors").display().to_string();
    let flags = [("connectors.dir".to_owned(), connectors)];
    printer::captured::start();
    let environment = Environment::of([("SECRET", "x"), ("TOKEN", "x")]);
    let is_right = run(Some(&path), &environment, &flags, format)
        .await
        .expect("it can be read");
    let captured = printer::captured::take();
    let place = format!("{}/", dir.path().display());
    let told = captured.stdout + &captured.stderr;
    (is_right, told.replace(&place, ""))
}

#[tokio::test]
async fn a_file_without_a_fault_is_ok() {
    let (is_right, told) = check("[log]\nformat = \"text\"\n", TEXT).await;
    assert_eq!(
        (is_right, told.as_str()),
        (true, "ok\nlooked at gladhand.toml\n")
    );
}

#[tokio::test]
async fn that_there_is_no_file_is_said() {
    printer::captured::start();
    let is_right = run(None, &Environment::default(), &[], TEXT).await;
    let captured = printer::captured::take();
    assert!(is_right.expect("nothing is to be read"));
    assert_eq!(
        (captured.stdout.as_str(), captured.stderr.as_str()),
        (
            "ok\n",
            "there is no gladhand.toml here: only the defaults, the environment and --set were looked at; --config \
             names another file\n"
        )
    );
}

#[tokio::test]
async fn what_the_file_alone_cannot_tell_is_said_and_no_fault() {
    let text = r#"
[[source]]
name = "support"
webhook_secret = { env = "SECRET" }
[[connection]]
name = "main"
source = "support"
connector = "crm"
credentials = { token = { env = "TOKEN" } }
"#;
    let (is_right, told) = check(text, TEXT).await;
    assert!(is_right, "{told}");
    assert_eq!(
        told,
        "ok\nthe component of `crm` is not in connectors: the settings and credentials of connection `main` were not \
         looked at\nlooked at gladhand.toml\n"
    );
}

#[tokio::test]
async fn a_program_is_told_what_is_wrong_and_where() {
    let json = Format { json: true };
    let (is_right, told) = check("[log]\nformat = \"txt\"\n", json).await;
    assert!(!is_right);
    assert_eq!(
        told.lines().next(),
        Some(
            r#"{"message":"`format` in [log] cannot be `txt`; did you mean `text`?","place":"gladhand.toml:2:10"}"#
        )
    );
    let (is_right, told) = check("", json).await;
    assert_eq!(
        (is_right, told.as_str()),
        (true, "looked at gladhand.toml\n")
    );
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let text = r#"
[log]
format = "txt"
[[source]]
name = "Support Team"
webhook_secret = { env = "MISSING_SECRET" }
[[source]]
name = "sales"
base_url = "http://chat.example.com"
webhook_secret = { env = "SECRET" }
[[connection]]
name = "main"
source = "sale"
connector = "crm"
base_url = "https://crm.example.com/?page=1"
credentials = { token = { env = "MISSING_TOKEN" } }
time_zone = "Europe/Berln"
concurrency = 0
"#;
    let (is_right, told) = check(text, TEXT).await;
    assert!(!is_right);
    insta::assert_snapshot!(told);
}

#[test]
fn what_does_not_fit_the_connector_is_said_where_it_is_known() {
    let text = r#"
[[connection]]
name = "main"
source = "support"
connector = "crm"
credentials = { tokn = { env = "TOKEN" } }
[connection.settings]
stage = 0
"#;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("gladhand.toml");
    fs::write(&path, text).expect("the directory can be written");
    let draft = Draft::load(Some(&path), &Environment::default(), &[]).expect("it can be read");
    let connection = &draft.connections[0];
    let versions = [crate::doubles::version()];
    let found = misfits(connection, &draft.connections, &versions).expect("it is known");
    let place = format!("{}:2:1: connection `main`: ", path.display());
    let told: Vec<String> = found
        .iter()
        .map(|problem| problem.to_string().replace(&place, ""))
        .collect();
    assert_eq!(
        told,
        [
            "the connector `crm` needs the `base_url` (--base-url) of the CRM",
            "the connector `crm` needs the credential `token`",
            "the connector `crm` knows no credential `tokn`; it takes token",
            "settings.stage: 0 is less than the minimum of 1",
        ]
    );
}

#[test]
fn a_connector_that_is_nearly_called_as_one_that_is_there_is_misspelt() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("gladhand.toml");
    let said = |connector: &str, versions: &[Version]| {
        let text = format!(
            "[[connection]]\nname = \"main\"\nsource = \"support\"\nconnector = \"{connector}\"\n"
        );
        fs::write(&path, text).expect("the directory can be written");
        let draft = Draft::load(Some(&path), &Environment::default(), &[]).expect("it can be read");
        let problem = misspelt(&draft.connections[0], Path::new("connectors"), versions);
        problem.map(|problem| problem.to_string())
    };
    let there = [crate::doubles::version()];
    let told = said("cmr", &there).expect("it is misspelt");
    let expect =
        "connection `main`: there is no connector `cmr` in connectors; did you mean `crm`?";
    assert!(told.ends_with(expect), "{told}");
    assert_eq!(said("other", &there), None);
    assert_eq!(said("crm@9.0.0", &there), None);
    assert_eq!(said("cmr", &[]), None);
}
