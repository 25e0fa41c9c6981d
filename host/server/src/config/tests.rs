//! What a configuration may say, and what is said about one that may not.

use gladhand_core::connection::OnDead;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;
use crate::admin::PolicyChange;

fn read(file: &str, environment: &Environment, flags: &[(&str, &str)]) -> Result<Config, Error> {
    let flags: Vec<_> = flags
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Config::read(Some((FILE, file)), environment, &flags).map_err(Error::Invalid)
}

#[track_caller]
fn accepted(file: &str) -> Config {
    match read(file, &Environment::default(), &[]) {
        Ok(config) => config,
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn check(file: &str, expect: &str) {
    let error = read(file, &Environment::default(), &[]).expect_err("the file is wrong");
    assert_eq!(error.to_string(), expect);
}

const EXAMPLE: &str = r#"
[server]
listen = "127.0.0.1:8787"
public_url = "https://hooks.example.com/"
metrics_listen = "127.0.0.1:8788"
[store]
url = "sqlite:data/gladhand.db"
data_dir = "data"
master_key = { env = "MASTER_KEY" }
[connectors]
dir = "connectors"
[limits]
body_bytes = 1000
events_in_flight = 10
signature_age_secs = 60
attempts = 2
hold_ms = 0
[log]
filter = "debug"
format = "json"
[[source]]
name = "support"
kind = "chatwoot"
webhook_secret = { env = "WEBHOOK_SECRET" }
base_url = "https://chat.example.com"
account_id = 1
api_token = { env = "API_TOKEN" }
allow_private_network = false
allow_http = false
[[connection]]
name = "main"
source = "support"
connector = "crm"
base_url = "https://crm.example.com"
credentials = { token = { env = "CRM_TOKEN" } }
account = "main"
concurrency = 1
inboxes = [1, "2"]
allow_private_network = true
allow_http = false
mode = "observe"
on_dead = "hold"
retry_from_secs = 1
retry_to_secs = 60
retry_for_secs = 600
time_zone = "Europe/Berlin"
[connection.settings]
default_stage_id = 1
default_country = "US"
ratio = 0.5
nested = { on = true, days = [2026-11-20] }
"#;

#[test]
fn the_defaults_are_a_configuration() {
    let config = Config::read(None, &Environment::default(), &[]).expect("the defaults are right");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8787");
    assert_eq!(config.store.url, "sqlite:data/gladhand.db");
    assert_eq!(config.limits.signature_age.as_secs(), 300);
    assert!(config.sources.is_empty() && config.connections.is_empty());
}

#[test]
fn the_commented_examples_in_the_defaults_are_right() {
    let uncommented = |line: &str| line.strip_prefix("# ").unwrap_or(line).to_owned();
    let (settings, examples) = DEFAULTS
        .split_once("# [[source]]")
        .expect("the examples are there");
    let setting =
        |line: &&str| line.starts_with("# public_url") || line.starts_with("# master_key");
    let found: Vec<&str> = settings.lines().filter(setting).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    let examples: Vec<String> = format!("# [[source]]{examples}")
        .lines()
        .map(uncommented)
        .collect();
    accepted(&examples.join("\n"));
    accepted(&format!(
        "[server]\n{}\n[store]\n{}",
        uncommented(found[0]),
        uncommented(found[1])
    ));
}

#[test]
fn everything_that_can_be_said_is_read() {
    let config = accepted(EXAMPLE);
    assert_eq!(
        config.server.public_url.as_deref(),
        Some("https://hooks.example.com")
    );
    let connection = &config.connections[0];
    assert_eq!(connection.inboxes, ["1", "2"]);
    let policy = PolicyChange {
        on_dead: Some(OnDead::Hold),
        retry_from_secs: Some(1),
        retry_to_secs: Some(60),
        retry_for_secs: Some(600),
    };
    assert_eq!(connection.policy, policy);
    assert_eq!(
        Value::Object(connection.settings.clone()),
        json!({ "default_stage_id": 1, "default_country": "US", "ratio": 0.5, "nested": { "on": true, "days": ["2026-11-20"] } })
    );
}

#[test]
fn later_wins_file_environment_flags() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\nmetrics_listen = \"127.0.0.1:1\"\n[limits]\nattempts = 1";
    let environment = Environment::of([
        ("GLADHAND__SERVER__LISTEN", "127.0.0.1:2"),
        ("GLADHAND__LIMITS__ATTEMPTS", "2"),
    ]);
    let config =
        read(file, &environment, &[("server.listen", "127.0.0.1:3")]).expect("all of it is right");
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.limits.attempts, 2);
    assert_eq!(config.server.metrics_listen.port(), 1);
    assert_eq!(config.limits.hold.as_millis(), 500);
}

