//! Codes, private keys and tokens are nowhere but where they belong.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use redemption_sidecar::pki::key::{KeyKind, PrivateKey};
use redemption_sidecar::wire::certificate_request;
use serde_json::Value;
use skupper_access_policy::printable::printable;

use crate::holder::Holder;
use crate::raw::Connection;
use crate::redeemers::{Door, Redeemer, decoded};
use crate::sidecar::{Sidecar, Token};

/// What a client says before its code was right.
const STRANGER: &str = "canary-of-a-stranger";

/// A code that somebody chose.
const CHOSEN: &str = "canary-code-that-was-chosen-7f3a";

#[test]
fn no_code_no_key_and_no_token_is_in_text_logs_metrics_outputs_or_the_data_folder() {
    look_everywhere("text");
}

#[test]
fn no_code_no_key_and_no_token_is_in_json_logs_metrics_outputs_or_the_data_folder() {
    look_everywhere("json");
}

fn look_everywhere(format: &str) {
    let options = ["--init", "--log-format", format, "--log-level", "trace"];
    let sidecar = Sidecar::start_with(&options);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut seen = Seen::default();

    let tokens = issue(&sidecar, elsewhere.path(), &mut seen);
    let keys = redeem(&sidecar, &tokens, elsewhere.path(), &mut seen);
    let shown = renew(&sidecar, &tokens[0]);
    for output in ["table", "json", "yaml"] {
        seen.add("links", &sidecar.run(&["list", "--links", "-o", output]));
    }
    for output in ["table", "json", "yaml"] {
        seen.add("show", &sidecar.run(&["show", "chosen", "-o", output]));
        seen.add("list", &sidecar.run(&["list", "-o", output]));
    }
    seen.add("revoke", &sidecar.run(&["revoke", "chosen"]));
    assert_eq!(ask(&sidecar, &tokens[1], &[], CHOSEN), Some(404));
    for path in ["/metrics", "/healthz", "/readyz", "/"] {
        seen.0.push((path.to_owned(), operations(&sidecar, path)));
    }
    seen.0.push(("log".to_owned(), sidecar.log()));

    let mut secrets = Secrets::default();
    for token in &tokens {
        secrets.text("a code", &token.code);
        secrets.certificates("a CA", &token.ca);
    }
    for key in keys.iter().chain(&shown.keys) {
        secrets.key("a client's key", key);
    }
    for certificate in &shown.certificates {
        secrets.certificates("a link's certificate", certificate);
    }
    for request in &shown.requests {
        secrets.text("a certificate request", &request[request.len() / 2..]);
    }
    let authorities = ["site/ca.key", "server-ca/ca.key"];
    let authorities = authorities.map(|file| sidecar.folder().join(file));
    for file in &authorities {
        secrets.key("a CA's key", &fs::read_to_string(file).unwrap());
    }
    secrets.text("a wrong code", "wrong-");
    secrets.text("a stranger's header", STRANGER);
    for shown in [&tokens[0].yaml, &tokens[0].ca, &keys[0]] {
        assert_ne!(secrets.within(shown.as_bytes()), None, "would be found");
    }
    for (place, text) in &seen.0 {
        let found = secrets.within(text.as_bytes());
        assert_eq!(found, None, "{format}: {place}: {text}");
    }

    // Files hold certificates, which are no secrets, and the two keys hold themselves.
    secrets
        .0
        .retain(|(what, _)| !["a CA", "a link's certificate"].contains(what));
    for file in &authorities {
        assert_ne!(secrets.within(&fs::read(file).unwrap()), None);
    }
    let files = files(sidecar.folder());
    assert!(files.len() >= 8, "{files:?}");
    for file in files.iter().filter(|file| !authorities.contains(file)) {
        let found = secrets.within(&fs::read(file).unwrap());
        assert_eq!(found, None, "{}", file.display());
    }
}

