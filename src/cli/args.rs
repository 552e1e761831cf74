//! What can be typed. Parsing only: nothing here reads files, the environment (but for what clap declares) or clouds.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::import::Wish;
use crate::model::{Address, BucketName, Ident, Region, SchemaName};

/// Plan and apply secure AWS-Snowflake data pipelines from one spec, without a state file.
#[derive(Debug, Parser)]
#[command(name = "snowssi", version, infer_long_args = false, after_help = TRY_IT, after_long_help = EXIT_CODES)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command
    #[command(flatten)]
    pub common: Common,
}

const TRY_IT: &str = "Try it without any account:\n  snowssi apply --sandbox -f examples/event-pipeline\n
Options of a command: snowssi <COMMAND> --help";

const EXIT_CODES: &str = "\
Try it without any account:
  snowssi apply --sandbox -f examples/event-pipeline

Exit codes:
    0  success; `plan` without --detailed-exitcode also when there are changes
    1  an error before anything was changed: usage, spec, planning, not approved
    2  `plan --detailed-exitcode`: there are changes
    3  an apply or destroy stopped part way: something was changed; run it again to go on
    5  denied: a protected object would be destroyed or replaced
    7  everything was applied, but what was read back is not what was wanted
    8  could not authenticate to, or reach, AWS or Snowflake
  130  interrupted before anything was changed";

/// Options of every command.
#[derive(Debug, Args)]
pub struct Common {
    /// Colour the output: auto (on a terminal, unless `NO_COLOR` is set), always, or never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColourChoice::Auto, global = true, help_heading = COMMON,
          hide_possible_values = true)]
    pub color: ColourChoice,
    /// Print nothing but the result and errors
    #[arg(long, short, global = true, help_heading = COMMON)]
    pub quiet: bool,
    /// Write what the program does to standard error; never holds a secret
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = LogLevel::Off, global = true, help_heading = COMMON,
          hide_possible_values = true, long_help = "Write what the program does to standard error: off, error, warn, info, debug or \
          trace. Requests and statements are told by name, duration and outcome; no secret, token or statement text is written")]
    pub log_level: LogLevel,
}

/// The heading of options that every command has.
const COMMON: &str = "Common options";

/// How much to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// What may be wrong.
    Warn,
    /// What is done.
    Info,
    /// Every request.
    Debug,
    /// Everything.
    Trace,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what an apply would change
    ///
    /// Reads what is live in AWS and Snowflake, compares it with the spec, and prints what an apply would do. Changes nothing.
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// Make the clouds as the spec says
    ///
    /// Plans, asks, and carries the plan out; afterwards reads everything back. If it is stopped or fails part way, run it again: it goes on from what is there.
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(ApplyArgs),
    /// Destroy everything this stack owns
    ///
    /// Plans the destruction of all objects that carry this stack's mark, asks, and destroys them. Protected objects (by default buckets, keys, databases, schemas) must be named, and buckets must be empty or named with --empty-bucket.
    #[command(after_help = DESTROY_EXAMPLES)]
    Destroy(DestroyArgs),
    /// Check the spec without any cloud
    ///
    /// Reports everything that is wrong with the spec, with file, line and hint. Needs no credentials and no network.
    #[command(after_help = VALIDATE_EXAMPLES)]
    Validate(SpecArgs),
    /// Print the plain objects that modules, `for_each` and variables stand for
    ///
    /// Prints a spec that says the same without modules, `for_each`, variables and locals. Needs no credentials and no network.
    #[command(after_help = EXPAND_EXAMPLES)]
    Expand(SpecArgs),
    /// Explain a kind or one of its fields
    ///
    /// Prints what a kind is for, an example, its fields with types and defaults, and its attributes. Without a name lists the kinds.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain {
        /// `KIND` or `KIND.FIELD`
        what: Option<String>,
    },
    /// Print the JSON Schema of a spec, for editors
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
    /// Look at the ready-made specs, or start from one
    ///
    /// They are part of the program: copy one and change it, or use it as a module: source = "snowssi:NAME".
    #[command(after_help = SPECS_EXAMPLES)]
    Specs(SpecsArgs),
    /// Write entries for objects that exist
    ///
    /// Reads live objects and writes the entries that would manage them, with references between them and without what has its default. Changes nothing in a cloud: objects that carry no mark get `adopt = true`, and the next apply marks them. Says what an apply would change besides.
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArgs),
    /// Print the stack's outputs
    ///
    /// Prints the values of the [output] tables as they are now; those that only the clouds know are read from them.
    #[command(after_help = OUTPUT_EXAMPLES)]
    Output(OutputArgs),
    /// Work with the embedded clouds
    ///
    /// The clouds that --sandbox uses live in a directory of files. Look into them, change something behind the spec's back, or start over.
    #[cfg(feature = "sandbox")]
    #[command(after_help = SANDBOX_EXAMPLES)]
    Sandbox(SandboxArgs),
    /// Print the version
    Version,
}

