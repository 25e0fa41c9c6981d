//! The command line: data on stdout, all else on stderr; exit code 0 done, 1 failed, 2 usage.
//!
//! Commands that need a running host are clients of its admin API; it must not know what they mean there.

mod source;

mod connection;

mod connector;

mod delivery;

mod dead;

mod lane;

mod explain;

mod effect;

mod link;

mod account;

mod sync;

mod events;

mod audit;

mod check;

pub mod endpoint;

mod arguments;

mod declared;

mod limit;

mod story;

mod moment;

pub mod printer;

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
#[command(next_help_heading = "Global options")]
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
    Serve {
        /// What this host does; without it everything that server.roles says
        #[arg(long, value_name = "ROLE", value_delimiter = ',', value_parser = config::sections::ROLES)]
        role: Vec<String>,
    },
    /// Bring the database's schema up to date, or move an installation from one database to another
    Migrate {
        /// Where it is: sqlite:PATH; its host must be stopped
        #[arg(long, value_name = "URL", requires = "to")]
        from: Option<String>,
        /// Where it goes
        #[arg(
            long,
            value_name = "URL",
            requires = "from",
            help = "Where it goes: an empty database, postgres://USER:PASSWORD@HOST/DATABASE"
        )]
        to: Option<String>,
    },
    /// Look for what keeps the host from working
    Doctor(Format),
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
    /// Deliveries that need a person
    #[command(subcommand)]
    Dead(dead::Command),
    /// Hold back or release everything of one contact
    #[command(subcommand)]
    Lane(lane::Command),
    /// Say what came in about a contact, what became of it, and why
    Explain(explain::Explain),
    /// Writes that must not happen twice, and those in doubt
    #[command(subcommand)]
    Effect(effect::Command),
    /// Which records of the CRM belong to what of a source
    #[command(subcommand)]
    Link(link::Command),
    /// CRMs and credentials that connections share
    #[command(subcommand)]
    Account(account::Command),
    /// Bring a contact to the CRM though nothing happened to it
    #[command(subcommand)]
    Sync(sync::Command),
    /// Webhooks as they come in
    #[command(subcommand)]
    Events(events::Command),
    /// Who did what
    #[command(subcommand)]
    Audit(audit::Command),
    /// The master key
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say everything that is wrong with it: keys, names, settings, time zones, secrets that are missing
    Check(Format),
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
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Format {
    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
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
        Command::Serve { role } => {
            let mut flags = options.set.clone();
            if !role.is_empty() {
                flags.push(("server.roles".to_owned(), role.join(",")));
            }
            let config = Config::load(options.config.as_deref(), environment, &flags)?;
            crate::serve::serve(config, environment).await
        }
        Command::Migrate {
            from: Some(from),
            to: Some(to),
        } => done(crate::serve::move_over(load()?, environment, &from, &to).await),
        Command::Migrate { .. } => done(crate::serve::migrate(load()?, environment).await),
        Command::Doctor(format) => crate::doctor::run(&load()?, environment, format).await,
        Command::Config(ConfigCommand::Check(format)) => {
            let path = options.config.as_deref();
            check::run(path, environment, &options.set, format).await
        }
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
        Command::Dead(command) => done(dead::run(command, &endpoint()?).await),
        Command::Lane(command) => done(lane::run(command, &endpoint()?).await),
        Command::Explain(explain) => done(explain::run(explain, &endpoint()?).await),
        Command::Effect(command) => done(effect::run(command, &endpoint()?).await),
        Command::Link(command) => done(link::run(command, &endpoint()?).await),
        Command::Account(command) => done(account::run(command, &endpoint()?).await),
        Command::Sync(command) => done(sync::run(command, &endpoint()?).await),
        Command::Events(command) => done(events::run(command, &endpoint()?).await),
        Command::Audit(command) => done(audit::run(command, &endpoint()?).await),
    }
}

fn done(result: anyhow::Result<()>) -> anyhow::Result<bool> {
    result.map(|()| true)
}

#[cfg(test)]
mod tests;
