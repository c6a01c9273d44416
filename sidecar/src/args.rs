//! The command line: every option is read into its type here.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use chrono::TimeDelta;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use skupper_access_policy::value::duration::{WindowProblem, read_window};
use skupper_access_policy::value::host::{Host, HostProblem};
use skupper_access_policy::value::name::{NameProblem, SubdomainName};

use crate::pki::key::KeyKind;
use crate::redemption::LinkId;
use crate::telemetry::log::{LogFilter, LogFormat};
use crate::wire::advertised::AdvertisedUrl;
use crate::wire::objects::read_endpoint_host;

/// Issues, serves and redeems Skupper access tokens.
#[derive(Debug, Parser)]
#[command(
    name = "redemption-sidecar",
    version,
    max_term_width = 100,
    before_help = "On the site that others link to:\n  \
        redemption-sidecar serve --init --url https://192.0.2.1:9090\n  \
        redemption-sidecar issue west -o west.yaml\n\
        On the other site:\n  \
        redemption-sidecar redeem west.yaml"
)]
pub struct CommandLine {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the redemptions of a site
    Serve(Box<Serve>),
    /// Make a grant and print the token that redeems it
    Issue(Issue),
    /// Redeem a token: write the Secret and the Link
    Redeem(Redeem),
    /// Renew the certificates of links
    Renew(Box<Renew>),
    /// List the links of this site
    Links(Links),
    /// List the grants, or the links
    List(List),
    /// Show a grant, its redemptions and its links
    Show(Show),
    /// End a grant at once and take its links back
    Revoke(Revoke),
    /// Print the completions of a shell
    #[command(before_help = "Example:\n  \
        redemption-sidecar completions bash > ~/.local/share/bash-completion/completions/redemption-sidecar")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages
    #[command(before_help = "Example:\n  redemption-sidecar man ~/.local/share/man/man1")]
    Man {
        /// The folder they are written to
        folder: PathBuf,
    },
}

/// The folder of the ledger and of the server's CA.
#[derive(Clone, Debug, Args)]
pub struct Data {
    /// Folder of the ledger and of the server's CA, on a local disk, the same for all commands
    /// [default: $XDG_DATA_HOME/redemption-sidecar; as root /var/lib/redemption-sidecar]
    #[arg(long = "data", value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// The grants that a command acts on: those of the ledger, or of a cluster.
#[derive(Clone, Debug, Args)]
pub struct StoreOptions {
    /// The data folder.
    #[command(flatten)]
    pub data: Data,
    /// The AccessGrants of the Kubernetes cluster that kubectl uses
    #[arg(long, conflicts_with = "folder")]
    pub kubernetes: bool,
    /// With --kubernetes: the namespace [default: that of the context or pod]
    #[arg(long, short, value_name = "NAME", requires = "kubernetes")]
    pub namespace: Option<String>,
}

/// Form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people
    Table,
    /// One JSON value
    Json,
    /// One YAML document
    Yaml,
}

