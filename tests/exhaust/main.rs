//! `cargo xtask exhaust`: every story × every request in it × everything that can go wrong with it.
//!
//! The host is the real one; the CRM is made up, and a gate before it does the harm. Whatever happened, in the end the CRM
//! must hold what it holds without faults. See design/4-semantics.md, "How this is proved".

mod options;

mod scenario;

mod fault;

mod campaign;

mod run;

mod compare;

mod lane;

mod life;

mod watch;

mod gate;

mod crm;

mod report;

use std::process::ExitCode;

use anyhow::{Result, anyhow};

use crate::options::Options;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            report::say(&format!("exhaust: {error:#}"));
            return ExitCode::from(2);
        }
    };
    let exhausted = tokio::select! {
        exhausted = exhaust(&options) => exhausted,
        // Returning removes the hosts' folders, which may lie in memory.
        _ = tokio::signal::ctrl_c() => Err(anyhow!("stopped before it was done")),
    };
    match exhausted {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::say(&format!("exhaust: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing differed.
async fn exhaust(options: &Options) -> Result<bool> {
    let findings = campaign::run(options).await?;
    Ok(report::print(&findings, options))
}
