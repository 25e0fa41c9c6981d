//! The command line: data on stdout, all else on stderr; exit code 0 done, 1 failed, 2 usage.
//!
//! Commands that need a running host are clients of its admin API; it must not know what they mean there.

mod arguments;

mod connection;

mod connector;

mod delivery;

mod endpoint;

pub mod printer;

mod source;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use gladhand_store::crypter::Key;
use secrecy::ExposeSecret;

use self::endpoint::Endpoint;
use crate::config::{self, Config, Environment};

/// Keeps a CRM in step with Chatwoot.
#[derive(Debug, Parser)]
#[command(name = "gladhand", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Options {
    /// The configuration file [default: gladhand.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, over file and environment: server.listen=127.0.0.1:8787
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = arguments::pair)]
    set: Vec<(String, String)>,
    /// Where the host is
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "Where the host is [env: GLADHAND_URL] [default: where it is configured to listen]"
    )]
    url: Option<String>,
    /// The admin token
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        help = "The admin token [env: GLADHAND_TOKEN] [default: the file that the host wrote]"
    )]
    token: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the host: take in events and deliver them
    Serve,
    /// Bring the database's schema up to date
    Migrate,
    /// Look for what keeps the host from working
    Doctor,
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Chatwoot accounts that send events
    #[command(subcommand)]
    Source(source::Command),
    /// Sources joined to CRMs
    #[command(subcommand)]
    Connection(connection::Command),
    /// The kinds of CRM that can be connected
    #[command(subcommand)]
    Connector(connector::Command),
    /// Events on their way to CRMs
    #[command(subcommand)]
    Delivery(delivery::Command),
    /// The master key
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say what is wrong with it, if anything
    Check,
    /// Print every setting with its default
    Default,
    /// Print the JSON Schema of the file
    Schema,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Print a new one
    Generate,
}

/// How a listing is printed.
#[derive(Debug, Clone, Copy, Args)]
pub struct Format {
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

/// Runs the program: reads the command line, does what it says, tells the shell how it went.
pub async fn main() -> ExitCode {
    let environment = Environment::of_process();
    // Clap ends the process itself: with 2 where it was used wrongly, with 0 where help was asked for.
    let cli = Cli::parse();
    match run(cli, &environment).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            printer::complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// False where it was done and found something wrong.
async fn run(cli: Cli, environment: &Environment) -> anyhow::Result<bool> {
    let Cli { options, command } = cli;
    let load = || Config::load(options.config.as_deref(), environment, &options.set);
    let endpoint = || Endpoint::find(&options, environment);
    match command {
        Command::Serve => crate::serve::serve(load()?, environment).await,
        Command::Migrate => done(crate::serve::migrate(load()?, environment).await),
        Command::Doctor => crate::serve::doctor(load()?, environment).await,
        Command::Config(ConfigCommand::Check) => check_config(load(), environment),
        Command::Config(ConfigCommand::Default) => done(printer::text(config::DEFAULTS)),
        Command::Config(ConfigCommand::Schema) => done(printer::text(config::SCHEMA)),
        Command::Key(KeyCommand::Generate) => done(printer::text(&format!(
            "{}\n",
            Key::generate().to_hex().expose_secret()
        ))),
        Command::Source(command) => done(source::run(command, &endpoint()?, environment).await),
        Command::Connection(command) => connection::run(command, &endpoint()?, environment).await,
        Command::Connector(command) => done(connector::run(command, &endpoint()?).await),
        Command::Delivery(command) => done(delivery::run(command, &endpoint()?).await),
    }
}

fn done(result: anyhow::Result<()>) -> anyhow::Result<bool> {
    result.map(|()| true)
}

fn check_config(
    loaded: Result<Config, config::Error>,
    environment: &Environment,
) -> anyhow::Result<bool> {
    match loaded.and_then(|config| config.declared(environment)) {
        Ok(_) => done(printer::text("ok\n")),
        // What is wrong is what was asked for, so it is data.
        Err(config::Error::Invalid(problems)) => {
            for problem in problems {
                printer::text(&format!("{problem}\n"))?;
            }
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