/// Options of `serve`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: a new site of its own, reached at 192.0.2.1\n  \
    redemption-sidecar serve --init --url https://192.0.2.1:9090\n\
    Example: the Skupper namespace 'default' of this machine (Docker, Podman, Linux)\n  \
    redemption-sidecar serve --namespace default --url https://192.0.2.1:9090\n\
    Example: the AccessGrants of namespace 'west' of a Kubernetes cluster\n  \
    redemption-sidecar serve --kubernetes --namespace west --url https://192.0.2.1:9090\n\
    Example: those of all namespaces, each for the Site of its own\n  \
    redemption-sidecar serve --kubernetes --all-namespaces --url https://192.0.2.1:9090"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub struct Serve {
    /// The data folder.
    #[command(flatten)]
    pub data: Data,
    /// Address and port of the redemption service
    #[arg(long, default_value = "[::]:9090", value_name = "ADDRESS", value_parser = address)]
    pub listen: SocketAddr,
    /// Address and port of /healthz, /readyz and /metrics
    #[arg(long, default_value = "127.0.0.1:9180", value_name = "ADDRESS", value_parser = address)]
    pub metrics_listen: SocketAddr,
    /// What tokens carry: https://HOST:PORT, or HOST:PORT, under which redeemers reach this service;
    /// IPv6 in brackets [default: that of redemption.yaml, or the one served with last]
    #[arg(long, env = "SKUPPER_GRANT_SERVER_BASE_URL")]
    pub url: Option<AdvertisedUrl>,
    /// The site: a redemption.yaml, or the folder of a Skupper namespace
    #[arg(long, value_name = "PATH", conflicts_with_all = ["namespace", "init"])]
    pub site: Option<PathBuf>,
    /// The site: a Skupper namespace of this machine; with --kubernetes a namespace of the cluster
    #[arg(long, short, value_name = "NAME", conflicts_with = "init")]
    pub namespace: Option<String>,
    /// Serve the AccessGrants of a Kubernetes cluster [default namespace: that of the context or pod]
    #[arg(long, conflicts_with_all = ["site", "init", "advertise_host"])]
    pub kubernetes: bool,
    /// With --kubernetes: serve the grants of all namespaces, each for the Site of its own namespace
    #[arg(
        long,
        short = 'A',
        requires = "kubernetes",
        conflicts_with = "namespace"
    )]
    pub all_namespaces: bool,
    /// With --kubernetes: fill the status of AccessGrants, too, where Skupper's controller runs with
    /// grants disabled
    #[arg(long, requires = "kubernetes")]
    pub own_status: bool,
    /// Redeem grants at https://HOST:PORT/NAMESPACE/NAME, too, if their codes have at least 32 bytes
    #[arg(long)]
    pub redeem_by_name: bool,
    /// Make a site in the data folder, with a CA of its own, unless there is one
    #[arg(long)]
    pub init: bool,
    /// Host of the routers, as other sites reach them
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub advertise_host: Option<Host>,
    /// A further issuer that grants may name; repeatable
    #[arg(long = "issuer", value_name = "NAME")]
    pub issuers: Vec<String>,
    /// An issuer before the one of the site, whose links are renewed and whose CA stays trusted: a folder
    /// in runtime/issuers, or a Secret, of which only certificates are read; repeatable
    #[arg(long = "previous-issuer", value_name = "NAME", conflicts_with = "init")]
    pub previous_issuers: Vec<String>,
    /// Certificate of the server in PEM, in place of one by the server's own CA
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "tls_ca"])]
    pub tls_cert: Option<PathBuf>,
    /// Key of that certificate in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// CA of that certificate in PEM, which tokens carry
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_ca: Option<PathBuf>,
    /// Key that is made for clients that bring none
    #[arg(long, default_value = "p256", value_name = "KIND")]
    pub key: KeyKind,
    /// Life of the certificates that nobody renews, at least 1h [default: until the end of the issuer, at
    /// most 5 years]
    #[arg(long, value_name = "DURATION", value_parser = certificate_duration)]
    pub certificate_duration: Option<TimeDelta>,
    /// Life of the certificates that redeemers renew, at least 1m. They are renewed at half of it; streams
    /// that are older than two to three renewals break
    #[arg(long, default_value = "168h", value_name = "DURATION", value_parser = renewed_certificate_duration)]
    pub renewed_certificate_duration: TimeDelta,
    /// Serve a ledger that lacks changes, once: what they counted can be redeemed again
    #[arg(long, conflicts_with = "kubernetes")]
    pub accept_lost_log: bool,
    /// How long ended grants are kept
    #[arg(long, default_value = "720h", value_name = "DURATION", value_parser = positive_duration)]
    pub keep: TimeDelta,
    /// Form of the log, on standard error
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug or trace
    #[arg(long, default_value = "info", env = "RUST_LOG", value_name = "LEVEL")]
    pub log_level: LogFilter,
}

/// Options of `issue`.
#[derive(Debug, Args)]
#[command(before_help = "Example: a token for three sites, for one hour\n  \
    redemption-sidecar issue west --redemptions-allowed 3 --expiration-window 1h -o west.yaml\n\
    Example: the same with an AccessGrant of a Kubernetes cluster\n  \
    redemption-sidecar issue west --kubernetes --redemptions-allowed 3 --expiration-window 1h \
    -o west.yaml\n\
    Example: beside Skupper's controller, whose URL and CA stand in the AccessGrant\n  \
    redemption-sidecar issue west --kubernetes --url https://192.0.2.1:9090 --ca-file ca.crt \
    -o west.yaml")]