const PLAN_EXAMPLES: &str = "\
Examples:
  snowssi plan                                    # the spec in ./snowssi.toml
  snowssi plan -f specs/event-pipeline --var env=prod
  snowssi plan --show-operations                  # also every statement and call
  snowssi plan --detailed-exitcode                # for CI: exit code 2 if something differs
  snowssi plan --target stage.inbound             # only this and what it needs";

const APPLY_EXAMPLES: &str = "\
Examples:
  snowssi apply                                   # plan, ask, apply
  snowssi apply --sandbox --auto-approve          # on the embedded clouds, without asking
  snowssi apply --adopt=bucket.data.inbound       # take over a bucket that exists already
  snowssi apply --replace task.copy               # drop and create it anew";

const DESTROY_EXAMPLES: &str = "\
Examples:
  snowssi plan --destroy                          # look first
  snowssi destroy --target task.copy
  snowssi destroy --allow-destroy bucket.data --empty-bucket acme-events-inbound";

const VALIDATE_EXAMPLES: &str = "\
Examples:
  snowssi validate
  snowssi validate -f specs/event-pipeline --var env=prod";

const EXPAND_EXAMPLES: &str = "\
Examples:
  snowssi expand
  snowssi expand --var env=prod | diff - <(snowssi expand --var env=test)";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  snowssi explain
  snowssi explain stage
  snowssi explain stage.directory";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  snowssi schema > snowssi.schema.json            # then, first line of a spec: #:schema ./snowssi.schema.json";

const SPECS_EXAMPLES: &str = "\
Examples:
  snowssi specs list
  snowssi specs show snowpipe                     # the spec itself
  snowssi specs show snowpipe README.md           # what it does, and for whom
  snowssi specs copy snowpipe ./orders            # begin with it";

const IMPORT_EXAMPLES: &str = "\
Examples:
  snowssi import stage.landing=DB.S.LANDING bucket.data=acme-events-inbound --out imported.toml
  snowssi import --integration EVENTS --out imported.toml    # it, its role, policies, buckets, keys, stages, pipes, streams, tasks
  snowssi import --schema DB.S --with-database               # to standard output
  snowssi import --stack events --schema DB.S --out snowssi.toml    # where there is no spec yet
  snowssi import --stack events --from-terraform state.json --out snowssi.toml

Names are written as in a spec: DB.S.LANDING, a bucket's name (NAME@REGION in another region), a key's alias, the name or ARN of a role, user or policy.";

const OUTPUT_EXAMPLES: &str = "\
Examples:
  snowssi output                                  # all, as NAME = VALUE
  snowssi output role_arn                         # one value alone, for scripts
  snowssi output --json";

#[cfg(feature = "sandbox")]
const SANDBOX_EXAMPLES: &str = "\
Examples:
  snowssi sandbox sql 'SHOW TASKS IN ACCOUNT'
  snowssi sandbox sql 'ALTER WAREHOUSE EVENTS SET AUTO_SUSPEND = 3600'
  snowssi sandbox put order.json s3://acme-events-inbound/orders/
  snowssi sandbox tick 5m                         # what happens within five minutes, at once
  snowssi sandbox calls --mutating --tail 20      # what was changed, and by whom
  snowssi sandbox serve                           # for the AWS CLI, boto3, the Snowflake connector and the snow CLI
  snowssi sandbox reset";

/// Which spec, with which values.
#[derive(Clone, Debug, Args)]
pub struct SpecArgs {
    /// The spec: a file, or a directory with `snowssi.toml`
    #[arg(long = "file", short = 'f', value_name = "PATH", default_value = "snowssi.toml")]
    pub path: PathBuf,
    /// Set a variable
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = key_value)]
    pub vars: Vec<(String, String)>,
    /// Read variables from a TOML file
    #[arg(long = "var-file", value_name = "FILE")]
    pub var_files: Vec<PathBuf>,
}