#[test]
fn the_two_addresses_of_a_host_are_two() {
    check(
        "[server]\nmetrics_listen = \"127.0.0.1:8787\"",
        "gladhand.toml:2:18: `listen` and `metrics_listen` in [server] are both 127.0.0.1:8787; each needs an address of its own",
    );
    check(
        "[server]\nlisten = \"127.0.0.1:8788\"",
        "gladhand.toml:2:10: `listen` and `metrics_listen` in [server] are both 127.0.0.1:8788; each needs an address of its own",
    );
    accepted("[server]\nlisten = \"127.0.0.1:0\"\nmetrics_listen = \"127.0.0.1:0\"");
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_nearest_known_one() {
    check(
        "[[source]]\nname = \"support\"\nwebhok_secret = { env = \"X\" }",
        "gladhand.toml:3:1: unknown key `webhok_secret` in [[source]]; did you mean `webhook_secret`?",
    );
    check(
        "[sever]\n",
        "gladhand.toml:1:2: unknown key `sever` in the configuration; did you mean `server`?",
    );
    check(
        "[connectors]\nrequire_signed = true",
        "gladhand.toml:2:1: unknown key `require_signed` in [connectors]; known are dir",
    );
}

#[test]
fn all_problems_are_reported_together_in_the_order_of_the_file() {
    check(
        "[server]\nlisten = \"everywhere\"\n[limits]\nattempts = \"many\"\nhold_ms = -1\n[[connection]]\nname = 1",
        "gladhand.toml:2:10: `listen` in [server] must be an address and a port, like 127.0.0.1:8787\n\
         gladhand.toml:4:12: `attempts` in [limits] must be a whole number, not text\n\
         gladhand.toml:5:11: `hold_ms` in [limits] cannot be -1\n\
         gladhand.toml:6:1: [[connection]] needs `connector`\n\
         gladhand.toml:6:1: [[connection]] needs `source`\n\
         gladhand.toml:7:8: `name` in [[connection]] must be text, not a number",
    );
}

#[test]
fn a_secret_in_the_file_is_refused_with_the_way_to_write_it() {
    let advice =
        "where it would be copied and shown; write { env = \"NAME\" } or { file = \"PATH\" }";
    check(
        "[[source]]\nname = \"a\"\nwebhook_secret = \"hunter2\"",
        &format!(
            "gladhand.toml:3:18: `webhook_secret` in [[source]] must not be written here, {advice}"
        ),
    );
    check(
        "[[connection]]\nname = \"a\"\nsource = \"b\"\nconnector = \"c\"\ncredentials = { token = \"hunter2\" }",
        &format!(
            "gladhand.toml:5:25: `credentials.token` in [[connection]] must not be written here, {advice}"
        ),
    );
    check(
        "[store]\nmaster_key = { emv = \"X\" }",
        "gladhand.toml:2:16: unknown key `emv` in `master_key` in [store]; did you mean `env`?",
    );
    check(
        "[store]\nmaster_key = { env = \"X\", file = \"Y\" }",
        "gladhand.toml:2:14: `master_key` in [store] must be either { env = \"NAME\" } or { file = \"PATH\" }, with a text",
    );
}

#[test]
fn a_file_that_is_no_toml_is_refused_where_it_ends_to_be() {
    check(
        "[server\nlisten = 1",
        "gladhand.toml:1:8: unclosed table, expected `]`",
    );
    check(
        "[log]\nfilter = \"a\"\nfilter = \"b\"",
        "gladhand.toml:3:1: duplicate key",
    );
}

#[test]
fn words_and_shapes_are_checked() {
    check(
        "[log]\nformat = \"jsn\"",
        "gladhand.toml:2:10: `format` in [log] cannot be `jsn`; did you mean `json`?",
    );
    check(
        "[limits]\nattempts = 0",
        "gladhand.toml:2:12: `attempts` in [limits] cannot be 0",
    );
    check(
        "[[source]]\nname = \"a\"\nkind = \"chatwoot\"\nbase_url = \"not a url\"",
        "gladhand.toml:4:12: `base_url` in [[source]] must be a URL, like https://crm.example.com",
    );
    check(
        "server = 1",
        "gladhand.toml:1:10: `server` must be a table, [server], not a number",
    );
    check(
        "[source]\nname = \"a\"",
        "gladhand.toml:1:1: `source` must be written as [[source]], not as a table",
    );
    check(
        "[store]\nurl = \"\"",
        "gladhand.toml:2:7: `url` in [store] is empty",
    );
    check(
        "[[source]]\nname = \"a\"\n[[source]]\nname = \"a\"",
        "gladhand.toml:3:1: a second [[source]] is called `a`",
    );
}

#[test]
fn a_lease_that_cannot_hold_a_request_when_it_is_renewed_is_refused() {
    let because =
        "a lease is renewed when a third of it is over, and a whole request must fit into the rest";
    let told = |request: u32, least: u32| {
        format!(
            "with `request_secs` = {request}, `lease_secs` in [limits] must be at least {least}: {because}"
        )
    };
    check(
        "[limits]\nrequest_secs = 15\nlease_secs = 25",
        &format!("gladhand.toml:3:14: {}", told(15, 26)),
    );
    check(
        "[limits]\nrequest_secs = 20\nlease_secs = 30",
        &format!("gladhand.toml:3:14: {}", told(20, 33)),
    );
    check(
        "[limits]\nrequest_secs = 90",
        "gladhand.toml:2:16: `request_secs` in [limits] is 90; it must be at most 25: an attempt ends after 30 seconds, and \
         its request before that",
    );
    let flags = [("limits.lease_secs", "5")];
    let refused = read("", &Environment::default(), &flags).expect_err("it is too short");
    let expect = format!("--set limits.lease_secs: {}", told(15, 26));
    assert_eq!(refused.to_string(), expect);
    accepted("[limits]\nrequest_secs = 15\nlease_secs = 26");
}

#[test]
fn a_policy_that_cannot_be_is_refused_where_it_was_written() {
    let connection = |policy: &str| {
        format!("[[connection]]\nname = \"a\"\nsource = \"b\"\nconnector = \"c\"\n{policy}")
    };
    check(
        &connection("on_dead = \"hodl\"\nretry_from_secs = -1\nretry_to_secs = \"1h\""),
        "gladhand.toml:5:11: `on_dead` in [[connection]] cannot be `hodl`; did you mean `hold`?\n\
         gladhand.toml:6:19: `retry_from_secs` in [[connection]] cannot be -1\n\
         gladhand.toml:7:17: `retry_to_secs` in [[connection]] must be a whole number, not text",
    );
    check(
        &connection("retry_from_secs = 0\nretry_for_secs = 9_000_000"),
        "gladhand.toml:5:19: `retry_from_secs` cannot be 0s: it is at least 1s and at most 30d\n\
         gladhand.toml:6:18: `retry_for_secs` cannot be 2500h: it is at least 1s and at most 30d",
    );
    check(
        &connection("retry_to_secs = 4"),
        "gladhand.toml:5:17: the first wait, `retry_from_secs` of 5s, cannot be longer than `retry_to_secs` of 4s",
    );
}

#[test]
fn a_problem_in_the_environment_or_a_flag_names_it() {
    let environment = Environment::of([
        ("GLADHAND__SERVER__LISTN", "x"),
        ("GLADHAND__LIMITS__ATTEMPTS", "x"),
    ]);
    let error = read("", &environment, &[("log.format", "x")]).expect_err("all of it is wrong");
    assert_eq!(
        error.to_string(),
        "GLADHAND__LIMITS__ATTEMPTS: `attempts` in [limits] must be a whole number, not text\n\
         GLADHAND__SERVER__LISTN: unknown key `listn` in [server]; did you mean `listen`?\n\
         --set log.format: `format` in [log] cannot be `x`; known are text, json",
    );
}

#[test]
fn secrets_are_opened_where_they_are_said_to_be() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "from-file\n").expect("it can be written");
    let config = accepted(&format!(
        "[[source]]\nname = \"a\"\nwebhook_secret = {{ env = \"SECRET\" }}\napi_token = {{ file = \"{}\" }}",
        file.path().display()
    ));
    let declared = config
        .declared(&Environment::of([("SECRET", "from-env")]))
        .expect("both are there");
    let source = &declared.sources[0];
    assert_eq!(
        source
            .webhook_secret
            .as_ref()
            .map(ExposeSecret::expose_secret),
        Some("from-env")
    );
    assert_eq!(
        source.api_token.as_ref().map(ExposeSecret::expose_secret),
        Some("from-file")
    );
}