#[test]
fn a_line_of_the_log_says_what_the_service_saw_whatever_a_client_calls_itself() {
    let forgeries = [
        r#"west" outcome="counted" serial="00"#,
        r#"west","outcome":"counted"#,
        "west outcome=counted serial=00",
        r"west\",
        "west  \u{e9}",
    ];
    let hidden = ["a\u{2028}b", "a\u{85}b", "a\u{202e}b", "a\tb"];
    for format in ["text", "json"] {
        let sidecar = Sidecar::start_with(&["--init", "--log-format", format]);
        let token = sidecar.issue("west", &["--redemptions-allowed", "100"]);
        for subject in hidden {
            let status = ask(&sidecar, &token, &[("subject", subject)], &token.code);
            assert_eq!(status, Some(400), "{subject:?}");
        }
        let is_no_http = ask(
            &sidecar,
            &token,
            &[("subject", "a\u{1b}[31mb")],
            &token.code,
        );
        assert_eq!(is_no_http, Some(400));
        for subject in forgeries {
            let status = ask(&sidecar, &token, &[("subject", subject)], &token.code);
            assert_eq!(status, Some(200), "{subject}");
        }
        let log = sidecar.log();
        let is_redemption =
            |line: &&str| line.contains(" INFO redemption ") || line.contains(r#":"redemption""#);
        let lines: Vec<_> = log.lines().filter(is_redemption).collect();
        assert_eq!(lines.len(), hidden.len() + forgeries.len(), "{log}");
        for (line, subject) in lines[hidden.len()..].iter().zip(forgeries) {
            let subject = printable(subject).to_string();
            if format == "json" {
                let line: Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["subject"], subject);
                assert_eq!(line["outcome"], "counted");
                assert_eq!(line["name"], "west");
            } else {
                let end = line.split_once(" subject=").unwrap().1;
                let (quoted, end) = unquoted(end);
                assert_eq!(quoted, subject, "{line}");
                assert!(end.starts_with(" serial="), "{line}");
                assert_eq!(end.matches('=').count(), 2, "{line}");
            }
        }
    }
}

/// The text of a quoted value at the start of a line, and what follows it.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = text.strip_prefix('"').unwrap().chars();
    while let Some(character) = rest.next() {
        match character {
            '"' => break,
            '\\' => value.push(rest.next().unwrap()),
            other => value.push(other),
        }
    }
    (value, rest.as_str())
}

/// Makes grants in every way there is.
fn issue(sidecar: &Sidecar, folder: &Path, seen: &mut Seen) -> Vec<Token> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let code_file = write("code", &format!("{CHOSEN}\n"));
    let manifest = |code: &str, rest: &str| {
        format!(
            "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {{name: by-manifest}}\n\
             spec: {{code: {code}, redemptionsAllowed: 3{rest}}}\n"
        )
    };
    let filename = write("grant.yaml", &manifest("canary-code-of-a-manifest", ""));
    let output_file = folder.join("token.yaml");
    let ways: [&[&str]; 4] = [
        &["generated", "--redemptions-allowed", "3"],
        &[
            "chosen",
            "--redemptions-allowed",
            "3",
            "--code-file",
            &code_file,
        ],
        &["-f", &filename],
        &[
            "to-file",
            "--redemptions-allowed",
            "3",
            "-o",
            output_file.to_str().unwrap(),
        ],
    ];
    let tokens = ways.map(|way| {
        let output = sidecar.run(&[&["issue"], way].concat());
        assert!(output.status.success(), "{way:?}");
        // The one place where a token belongs.
        seen.0.push((
            "issue".to_owned(),
            String::from_utf8(output.stderr).unwrap(),
        ));
        let text = match output.stdout.as_slice() {
            [] => fs::read_to_string(&output_file).unwrap(),
            stdout => String::from_utf8(stdout.to_vec()).unwrap(),
        };
        Token::read(&text)
    });
    // What is refused is not repeated.
    let short = write("short", "canary-of-a-stranger"[..15].into());
    let bad = write("bad.yaml", &manifest(CHOSEN, ", expirationWindow: 1d"));
    let broken = write("broken.yaml", &manifest(&format!("{CHOSEN}: ["), ""));
    let ways: [&[&str]; 5] = [
        &["generated"],
        &["short", "--code-file", &short],
        &["-f", &bad],
        &["-f", &broken],
        &["to-file-again", "-o", output_file.to_str().unwrap()],
    ];
    for way in ways {
        let output = sidecar.run(&[&["issue"], way].concat());
        assert!(!output.status.success(), "{way:?}");
        seen.add("issue, refused", &output);
    }
    tokens.into()
}

