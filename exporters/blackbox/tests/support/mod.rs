//! Servers that answer by a script, a resolver that says what it is told, and one probe at them.

pub(crate) mod tls;

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common_service::clock::SystemClock;
use exporters_blackbox::config::Config;
use exporters_blackbox::probe::resolve::Looking;
use exporters_blackbox::probe::{Level, Outcome, ProbeContext, ProbeLog, Resolve, prober, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// Time of a probe that nothing holds up.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A server; what it was asked is kept.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers the n-th connection, once it has sent a whole head, with what `script` makes of it.
    pub(crate) async fn start(script: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Server {
        Server::act(move |mut stream, head| {
            let answer = script(&head);
            async move {
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// Hands every connection with its head to `act`.
    pub(crate) async fn act<F>(
        act: impl Fn(TcpStream, String) -> F + Send + Sync + 'static,
    ) -> Server
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let act = Arc::new(act);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (act, kept) = (Arc::clone(&act), Arc::clone(&kept));
                tokio::spawn(async move {
                    let (stream, head) = head(stream).await;
                    kept.lock().unwrap().push(head.clone());
                    act(stream, head).await;
                });
            }
        });
        Server { address, asked }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A server that is handed every connection as it comes.
pub(crate) async fn listen<F>(act: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(act(stream));
        }
    });
    address
}

/// Reads until a head is complete, with as much of a body as came along; gives up on what is none.
async fn head(mut stream: TcpStream) -> (TcpStream, String) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") && bytes.first() != Some(&0x16) {
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => break,
        }
    }
    (stream, String::from_utf8_lossy(&bytes).into_owned())
}

/// A line on stderr, for what a test left out.
pub(crate) fn say(words: &str) {
    drop(writeln!(io::stderr(), "{words}"));
}

/// A plain answer.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

/// Names to addresses, each lookup of a name giving the next ones.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<String, Vec<Vec<IpAddr>>>>);

impl Names {
    pub(crate) fn with(names: &[(&str, &[&str])]) -> Arc<Names> {
        let one = |text: &&str| vec![text.parse().unwrap()];
        let map = names
            .iter()
            .map(|(name, list)| ((*name).to_owned(), list.iter().rev().map(one).collect()));
        Arc::new(Names(Mutex::new(map.collect())))
    }
}

impl Resolve for Names {
    fn lookup<'a>(&'a self, host: &'a str) -> Looking<'a> {
        let found = self
            .0
            .lock()
            .unwrap()
            .get_mut(host)
            .and_then(|list| if list.len() > 1 { list.pop() } else { list.last().cloned() });
        Box::pin(async move { found.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

/// Probes with the module `m: {text}`.
pub(crate) async fn probe(module: &str, target: &str, time: Duration) -> Outcome {
    probe_with(Names::with(&[]), module, target, time).await
}

/// The same with names.
pub(crate) async fn probe_with(
    names: Arc<Names>,
    module: &str,
    target: &str,
    time: Duration,
) -> Outcome {
    let config = Config::parse(&format!("modules: {{m: {module}}}"), "m.yml").unwrap();
    let module = &config.modules["m"];
    let clock = Arc::new(SystemClock);
    let context = ProbeContext {
        deadline: Instant::now() + time,
        clock: clock.clone(),
        resolver: names,
        proxies: Arc::default(),
    };
    let log = ProbeLog::new(clock, Level::Debug, "m", target);
    run(&context, prober(&module.prober).unwrap(), module, target, log).await
}

/// The value of a series in the text of an outcome.
pub(crate) fn value(outcome: &Outcome, series: &str) -> Option<f64> {
    let text = String::from_utf8(outcome.text()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}