#[test]
fn secrets_that_are_not_there_are_reported_together() {
    let config = accepted(
        "[[source]]\nname = \"a\"\nwebhook_secret = { env = \"NONE\" }\napi_token = { file = \"/no/such\" }",
    );
    let error = config
        .declared(&Environment::default())
        .expect_err("neither is there");
    assert_eq!(
        error.to_string(),
        "gladhand.toml:3:18: the environment variable NONE is not set\n\
         gladhand.toml:4:13: the file /no/such cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn a_named_file_that_is_not_there_is_an_error_and_the_usual_one_is_not() {
    let error = Config::load(
        Some(Path::new("/no/such.toml")),
        &Environment::default(),
        &[],
    )
    .expect_err("it is named");
    assert_eq!(error.to_string(), "/no/such.toml cannot be read");
}

#[test]
fn the_schema_accepts_what_is_accepted_and_knows_the_same_keys() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    for text in [DEFAULTS, EXAMPLE] {
        let document: toml::Value =
            toml::from_str(&text.replace("2026-11-20", "1")).expect("it is TOML");
        let document = serde_json::to_value(document).expect("it is JSON, too");
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    let sections = schema["properties"].as_object().expect("sections");
    for (name, section) in sections {
        let is_list = section["type"] == "array";
        let keys = if is_list {
            &section["items"]["properties"]
        } else {
            &section["properties"]
        };
        let mut keys: Vec<&str> = keys
            .as_object()
            .expect("keys")
            .keys()
            .map(String::as_str)
            .collect();
        let header = if is_list {
            format!("[[{name}]]")
        } else {
            format!("[{name}]")
        };
        let error = read(
            &format!("{header}\nqqqqqqqqqqqqqqqq = 1"),
            &Environment::default(),
            &[],
        )
        .expect_err("no such key");
        let message = error.to_string();
        let (_, known) = message.split_once("; known are ").expect("nothing is near");
        let mut known: Vec<&str> = known.split(", ").collect();
        keys.sort_unstable();
        known.sort_unstable();
        assert_eq!(keys, known, "{header}");
    }
}