pub struct Issue {
    /// The grants.
    #[command(flatten)]
    pub store: StoreOptions,
    /// Name of the grant, and of the token [default: that of the manifest]
    #[arg(required_unless_present = "filename", value_parser = subdomain_name)]
    pub name: Option<String>,
    /// An AccessGrant manifest in place of the options below, `-` for standard input
    #[arg(long, short, value_name = "FILE", conflicts_with_all = ["redemptions_allowed", "expiration_window", "code_file"])]
    pub filename: Option<PathBuf>,
    /// How many times the token can be redeemed [default: 1]
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one)]
    pub redemptions_allowed: Option<NonZeroU32>,
    /// How long the token can be redeemed, such as 15m or 24h [default: 15m]
    #[arg(long, value_name = "DURATION")]
    pub expiration_window: Option<String>,
    /// File with a code of at least 16 bytes, `-` for standard input [default: a random code]
    #[arg(long, value_name = "FILE")]
    pub code_file: Option<PathBuf>,
    /// Cost of the link that the token makes
    #[arg(long, default_value = "1", value_name = "COST", value_parser = at_least_one)]
    pub link_cost: NonZeroU32,
    /// With --kubernetes: https://HOST:PORT under which redeemers reach the service [default: that in
    /// the AccessGrant, where serve runs with --own-status]
    #[arg(long, requires_all = ["kubernetes", "ca_file"])]
    pub url: Option<AdvertisedUrl>,
    /// With --kubernetes: file with the CA of the service in PEM, which the token carries [default:
    /// that in the AccessGrant, where serve runs with --own-status]
    #[arg(long, value_name = "FILE", requires_all = ["kubernetes", "url"])]
    pub ca_file: Option<PathBuf>,
    /// File the token is written to, readable by its owner only; - for standard output [default: -]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Options of `redeem`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: link the Skupper namespace 'default' of this machine\n  \
    redemption-sidecar redeem west.yaml\n\
    Example: only write the files\n  \
    redemption-sidecar redeem west.yaml --out link\n\
    Example: link the site in namespace 'east' of a Kubernetes cluster\n  \
    redemption-sidecar redeem west.yaml --kubernetes --namespace east",
    after_help = "Requests go through the HTTP proxy of HTTPS_PROXY or ALL_PROXY, unless NO_PROXY names the \
    host."
)]
pub struct Redeem {
    /// The token: a file with an AccessToken, `-` for standard input
    #[arg(value_name = "TOKEN.yaml")]
    pub token: PathBuf,
    /// Folder the files are written to; they name a Skupper namespace only with --namespace [default:
    /// input/resources of the Skupper namespace]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Make Secret and Link in the Kubernetes cluster that kubectl uses, in place of files
    #[arg(long, conflicts_with = "out")]
    pub kubernetes: bool,
    /// The Skupper namespace of this machine; with --kubernetes a namespace of the cluster [default:
    /// 'default'; with --kubernetes that of the context or pod]
    #[arg(long, short, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Name of Secret and Link [default: that of the token]
    #[arg(long)]
    pub name: Option<String>,
    /// Common name of the certificate [default: chosen by the server]
    #[arg(long)]
    pub subject: Option<String>,
    /// Take a certificate that lives long and that 'renew' leaves alone
    #[arg(long)]
    pub no_renew: bool,
    /// Redeem although it is done already, and replace the objects of these names
    #[arg(long)]
    pub force: bool,
    /// Longest time for all attempts, such as 60s or 5m
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = positive_duration)]
    pub timeout: TimeDelta,
}

/// The links that a command acts on: those of a folder, of Skupper namespaces, or of a cluster.
#[derive(Clone, Debug, Args)]
pub struct LinkPlaces {
    /// Folder of the files of links [default: input/resources of the Skupper namespace]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// The links of the Kubernetes cluster that kubectl uses
    #[arg(long, conflicts_with = "out")]
    pub kubernetes: bool,
    /// The Skupper namespace of this machine; with --kubernetes a namespace of the cluster [default:
    /// 'default'; with --kubernetes that of the context or pod]
    #[arg(long, short, value_name = "NAME")]
    pub namespace: Option<String>,
    /// All Skupper namespaces of this machine; with --kubernetes all namespaces of the cluster
    #[arg(long, short = 'A', conflicts_with_all = ["namespace", "out"])]
    pub all_namespaces: bool,
}

