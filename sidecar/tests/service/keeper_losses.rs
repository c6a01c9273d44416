//! Renewals whose request or answer is lost at any byte, and those of a disk that takes nothing more.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use redemption_sidecar::redeemer::keeper::{
    Done, KeepProblem, Renewal, RenewalOrder, Router, renew_in_folder,
};
use redemption_sidecar::redeemer::{FolderTarget, Proxies};
use redemption_sidecar::system::clock;

use crate::keeping::{Links, text};
use crate::sidecar::{Sidecar, free_port, private_folder};

const LINKS: usize = 60;

/// A service asks for patience after 10 renewals of a link in a minute.
const CUTS_PER_LINK: u64 = 8;

#[test]
fn an_answer_that_is_lost_at_any_byte_costs_nothing_and_is_asked_for_again() {
    let proxy = Proxy::start();
    let folder = private_folder();
    let url = format!("https://127.0.0.1:{}", proxy.port);
    let options = [
        "--init",
        "--url",
        &url,
        "--renewed-certificate-duration",
        "1h",
    ];
    let sidecar = Sidecar::start_at(folder.path(), proxy.target, &[], &options);
    let links = Links::redeem(&sidecar, LINKS);
    let before = links.pairs();
    proxy
        .counted
        .iter()
        .for_each(|count| count.store(0, Ordering::SeqCst));
    renew(&links, "link-0").unwrap();
    let lengths = proxy
        .counted
        .each_ref()
        .map(|count| count.load(Ordering::SeqCst));
    println!("bytes up and down: {lengths:?}");
    let cuts = u64::try_from(LINKS).unwrap() * CUTS_PER_LINK / 2;
    let mut lost = 0;
    let mut number = 0;
    for (direction, length) in lengths.into_iter().enumerate() {
        for cut in 0..cuts {
            let name = format!("link-{}", number / CUTS_PER_LINK);
            number += 1;
            let old = crate::keeping::pair(&links.secret(&name));
            proxy.limits[direction].store(length * cut / cuts, Ordering::SeqCst);
            let result = renew(&links, &name);
            proxy.limits[direction].store(u64::MAX, Ordering::SeqCst);
            let new = crate::keeping::pair(&links.secret(&name));
            match result {
                Ok(_) => assert_ne!(old, new, "{name}: {direction} {cut}"),
                Err(problem) => {
                    lost += 1;
                    assert_eq!(old, new, "{name}: {direction} {cut}");
                    assert_eq!(
                        problem.exit_code(),
                        3,
                        "{name}: {direction} {cut}: {problem}"
                    );
                }
            }
        }
    }
    assert!(lost > 2 * cuts * 9 / 10, "{lost} of {}", 2 * cuts);
    for number in 0..LINKS {
        let name = format!("link-{number}");
        renew(&links, &name).unwrap();
        assert!(!links.path().join(format!(".renew-{name}.key")).exists());
    }
    let after = links.check(&before);
    for (name, pair) in &after {
        assert_ne!(pair.serial, before[name].serial, "{name}");
    }
}

/// One attempt.
fn renew(links: &Links, name: &str) -> Result<Done, KeepProblem> {
    let order = RenewalOrder {
        name,
        force: true,
        timeout: Duration::from_secs(5),
        proxies: &Proxies::default(),
        pace: None,
        now: clock::now(),
    };
    let path = links.path();
    let target = FolderTarget {
        path: &path,
        namespace: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let done = runtime.block_on(renew_in_folder(order, target, &Router::None))?;
    assert!(matches!(done.renewal, Renewal::Renewed { .. }), "{done:?}");
    Ok(done)
}

/// A file may have so many bytes: none at all, or no more than a key has.
#[test]
fn on_a_full_disk_the_old_pair_stays_and_the_next_renewal_goes_well() {
    let sidecar = Sidecar::start_with(&["--init"]);
    let links = Links::redeem(&sidecar, 1);
    let before = links.pairs();
    for (case, bytes) in [("nothing", 0), ("the key alone", 1000)] {
        let command = links.command("renew", &["link-0", "--force", "--timeout", "1s"]);
        let mut limited = limited(&command, bytes);
        let output = limited.output().unwrap();
        assert!(
            matches!(output.status.code(), Some(2 | 3)),
            "{case}: {}",
            text(&output)
        );
        assert!(
            text(&output).contains("cannot write"),
            "{case}: {}",
            text(&output)
        );
        assert_eq!(links.check(&before), before, "{case}");
    }
    let output = links.renew(&["link-0", "--force"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_ne!(links.check(&before), before);
}

/// The same command with a limit of file sizes. Its signal would end the process; what is ignored stays
/// ignored.
fn limited(command: &std::process::Command, bytes: u64) -> std::process::Command {
    let mut limited = std::process::Command::new("sh");
    let script = format!("trap '' XFSZ; exec prlimit --fsize={bytes} \"$@\"");
    limited
        .args(["-c", &script, "sh"])
        .arg(command.get_program());
    limited.args(command.get_args());
    limited
}

/// Something between redeemers and the service that hands on so many bytes in each direction, up first, and
/// then ends the connection.
struct Proxy {
    port: u16,
    target: u16,
    limits: Arc<[AtomicU64; 2]>,
    counted: Arc<[AtomicU64; 2]>,
}

impl Proxy {
    fn start() -> Self {
        let target = free_port();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            target,
            limits: Arc::new([AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX)]),
            counted: Arc::default(),
        };
        let (limits, counted) = (Arc::clone(&proxy.limits), Arc::clone(&proxy.counted));
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
                    continue;
                };
                let ends = [(&client, &server), (&server, &client)];
                for (direction, (from, to)) in ends.into_iter().enumerate() {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let limit = limits[direction].load(Ordering::SeqCst);
                    let counted = Arc::clone(&counted);
                    thread::spawn(move || hand_on(from, to, limit, &counted[direction]));
                }
            }
        });
        proxy
    }
}

fn hand_on(mut from: TcpStream, mut to: TcpStream, limit: u64, counted: &AtomicU64) {
    let mut left = limit;
    let mut buffer = [0; 4096];
    while left > 0 {
        let most = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let Ok(count @ 1..) = from.read(&mut buffer[..most]) else {
            let _ = to.shutdown(Shutdown::Write);
            return;
        };
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
        let count = u64::try_from(count).unwrap();
        left -= count;
        counted.fetch_add(count, Ordering::SeqCst);
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