/// Redeems in every way that ends in another answer. Returns the keys that were used.
fn redeem(sidecar: &Sidecar, tokens: &[Token], folder: &Path, seen: &mut Seen) -> Vec<String> {
    let mut keys = Vec::new();
    for token in tokens {
        let door = Door::new(sidecar.port, &token.ca, 0);
        let answer = Redeemer::plain().ask_once(&door, token);
        let secret: Vec<Value> = serde_saphyr::from_multiple(&answer.body).unwrap();
        keys.push(decoded(&secret[0]["data"]["tls.key"]));
        assert_eq!(Redeemer::with_own_key().ask_once(&door, token).status, 200);

        let stranger = [("name", STRANGER), ("subject", STRANGER)];
        let request = [("certificate-request", STRANGER)];
        let wrong = format!("wrong-{}", token.code);
        assert_eq!(ask(sidecar, token, &stranger, &wrong), Some(403));
        assert_eq!(ask(sidecar, token, &stranger, &token.code[1..]), Some(403));
        assert_eq!(ask(sidecar, token, &request, &token.code), Some(400));
        assert_eq!(
            ask(sidecar, token, &[("name", "wrong-/")], &token.code),
            Some(400)
        );
        let elsewhere = Token {
            path: format!("/{}", token.code),
            ..token.clone()
        };
        assert_eq!(ask(sidecar, &elsewhere, &[], &token.code), Some(404));

        let out = folder.join(format!("out-{}", token.name));
        let file = folder.join("given.yaml");
        let mut redeem = |yaml: &str, more: &[&str]| {
            fs::write(&file, yaml).unwrap();
            let mut command = std::process::Command::new(crate::sidecar::BINARY);
            command.arg("redeem").arg(&file).arg("--out").arg(&out);
            let output = command
                .args(more)
                .args(["--timeout", "1s"])
                .output()
                .unwrap();
            seen.add("redeem", &output);
            output.status.code()
        };
        assert_eq!(redeem(&token.yaml, &[]), Some(0), "the last of three");
        assert_eq!(redeem(&token.yaml, &[]), Some(0), "done already");
        assert_eq!(redeem(&token.yaml, &["--name", "other"]), Some(1), "spent");
        let wrong = token.yaml.replace(&token.code, &wrong);
        assert_eq!(
            redeem(&wrong, &["--name", "wrong"]),
            Some(1),
            "a wrong code"
        );
        for broken in ["{", "\nkind: Other", "\nspec: []", "\n---\na: b"] {
            let status = redeem(&(token.yaml.clone() + broken), &["--name", "other"]);
            assert_eq!(status, Some(2), "{broken}");
        }
        let away = token.yaml.replace(&format!(":{}/", sidecar.port), ":9/");
        assert_eq!(
            redeem(&away, &["--name", "away"]),
            Some(3),
            "nobody is there"
        );
        let secret = fs::read_to_string(out.join(format!("Secret-{}.yaml", token.name))).unwrap();
        let secret: Value = serde_saphyr::from_str(&secret).unwrap();
        keys.push(decoded(&secret["data"]["tls.key"]));
    }
    keys
}

/// A renewal as it was sent, and the certificate that was shown.
struct Shown {
    keys: Vec<String>,
    certificates: Vec<String>,
    requests: Vec<String>,
}