/// Which clouds.
#[derive(Clone, Debug, Args)]
pub struct CloudArgs {
    /// Use the embedded clouds, with their state in DIR [default: .snowssi/sandbox]
    #[cfg(feature = "sandbox")]
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = ".snowssi/sandbox")]
    pub sandbox: Option<PathBuf>,
    /// Let things go wrong in the embedded clouds, as this file of faults says
    #[cfg(feature = "sandbox")]
    #[arg(long, value_name = "FILE", requires = "sandbox")]
    pub fault: Option<PathBuf>,
    /// Print what was asked of the clouds
    #[arg(long)]
    pub stats: bool,
    /// Let AWS requests go to the endpoint that the environment or the profile names
    #[arg(long)]
    pub allow_endpoint_override: bool,
}

/// What to plan.
#[derive(Clone, Debug, Default, Args)]
pub struct ScopeArgs {
    /// Plan only this object and what it needs
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<Address>,
    /// Destroy and create this object anew
    #[arg(long, value_name = "ADDRESS")]
    pub replace: Vec<Address>,
    /// Take over live objects that carry no mark: one address, or all that are declared
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, default_missing_value = "*")]
    pub adopt: Vec<String>,
    /// Allow a protected object to be destroyed or replaced
    #[arg(long, value_name = "ADDRESS")]
    pub allow_destroy: Vec<Address>,
    /// Also show every statement and call, in order
    #[arg(long)]
    pub show_operations: bool,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub spec: SpecArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub cloud: CloudArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub scope: ScopeArgs,
    /// Exit with 2 if there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Plan the destruction of everything this stack owns
    #[arg(long)]
    pub destroy: bool,
}

/// Options of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub spec: SpecArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub cloud: CloudArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub scope: ScopeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub run: RunArgs,
}

/// How to run a plan.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Do not ask
    #[arg(long)]
    pub auto_approve: bool,
    /// The longest to wait for the clouds to catch up with a change, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub wait: u64,
}

/// Options of `destroy`.
#[derive(Debug, Args)]
pub struct DestroyArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub spec: SpecArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub cloud: CloudArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub run: RunArgs,
    /// Destroy only this object and what refers to it
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<Address>,
    /// Allow a protected object to be destroyed
    #[arg(long, value_name = "ADDRESS")]
    pub allow_destroy: Vec<Address>,
    /// Delete all that is in this bucket before the bucket itself
    #[arg(long, value_name = "NAME")]
    pub empty_bucket: Vec<BucketName>,
    /// Also show every statement and call, in order
    #[arg(long)]
    pub show_operations: bool,
}

/// What can be done with ready-made specs.
#[derive(Debug, Args)]
pub struct SpecsArgs {
    #[command(subcommand)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub command: SpecsCommand,
}

/// What can be done with ready-made specs.
#[derive(Debug, Subcommand)]
pub enum SpecsCommand {
    /// List them
    List,
    /// Print one
    Show {
        /// Its name
        name: String,
        /// Which of its files
        #[arg(default_value = "snowssi.toml")]
        file: String,
    },
    /// Write one into a new directory
    Copy {
        /// Its name
        name: String,
        /// The directory, which must not exist
        dir: PathBuf,
    },
}

/// Options of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub spec: SpecArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub cloud: CloudArgs,
    /// What to import, and under which address
    #[arg(value_name = "ADDRESS=NAME")]
    pub objects: Vec<Wish>,
    /// Import a storage integration and what hangs together with it: role, policies, buckets, keys, stages, pipes, streams, tasks
    #[arg(long, value_name = "NAME")]
    pub integration: Vec<Ident>,
    /// Import a schema and everything in it
    #[arg(long, value_name = "DATABASE.SCHEMA")]
    pub schema: Vec<SchemaName>,
    /// With --schema: its database too
    #[arg(long, requires = "schema")]
    pub with_database: bool,
    /// Import what a Terraform state (version 4) manages; its properties are read from the clouds
    #[arg(long, value_name = "STATE")]
    pub from_terraform: Option<PathBuf>,
    /// The name of the stack, where there is no spec yet
    #[arg(long, value_name = "NAME", conflicts_with = "path")]
    pub stack: Option<String>,
    /// With --stack: the AWS region [default: that of the environment or the profile]
    #[arg(long, value_name = "REGION", requires = "stack")]
    pub region: Option<Region>,
    /// Write to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Overwrite the file
    #[arg(long, requires = "out")]
    pub force: bool,
}

