//! The way between clients and servers: the load balancer of a Service, or a network that breaks.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use cluster_tests::{Cluster, free_port};
use tokio::io::copy;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::dice::Dice;

/// A port of loopback; each connection to it goes on to one of the servers that take it, by chance.
pub(crate) struct Balancer {
    pub(crate) port: u16,
    servers: Arc<Mutex<Vec<u16>>>,
    line: watch::Sender<Line>,
    task: JoinHandle<()>,
}

/// Treatment of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Open,
    /// They are closed, and so are new ones.
    Cut,
    /// Nothing arrives, and nobody is told.
    Silent,
    /// Requests arrive, and answers do not.
    Mute,
    /// The connections that there are have become silent; new ones are open.
    Stalled,
}

impl Balancer {
    /// In front of servers on these ports of loopback.
    pub(crate) async fn start(servers: Vec<u16>, dice: Arc<Dice>) -> Self {
        let port = free_port().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let servers = Arc::new(Mutex::new(servers));
        let (line, state) = watch::channel(Line::Open);
        let known = Arc::clone(&servers);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let order = shuffled(&known.lock().unwrap(), &dice);
                tokio::spawn(connection(client, order, state.clone()));
            }
        });
        Self {
            port,
            servers,
            line,
            task,
        }
    }

    /// A line to the API server.
    pub(crate) async fn before(cluster: &Cluster) -> Self {
        let address = cluster.address();
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        Self::start(vec![port], Arc::new(Dice::new("line"))).await
    }

    /// Puts another server in the place of one.
    pub(crate) fn replace(&self, old: u16, new: u16) {
        let mut servers = self.servers.lock().unwrap();
        servers.retain(|port| *port != old);
        servers.push(new);
    }

    pub(crate) fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection(mut client: TcpStream, servers: Vec<u16>, mut line: watch::Receiver<Line>) {
    let begun = line.wait_for(|line| *line != Line::Silent).await;
    let begun = begun.map_or(Line::Cut, |line| *line);
    if begun == Line::Cut {
        return;
    }
    let Some(mut server) = connect(&servers).await else {
        return;
    };
    // Small messages travel at once, as they do without this.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let mut requests = pin!(copy(&mut from_client, &mut to_server));
    let mut answers = pin!(copy(&mut from_server, &mut to_client));
    loop {
        let now = match *line.borrow_and_update() {
            Line::Stalled if begun == Line::Stalled => Line::Open,
            now => now,
        };
        tokio::select! {
            _ = &mut requests, if matches!(now, Line::Open | Line::Mute) => return,
            _ = &mut answers, if now == Line::Open => return,
            changed = line.changed(), if now != Line::Cut => if changed.is_err() { return },
            else => return,
        }
    }
}

async fn connect(servers: &[u16]) -> Option<TcpStream> {
    for port in servers {
        if let Ok(server) = TcpStream::connect(("127.0.0.1", *port)).await {
            return Some(server);
        }
    }
    None
}

fn shuffled(servers: &[u16], dice: &Dice) -> Vec<u16> {
    let mut left = servers.to_vec();
    let mut order = Vec::new();
    while !left.is_empty() {
        order.push(left.swap_remove(dice.below(left.len())));
    }
    order
}