/// Options of `renew`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: renew what is due in the Skupper namespace 'default' of this machine\n  \
    redemption-sidecar renew\n\
    Example: one link, now\n  \
    redemption-sidecar renew west --force\n\
    Example: keep the links of all Skupper namespaces of this machine for ever\n  \
    redemption-sidecar renew --watch --all-namespaces\n\
    Example: a link that Skupper's own client redeemed becomes one that is kept\n  \
    redemption-sidecar renew --adopt west --url https://192.0.2.1:9090/renew --server-ca ca.crt",
    after_help = "Exit code: 0 when every link is renewed or not due, and its router was told; else the first \
    of these that is true of a link: 1 refused for good, 2 something is to be mended here, 3 the same command \
    may go well later. No link keeps another from its renewal.\n\
    Requests go through the HTTP proxy of HTTPS_PROXY or ALL_PROXY, unless NO_PROXY names the host."
)]
pub struct Renew {
    /// The links.
    #[command(flatten)]
    pub places: LinkPlaces,
    /// Names of links [default: every link that is kept]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Renew although it is not due, and take a certificate that ends earlier or is of another CA
    #[arg(long)]
    pub force: bool,
    /// Longest time for all attempts, such as 60s or 5m; with --watch for each
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = positive_duration)]
    pub timeout: TimeDelta,
    /// Program that tells a router of its new certificate, in place of what is built in, and ends with 0 when
    /// it did. It finds RENEWAL_NAMESPACE, RENEWAL_ROUTER, RENEWAL_PROFILE and RENEWAL_SECRET in its
    /// environment
    #[expect(clippy::doc_markdown, reason = "it is the text of the help")]
    #[arg(long, value_name = "PROGRAM", conflicts_with = "kubernetes")]
    pub exec: Option<PathBuf>,
    /// Keep a link that Skupper's own client redeemed from the server of --url, and renew it now
    #[arg(long, value_name = "NAME", requires_all = ["url", "server_ca"], conflicts_with_all = ["names", "watch", "all_namespaces"])]
    pub adopt: Option<String>,
    /// With --adopt: the URL of renewals, https://HOST:PORT/renew
    #[arg(long, requires = "adopt")]
    pub url: Option<String>,
    /// With --adopt: file with the CA of that server in PEM
    #[arg(long, value_name = "FILE", requires = "adopt")]
    pub server_ca: Option<PathBuf>,
    /// Keep the links for ever: renew each at half of its life. SIGHUP looks at once, SIGTERM ends
    #[arg(long, conflicts_with_all = ["names", "force"])]
    pub watch: bool,
    /// With --watch: address and port of /healthz, /readyz and /metrics
    #[arg(long, default_value = "127.0.0.1:9181", value_name = "ADDRESS", value_parser = address)]
    pub metrics_listen: SocketAddr,
    /// With --watch: form of the log, on standard error
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// With --watch: what is logged: error, warn, info, debug or trace
    #[arg(long, default_value = "info", env = "RUST_LOG", value_name = "LEVEL")]
    pub log_level: LogFilter,
}

/// Options of `links`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: the links of the Skupper namespace 'default' of this machine\n  \
    redemption-sidecar links\n\
    Example: those of the namespace 'east' of a Kubernetes cluster\n  \
    redemption-sidecar links --kubernetes --namespace east",
    after_help = "What is shown is what Secrets and the clock tell: the last attempt of 'renew' stands nowhere but \
    in its log."
)]
pub struct Links {
    /// The links.
    #[command(flatten)]
    pub places: LinkPlaces,
    /// Form of the output
    #[arg(long, short, default_value = "table", value_name = "FORMAT")]
    pub output: Format,
}

/// Options of `list`.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  redemption-sidecar list -o json\n\
    Example: the links, with the end of each and the CA of its certificate\n  \
    redemption-sidecar list --links\n\
    Example: the AccessGrants of namespace 'west' of a Kubernetes cluster\n  \
    redemption-sidecar list --kubernetes --namespace west")]
pub struct List {
    /// The grants.
    #[command(flatten)]
    pub store: StoreOptions,
    /// List the links that were redeemed, in place of the grants
    #[arg(long)]
    pub links: bool,
    /// With --links: only those of the grants of this name
    #[arg(requires = "links")]
    pub name: Option<String>,
    /// Form of the output
    #[arg(long, short, default_value = "table", value_name = "FORMAT")]
    pub output: Format,
}

/// Options of `show`.
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  redemption-sidecar show west")]
pub struct Show {
    /// The grants.
    #[command(flatten)]
    pub store: StoreOptions,
    /// Name of the grant
    pub name: String,
    /// Form of the output
    #[arg(long, short, default_value = "table", value_name = "FORMAT")]
    pub output: Format,
}

