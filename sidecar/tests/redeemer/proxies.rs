//! Servers behind a proxy that takes CONNECT, and proxies and portals that are in the way.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redeemer::{Proxies, RedeemProblem, Redeemed, redeem};

use crate::output::service;
use crate::partner::{Certificates, Partner, token};
use crate::{files, order};

/// A proxy on loopback that knows where one name leads.
struct Proxy {
    listener: Partner,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Connects everybody to a port of loopback, or answers with this.
    fn start(leads_to: Option<u16>, answer: &'static str) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heads);
        let listener = Partner::start_raw(move |_, mut client| {
            let head = read_head(&mut client);
            noted.lock().unwrap().push(head);
            let Some(port) = leads_to else {
                let _ = client.write_all(answer.as_bytes());
                return;
            };
            let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            client.write_all(answer.as_bytes()).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            let _ = std::io::copy(&mut server, &mut client);
            let _ = client.shutdown(std::net::Shutdown::Both);
        });
        Self { listener, heads }
    }

    fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}127.0.0.1:{}", self.listener.port)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn read_head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap_or(0) > 0 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

/// Redeems with these variables set.
async fn run_with(
    token: &Token,
    folder: &std::path::Path,
    variables: &[(&str, &str)],
) -> Result<Redeemed, RedeemProblem> {
    let proxies = Proxies::read(|name| {
        let found = variables.iter().find(|(variable, _)| *variable == name)?;
        Some(found.1.to_owned())
    });
    let mut order = order(token, folder);
    order.timeout = Duration::from_secs(2);
    order.proxies = &proxies;
    redeem(&order, &mut ()).await
}

#[tokio::test]
async fn a_proxy_hands_on_what_it_cannot_read() {
    let certificates = Certificates::of_the_tests();
    for (variable, credentials) in [
        ("HTTPS_PROXY", ""),
        ("https_proxy", "user:canary%40@"),
        ("ALL_PROXY", "user@"),
    ] {
        let (partner, _, service) = service();
        let proxy = Proxy::start(Some(partner.port), ESTABLISHED);
        // Only the proxy knows where the name leads.
        let url = partner.url().replace("127.0.0.1", "localhost");
        let token = token(&url, &certificates.server_ca);
        let folder = tempfile::tempdir().unwrap();
        let proxy_url = proxy.url(credentials);
        run_with(&token, folder.path(), &[(variable, &proxy_url)])
            .await
            .unwrap();
        assert_eq!((service.count(), partner.connections()), (1, 1));
        let heads = proxy.heads();
        assert_eq!(heads.len(), 1);
        let connect = format!(
            "CONNECT localhost:{0} HTTP/1.1\r\nhost: localhost:{0}\r\n",
            partner.port
        );
        assert!(heads[0].starts_with(&connect), "{}", heads[0]);
        let authorization = match credentials {
            "" => None,
            // RFC 7617: user and password in base64.
            "user@" => Some("proxy-authorization: Basic dXNlcjo=\r\n"),
            _ => Some("proxy-authorization: Basic dXNlcjpjYW5hcnlA\r\n"),
        };
        assert_eq!(
            heads[0].contains("proxy-authorization"),
            authorization.is_some()
        );
        assert!(
            heads[0].contains(authorization.unwrap_or_default()),
            "{}",
            heads[0]
        );
        assert_eq!(files(folder.path()), ["Link-west.yaml", "Secret-west.yaml"]);
    }
}

#[tokio::test]
async fn a_host_in_no_proxy_is_reached_without_one() {
    let (partner, token, _) = service();
    let proxy = Proxy::start(None, "");
    let folder = tempfile::tempdir().unwrap();
    let url = proxy.url("");
    let variables = [
        ("HTTPS_PROXY", url.as_str()),
        ("NO_PROXY", "a, 127.0.0.0/8"),
    ];
    run_with(&token, folder.path(), &variables).await.unwrap();
    assert_eq!(
        (partner.connections(), proxy.listener.connections()),
        (1, 0)
    );
}

#[tokio::test]
async fn every_fault_on_the_way_names_the_proxy_and_is_not_final() {
    let certificates = Certificates::of_the_tests();
    let (client_ca, portal) = (&certificates.server_ca, &certificates.skupper_server);
    let portal = Partner::start(portal, |_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    });
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_port = closed.local_addr().unwrap().port();
    drop(closed);
    let refuse = |status: &'static str| Proxy::start(None, status);
    let forbidden = refuse("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let wants = refuse("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    let gateway = refuse("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    let busy = refuse("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n");
    let silent = refuse("");
    let garbage = refuse("SSH-2.0-OpenSSH_9.9\r\n");
    let intercepting = Proxy::start(Some(portal.port), ESTABLISHED);
    let to_nowhere = format!("http://user:canary@127.0.0.1:{closed_port}");
    let through = |proxy: &Proxy| proxy.url("user:canary@");
    let table = [
        ("nobody there", to_nowhere, "cannot connect to 127.0.0.1:"),
        (
            "forbidden",
            through(&forbidden),
            "it answers with status 403",
        ),
        (
            "a password",
            through(&wants),
            "the proxy wants a name and a password",
        ),
        (
            "too busy, asked again",
            through(&busy),
            "in 1 s or later, or with a longer '--timeout': the proxy does not connect",
        ),
        ("a gateway", through(&gateway), "it answers with status 502"),
        ("silence", through(&silent), "no answer in HTTP/1.1"),
        ("no proxy", through(&garbage), "no answer in HTTP/1.1"),
        (
            "one that reads along",
            through(&intercepting),
            "signed by 'CN=skupper-grant-server', does not verify with the CA of the token",
        ),
    ];
    for (name, proxy, expected) in table {
        let token = token("https://grants.invalid:9090/a", client_ca);
        let folder = tempfile::tempdir().unwrap();
        let result = run_with(&token, folder.path(), &[("HTTPS_PROXY", &proxy)]).await;
        let problem = result.err().unwrap();
        assert_eq!(problem.exit_code(), 3, "{name}: {problem}");
        let message = problem.to_string();
        assert!(message.contains(expected), "{name}: {message}");
        let port = proxy.rsplit_once(':').unwrap().1;
        let named = format!("(through the proxy http://127.0.0.1:{port} of HTTPS_PROXY)");
        assert!(message.contains(&named), "{name}: {message}");
        assert!(!message.contains("canary"), "{name}: {message}");
        assert_eq!(
            files(folder.path()),
            [""; 0],
            "{name}: the key was never sent"
        );
    }
    assert_eq!(portal.requests(), []);
}

#[tokio::test]
async fn a_proxy_that_is_not_spoken_to_is_named_before_anything_is_sent() {
    let (partner, token, _) = service();
    let folder = tempfile::tempdir().unwrap();
    let variables = [("ALL_PROXY", "socks5://user:canary@127.0.0.1:1080")];
    let problem = run_with(&token, folder.path(), &variables)
        .await
        .err()
        .unwrap();
    assert!(matches!(problem, RedeemProblem::Proxy(_)), "{problem:?}");
    assert_eq!((problem.exit_code(), partner.connections()), (2, 0));
    assert_eq!(files(folder.path()), [""; 0]);
    // What is there already needs no proxy.
    run_with(&token, folder.path(), &[]).await.unwrap();
    let again = run_with(&token, folder.path(), &variables).await.unwrap();
    assert_eq!(again.key_made_by, None);
}
