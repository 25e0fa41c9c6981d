//! The shape of the command line, and commands against a host in memory.

mod links;

mod operators;

mod scene;

mod story;

use std::sync::Arc;

use clap::CommandFactory;
use tokio::net::TcpListener;

use super::*;
use crate::doubles::World;
use crate::token::Hash;

#[test]
fn verify_cli() {
    Cli::command().debug_assert();
}

#[test]
fn the_help_says_what_there_is() {
    insta::assert_snapshot!(Cli::command().term_width(100).render_help());
}

#[test]
fn the_help_of_every_command_says_what_it_takes() {
    let mut help = Vec::new();
    collect(&mut Cli::command().term_width(100), &mut help);
    insta::assert_snapshot!(help.join("\n"));
}

/// Usage lines and the command's own arguments; the options that all of them share are in the first snapshot.
fn collect(command: &mut clap::Command, help: &mut Vec<String>) {
    command.build();
    for sub in command
        .get_subcommands_mut()
        .filter(|sub| sub.get_name() != "help")
    {
        help.push(sub.render_usage().to_string());
        for argument in sub
            .get_arguments()
            .filter(|argument| !argument.is_global_set() && argument.get_id() != "help")
        {
            help.push(format!(
                "    {argument}  {}",
                argument.get_help().cloned().unwrap_or_default()
            ));
        }
        collect(sub, help);
    }
}

#[track_caller]
fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once(&"gladhand").chain(arguments))
}

#[test]
fn wrong_usage_exits_with_2_and_help_with_0() {
    for wrong in [
        &["nothing"][..],
        &["source"],
        &["source", "show"],
        &["delivery", "list", "--since", "yesterday"],
        &["delivery", "list", "--limit", "0"],
        &["audit", "list", "--limit", "100001"],
        &["dead", "retry"],
        &["connection", "set", "main"],
        &["connection", "set", "main", "--json"],
        &["dead", "discard", "--reason", "test data"],
        &["serve", "--role", "console,watcher"],
        &[
            "effect",
            "conclude",
            "a/b",
            "--account",
            "main",
            "--done",
            " ",
        ],
    ] {
        assert_eq!(
            parse(wrong).expect_err("it is wrong").exit_code(),
            2,
            "{wrong:?}"
        );
    }
    assert_eq!(parse(&["--help"]).expect_err("help ends it").exit_code(), 0);
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated_by_us() {
    let error = parse(&["source", "add", "support", "--webhook-secret", "hunter2"])
        .expect_err("it is a secret");
    assert!(
        error.to_string().contains("write env:NAME or file:PATH"),
        "{error}"
    );
}

/// Runs a command against a host that works on `world`.
async fn run_against(
    world: &Arc<World>,
    arguments: &[&str],
    environment: &Environment,
) -> anyhow::Result<bool> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let routes = crate::api::routes(world.admin(), Hash::of(&"secret-token".into()));
    let host = tokio::spawn(async move { axum::serve(listener, routes).await });
    let connect = ["--url", &url, "--token", "secret-token"];
    let cli = parse(&[arguments, &connect].concat()).expect("the command line is right");
    let result = run(cli, environment).await;
    host.abort();
    result
}

#[tokio::test]
async fn a_connection_is_made_and_used_from_the_command_line() {
    let world = World::new();
    let environment = Environment::of([
        ("SECRET", "0123456789abcdef"),
        ("CRM_TOKEN", "crm-token-0123"),
    ]);
    let commands: [&[&str]; 12] = [
        &["source", "add", "support", "--webhook-secret", "env:SECRET"],
        &["source", "list"],
        &["source", "show", "support", "--json"],
        &[
            "connection",
            "add",
            "main",
            "--source",
            "support",
            "--connector",
            "crm",
            "--base-url",
            "https://crm.example.com",
            "--credential",
            "token=env:CRM_TOKEN",
            "--setting",
            "stage=1",
            "--inbox",
            "7",
        ],
        &[
            "connection",
            "set",
            "main",
            "stage=2",
            "--mode",
            "observe",
            "--all-inboxes",
        ],
        &["connection", "list"],
        &["connection", "check", "main"],
        &["connection", "discover", "main", "stages"],
        &["connection", "pause", "main"],
        &["connector", "list"],
        &["connector", "show", "crm@1.0.0"],
        &[
            "delivery",
            "list",
            "--connection",
            "main",
            "--since",
            "2h",
            "--json",
        ],
    ];
    for command in commands {
        let done = run_against(&world, command, &environment).await;
        assert!(matches!(done, Ok(true)), "{command:?}: {done:?}");
    }
    let connections = world.connections.lock().expect("no test panics with it");
    let connection = &connections[0];
    assert_eq!(connection.settings, serde_json::json!({ "stage": 2 }));
    assert_eq!(connection.mode, gladhand_core::connection::Mode::Observe);
    assert!(connection.inboxes.is_empty() && connection.is_paused);
}

#[tokio::test]
async fn what_the_host_refuses_is_told_in_its_words() {
    let error = run_against(
        &World::new(),
        &["connection", "show", "main"],
        &Environment::default(),
    )
    .await;
    let error = error.expect_err("there is none");
    assert_eq!(
        error.to_string(),
        "there is no connection `main`; `gladhand connection list` shows those there are"
    );
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_named() {
    let command = ["source", "add", "support", "--webhook-secret", "env:NONE"];
    let error = run_against(&World::new(), &command, &Environment::default())
        .await
        .expect_err("it is not set");
    assert_eq!(
        error.to_string(),
        "the environment variable NONE is not set"
    );
}