/// Options of `output`.
#[derive(Debug, Args)]
pub struct OutputArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub spec: SpecArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub cloud: CloudArgs,
    /// Print this output alone, without its name
    pub name: Option<String>,
    /// Print JSON; sensitive values are shown
    #[arg(long)]
    pub json: bool,
}

/// Options of `sandbox`.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Where the state of the embedded clouds is
    #[arg(long, value_name = "DIR", default_value = ".snowssi/sandbox", global = true)]
    pub dir: PathBuf,
    #[command(subcommand)]
    #[expect(missing_docs, reason = "documented at its type")]
    pub command: SandboxCommand,
}

/// What can be done with the embedded clouds.
#[cfg(feature = "sandbox")]
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Forget everything
    Reset,
    /// Run one statement as an administrator and print its rows
    Sql {
        /// The statement
        statement: String,
        /// The role to run it as
        #[arg(long, default_value = "ACCOUNTADMIN")]
        role: String,
        /// Let things go wrong, as this file of faults says
        #[arg(long, value_name = "FILE")]
        fault: Option<PathBuf>,
    },
    /// Print the calls of both clouds
    ///
    /// Every call is written down, whoever made it: this program, programs of others, or Snowflake's own side of the embedded clouds in AWS. Bodies, secrets and the literals of statements are not.
    Calls(CallsArgs),
    /// Put a file into a bucket, as the owner of the account
    Put {
        /// The file
        file: PathBuf,
        /// `s3://BUCKET/KEY`; a key that is empty or ends with `/` gets the name of the file
        #[arg(value_name = "S3_URL")]
        to: String,
    },
    /// Let time pass in the embedded clouds
    ///
    /// Carries the messages of S3 to Snowflake and runs the tasks that become due, as fast as they can, and prints what happened.
    Tick {
        /// How much: `90s`, `5m`, `2h`, `1d`. Without it no time passes, and only what is due now is done
        #[arg(value_name = "DURATION", value_parser = duration, default_value = "0s")]
        by: std::time::Duration,
    },
    /// Let programs of others talk to the embedded clouds
    ///
    /// Serves AWS and Snowflake on two ports of this machine until it is stopped, and prints settings for the AWS CLI, boto3, the Snowflake Python connector, the snow CLI and snowssi itself.
    Serve(ServeArgs),
}

/// Options of `sandbox calls`.
#[cfg(feature = "sandbox")]
#[derive(Clone, Debug, Args)]
pub struct CallsArgs {
    /// Only calls that change something
    #[arg(long)]
    pub mutating: bool,
    /// Only the last N calls
    #[arg(long, value_name = "N")]
    pub tail: Option<usize>,
    /// Print JSON lines
    #[arg(long)]
    pub json: bool,
    /// Forget all calls
    #[arg(long, conflicts_with_all = ["mutating", "tail", "json"])]
    pub clear: bool,
}

/// Options of `sandbox serve`.
#[cfg(feature = "sandbox")]
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// AWS's port; 0 picks free ports for both clouds
    #[arg(long, value_name = "PORT", default_value_t = 4577)]
    pub port: u16,
    /// Snowflake's port [default: 4578, or a free one with --port 0]
    #[arg(long, value_name = "PORT")]
    pub snowflake_port: Option<u16>,
    /// How many times as fast as the machine's the clock of the embedded clouds runs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub speed: u32,
    /// The loopback address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// Serve Snowflake alone, and let it reach the AWS emulator at this URL of this machine
    #[arg(long, value_name = "URL")]
    pub aws_endpoint: Option<String>,
    /// Let things go wrong, as this file of faults says
    #[arg(long, value_name = "FILE")]
    pub fault: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// A number and its unit.
#[cfg(feature = "sandbox")]
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || "expected a number and its unit, such as 90s, 5m, 2h or 1d".to_owned();
    let unit = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let (_, seconds) = unit.into_iter().find(|(unit, _)| text.ends_with(*unit)).ok_or_else(wrong)?;
    let number: u64 = text.get(..text.len() - 1).and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    number.checked_mul(seconds).map(std::time::Duration::from_secs).ok_or_else(wrong)
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}
