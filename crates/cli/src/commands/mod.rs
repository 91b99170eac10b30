//! One module per command; this file is their list.

mod app;
mod case;
mod coverage;
mod demo;
mod detect;
mod disclose;
mod drill;
mod expose;
mod findings;
mod hunt;
mod ingest;
mod lake;
mod letters;
mod map;
mod regime;
mod rejects;
mod rules;
mod scope;
mod search;
mod show;
mod sources;
mod sql;

use crate::exit::Exit;
use crate::setting::Setting;
use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(demo::DemoArgs),
    Ingest(ingest::IngestArgs),
    Coverage(coverage::CoverageArgs),
    Rejects(rejects::RejectsArgs),
    Search(search::SearchArgs),
    Sql(sql::SqlArgs),
    Show(show::ShowArgs),
    Scope(scope::ScopeArgs),
    #[command(subcommand)]
    Map(map::MapCommand),
    #[command(subcommand)]
    Case(case::CaseCommand),
    #[command(subcommand)]
    Lake(lake::LakeCommand),
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    Detect(detect::DetectArgs),
    Hunt(hunt::HuntArgs),
    Findings(findings::FindingsArgs),
    #[command(subcommand)]
    Regime(regime::RegimeCommand),
    #[command(subcommand)]
    Disclose(disclose::DiscloseCommand),
    #[command(subcommand)]
    App(app::AppCommand),
    Drill(drill::DrillArgs),
    Sources(sources::SourcesArgs),
}

pub async fn run(setting: &Setting, command: Command) -> Result<Exit> {
    match command {
        Command::Demo(args) => demo::run(setting, &args).await,
        Command::Ingest(args) => ingest::run(setting, &args).await,
        Command::Coverage(args) => coverage::run(setting, &args).await,
        Command::Rejects(args) => rejects::run(setting, &args).await,
        Command::Search(args) => search::run(setting, &args).await,
        Command::Sql(args) => sql::run(setting, &args).await,
        Command::Show(args) => show::run(setting, &args).await,
        Command::Scope(args) => scope::run(setting, &args).await,
        Command::Map(command) => map::run(setting, command).await,
        Command::Case(command) => case::run(setting, command),
        Command::Lake(command) => lake::run(setting, command).await,
        Command::Rules(command) => rules::run(setting, command),
        Command::Detect(args) => detect::run(setting, &args),
        Command::Hunt(args) => hunt::run(setting, &args).await,
        Command::Findings(args) => findings::run(setting, &args).await,
        Command::Regime(command) => regime::run(setting, &command),
        Command::App(command) => app::run(setting, &command).await,
        Command::Disclose(command) => disclose::run(setting, &command),
        Command::Drill(args) => drill::run(setting, &args),
        Command::Sources(args) => sources::run(setting, &args),
    }
}
