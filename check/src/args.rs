//! The command line: every option is read into its type here.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Parser, ValueEnum};
use clap_complete::Shell;

use manifest_files::exclude::{Pattern, exclusion};

/// Judges AccessGrants, AccessTokens and TokenRequests in files as the policy would in a cluster.
///
/// Ends with 0 where nothing is refused, with 1 where an object is refused, and with 2 where
/// something cannot be read.
#[derive(Debug, Parser)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(
    name = "skupper-access-check",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    before_help = "Examples:\n  \
        skupper-access-check deploy/\n  \
        skupper-access-check --settings policy.yml 'deploy/**/*.yml'\n  \
        skupper-access-check --fix grant.yml\n  \
        kubectl kustomize . | skupper-access-check -"
)]
pub struct CommandLine {
    /// Files, folders (.yml, .yaml and .json in them and below), patterns such as 'deploy/**/*.yml',
    /// or - for standard input
    #[arg(value_name = "PATH", required_unless_present_any = ["explain", "rules", "completions", "man"])]
    pub paths: Vec<PathBuf>,
    /// The policy's settings: a file with nothing else, or with the policy of Kubewarden
    #[arg(long, short, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Form of the output
    #[arg(long, short, default_value = "text", value_name = "FORMAT")]
    pub output: OutputFormat,
    /// Write fixes and defaults into the files; comments, order and quoting stay. What comes from standard
    /// input goes to standard output, and the findings to standard error
    #[arg(long)]
    pub fix: bool,
    /// Leave out files and folders: 'charts', '*.json', 'deploy/old/**'; may be repeated
    #[arg(long, value_name = "GLOB", value_parser = exclusion)]
    pub exclude: Vec<Pattern>,
    /// Skip what cannot be read and is of none of our kinds in files that are named, too
    #[arg(long)]
    pub skip_others: bool,
    /// End with 1 for warnings, too
    #[arg(long)]
    pub deny_warnings: bool,
    /// Keep code, ca and token readable in -o json, as the policy would store them
    #[arg(long)]
    pub show_secrets: bool,
    /// Folder from which reports name files [default: that of `GITHUB_WORKSPACE`, else the one with .git]
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
    /// When to colour the output
    #[arg(long, default_value = "auto", value_name = "WHEN")]
    pub color: Color,
    /// Judge as if it were this time, such as 2026-11-22T00:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub now: Option<DateTime<Utc>>,
    /// Show the page of a rule: why it is there, what it refuses and accepts
    #[arg(long, value_name = "CODE", exclusive = true)]
    pub explain: Option<String>,
    /// List the rules
    #[arg(long, exclusive = true)]
    pub rules: bool,
    /// Print the completions of a shell
    #[arg(long, value_name = "SHELL", exclusive = true)]
    pub completions: Option<Shell>,
    /// Print the manual page
    #[arg(long, exclusive = true)]
    pub man: bool,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Findings for people, as rustc prints them
    Text,
    /// One JSON value, with the policy's answer to every object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let time = DateTime::parse_from_rfc3339(text);
    let time = time.map_err(|_| "must be a time such as '2026-11-22T00:00:00Z'".to_owned())?;
    Ok(time.to_utc())
}