/// Renews, and is refused to, in every way that ends in another answer.
fn renew(sidecar: &Sidecar, first: &Token) -> Shown {
    let token = sidecar.issue("renewing", &["--redemptions-allowed", "2"]);
    let mut holder = Holder::redeem(sidecar, &token);
    let (mut keys, mut certificates) = (vec![holder.key()], vec![holder.pem().to_owned()]);
    assert_eq!(holder.renew(sidecar.port).status, 200);
    assert_eq!(holder.tell(sidecar.port).status, 200);
    keys.push(holder.key());
    certificates.push(holder.pem().to_owned());

    let request = certificate_request::create(&PrivateKey::generate(KeyKind::P256));
    let half = request[..request.len() / 2].to_owned();
    let post = |headers: &[(&str, &str)]| {
        let answer = holder.open(sidecar.port).post("/renew", headers, b"");
        answer.unwrap().status
    };
    let unreadable = [("certificate-request", half.as_str())];
    assert_eq!(post(&unreadable), 400);
    assert_eq!(post(&[("certificate-request", STRANGER)]), 400);
    assert_eq!(post(&[("name", STRANGER)]), 400);
    let good = [("certificate-request", request.as_str())];
    while post(&good) == 200 {}
    assert_eq!(post(&good), 429);

    let other = Sidecar::start();
    let subject = [("renews", "1"), ("subject", STRANGER)];
    let mut stranger = Holder::redeem_with(&other, &other.issue("other", &[]), &subject);
    stranger.trust(&first.ca);
    assert_eq!(stranger.renew(sidecar.port).status, 403);
    keys.push(stranger.key());
    certificates.push(stranger.pem().to_owned());
    assert!(sidecar.run(&["revoke", "renewing"]).status.success());
    assert_eq!(holder.renew(sidecar.port).status, 403);
    Shown {
        keys,
        certificates,
        requests: vec![request],
    }
}

fn ask(sidecar: &Sidecar, token: &Token, headers: &[(&str, &str)], code: &str) -> Option<u16> {
    let mut connection = Connection::open(sidecar.port, &token.ca);
    let answer = connection.post(&token.path, headers, code.as_bytes());
    answer.map(|answer| answer.status)
}

fn operations(sidecar: &Sidecar, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", sidecar.operations_port)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Places, and what stood there.
#[derive(Default)]
struct Seen(Vec<(String, String)>);

impl Seen {
    fn add(&mut self, place: &str, output: &Output) {
        for bytes in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.0.push((place.to_owned(), text));
        }
    }
}

/// What must not be seen, and what it is.
#[derive(Default)]
struct Secrets(Vec<(&'static str, Vec<u8>)>);

impl Secrets {
    fn text(&mut self, what: &'static str, secret: &str) {
        self.0.push((what, secret.into()));
        let base64 = STANDARD_NO_PAD.encode(secret);
        // The last characters depend on what follows.
        self.0.push((what, base64[..base64.len() / 4 * 4].into()));
    }

    /// Every whole line.
    fn certificates(&mut self, what: &'static str, pem: &str) {
        for line in pem.lines().filter(|line| line.len() == 64) {
            self.text(what, line);
        }
    }

    /// What is private in a P-256 key in PKCS#8: bytes 36 to 68.
    fn key(&mut self, what: &'static str, pem: &str) {
        let lines: Vec<_> = pem.lines().collect();
        let [_, first, second, ..] = lines.as_slice() else {
            panic!("{what}: not PKCS#8");
        };
        for part in [&first[48..], &second[..24]] {
            self.text(what, part);
            self.0.push((what, STANDARD_NO_PAD.decode(part).unwrap()));
        }
    }

    /// What is seen in these bytes.
    fn within(&self, bytes: &[u8]) -> Option<&str> {
        let is_in = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        let found = self.0.iter().find(|(_, secret)| is_in(secret));
        found.map(|(what, _)| *what)
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}