/// Options of `revoke`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: the grant 'west', and every link that was redeemed from it\n  \
    redemption-sidecar revoke west\n\
    Example: one link, of those that 'list --links' shows\n  \
    redemption-sidecar revoke --link 0123456789abcdef0123",
    after_help = "No service renews a link that is taken back, from that moment on (in a cluster within 2 s). The \
    other site is out when its last certificate has ended, which the output says; until then it can \
    connect again whenever it likes.\n\n\
    With --link or --subject the grant goes on: while it can be redeemed, whoever has its token can link \
    again, with another link. The output names such grants.\n\n\
    A connection that is open outlives its certificate. To close it after that end, at the site that \
    accepts the links:\n\
    - all links, for some seconds: in Kubernetes give the Secret 'skupper-site-server' new data, with the \
    annotation 'skupper.io/tls-prior-valid-revisions: \"0\"', and take the annotation away afterwards; \
    elsewhere run 'skupper system reload'\n\
    - one link: in the network of the router, find the address of the peer with 'skstat -c' by its \
    subject (CN=..., OU=LINK), and run 'ss -K dst ADDRESS'\n\n\
    To shut everybody out at once, replace the CA of the links.",
    group = ArgGroup::new("revoked").required(true).args(["name", "link", "subject"])
)]
pub struct Revoke {
    /// The grants.
    #[command(flatten)]
    pub store: StoreOptions,
    /// Name of the grant: it ends, and its links are taken back, also when it has ended before
    pub name: Option<String>,
    /// End only the grant: its links are renewed as before
    #[arg(long, conflicts_with_all = ["link", "subject"])]
    pub keep_links: bool,
    /// Take back this link only, whether it is known or not
    #[arg(long, value_name = "LINK", value_parser = link)]
    pub link: Option<LinkId>,
    /// Take back the links whose certificates have this common name
    #[arg(long, value_name = "NAME")]
    pub subject: Option<String>,
    /// Form of the output
    #[arg(long, short, default_value = "table", value_name = "FORMAT")]
    pub output: Format,
}

/// Reason the text of an option is refused.
#[derive(Debug, thiserror::Error)]
enum OptionProblem {
    #[error("must be ADDRESS:PORT, such as '0.0.0.0:9090' or '[::]:9090'")]
    Address,
    #[error("must be a whole number from 1 to 2147483647")]
    Number,
    #[error("must be more than 0")]
    NotPositive,
    #[error("must be at least 1h")]
    TooShort,
    #[error("must be at least 1m")]
    TooShortToRenew,
    #[error("must be the 20 hexadecimal digits of a link, as 'list --links' shows them")]
    Link,
    #[error("{0}")]
    Duration(#[from] WindowProblem),
    #[error("{0}")]
    Name(NameProblem),
    #[error("{0}")]
    Host(HostProblem),
}

fn address(text: &str) -> Result<SocketAddr, OptionProblem> {
    text.parse().map_err(|_| OptionProblem::Address)
}

fn link(text: &str) -> Result<LinkId, OptionProblem> {
    LinkId::parse(text).ok_or(OptionProblem::Link)
}

fn subdomain_name(text: &str) -> Result<String, OptionProblem> {
    let name = SubdomainName::parse(text).map_err(OptionProblem::Name)?;
    Ok(name.as_str().to_owned())
}

/// The bound of the fields in Kubernetes. Source: Skupper's AccessGrant and AccessToken reference.
fn at_least_one(text: &str) -> Result<NonZeroU32, OptionProblem> {
    let number = text.parse().ok();
    let number = number.filter(|number: &NonZeroU32| i32::try_from(number.get()).is_ok());
    number.ok_or(OptionProblem::Number)
}

fn host(text: &str) -> Result<Host, OptionProblem> {
    read_endpoint_host(text).map_err(OptionProblem::Host)
}

fn positive_duration(text: &str) -> Result<TimeDelta, OptionProblem> {
    let duration = TimeDelta::nanoseconds(read_window(text)?.nanoseconds());
    let is_positive = duration > TimeDelta::zero();
    is_positive
        .then_some(duration)
        .ok_or(OptionProblem::NotPositive)
}

fn renewed_certificate_duration(text: &str) -> Result<TimeDelta, OptionProblem> {
    let duration = positive_duration(text)?;
    let is_long = duration >= TimeDelta::minutes(1);
    is_long
        .then_some(duration)
        .ok_or(OptionProblem::TooShortToRenew)
}

fn certificate_duration(text: &str) -> Result<TimeDelta, OptionProblem> {
    let duration = TimeDelta::nanoseconds(read_window(text)?.nanoseconds());
    let is_enough = duration >= TimeDelta::hours(1);
    is_enough.then_some(duration).ok_or(OptionProblem::TooShort)
}
