//! Collectors that ask over D-Bus: a fake bus with a fake systemd and logind behind it.

use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use common_testkit::golden;
use exporters_node::{NodeExporter, NodeOptions};
use zbus::connection::Builder;
use zbus::export::futures_core::Stream;
use zbus::message::Type;
use zbus::{Connection, Guid, Message, MessageStream, ObjectPath, Variant};

use crate::support::{options, scrape, scrape_again};

/// How the fake behaves now, and what it has seen.
#[derive(Default)]
struct Manners {
    /// Accepts and reads, and answers nothing.
    is_silent: AtomicBool,
    /// Has no property that belongs to systemd as a whole.
    is_shy: AtomicBool,
    connections: AtomicUsize,
    /// Goes up when all connections are to be closed, as when the bus is started anew.
    restarts: AtomicUsize,
}

/// A listening socket, answered until the test ends.
struct FakeBus {
    directory: tempfile::TempDir,
    manners: Arc<Manners>,
}

impl FakeBus {
    fn start() -> FakeBus {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("bus")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let manners = Arc::new(Manners::default());
        let shared = Arc::clone(&manners);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = tokio::net::UnixListener::from_std(listener).unwrap();
                while let Ok((socket, _)) = listener.accept().await {
                    shared.connections.fetch_add(1, SeqCst);
                    tokio::spawn(serve(socket.into_std().unwrap(), Arc::clone(&shared)));
                }
            });
        });
        FakeBus { directory, manners }
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("bus")
    }

    /// Options of a collector that asks here.
    fn options(&self, collector: &str) -> NodeOptions {
        let mut options = options(Path::new("tests/host"), collector);
        options.buses.system = Some(format!("unix:path={}", self.socket().display()));
        options
    }
}

/// Answers one client.
async fn serve(socket: std::os::unix::net::UnixStream, manners: Arc<Manners>) {
    let restarts = manners.restarts.load(SeqCst);
    let builder = Builder::unix_stream(socket).server(Guid::generate()).p2p();
    let connection = builder.build().await.unwrap();
    let mut messages = MessageStream::from(&connection);
    while let Some(Ok(message)) =
        std::future::poll_fn(|context| Pin::new(&mut messages).poll_next(context)).await
    {
        if manners.restarts.load(SeqCst) != restarts {
            return;
        }
        if message.message_type() == Type::MethodCall && !manners.is_silent.load(SeqCst) {
            answer(&connection, &message, &manners).await.unwrap();
        }
    }
}

async fn answer(connection: &Connection, message: &Message, manners: &Manners) -> zbus::Result<()> {
    let header = message.header();
    match header.member().unwrap().as_str() {
        "Hello" => connection.reply(&header, &":1.7").await,
        "Ping" => connection.reply(&header, &()).await,
        "ListUnits" => connection.reply(&header, &units()).await,
        "ListSeats" => connection.reply(&header, &vec![("seat0", path("/seat/seat0"))]).await,
        "ListSessions" => {
            let session = |id: &'static str, seat: &'static str| {
                (id, 1000u32, "alice", seat, path(&format!("/session/{id}")))
            };
            let sessions = vec![
                session("_31", "seat0"),
                session("_32", ""),
                session("_33", ""),
                session("_34", ""),
                session("gone", ""),
            ];
            connection.reply(&header, &sessions).await
        }
        "Get" => {
            let body = message.body();
            let (interface, name): (&str, &str) = body.deserialize()?;
            let object = header.path().unwrap().as_str().rsplit('/').next().unwrap();
            let is_hidden = manners.is_shy.load(SeqCst) && interface.ends_with(".Manager");
            let interface = interface.rsplit('.').next().unwrap();
            match property(object, interface, name).filter(|_| !is_hidden) {
                Some(value) => connection.reply(&header, &value).await,
                None => {
                    let error = "org.freedesktop.DBus.Error.UnknownProperty";
                    connection.reply_error(&header, error, &"no such property").await
                }
            }
        }
        other => panic!("unexpected call of {other}"),
    }
}

fn path(path: &str) -> ObjectPath<'static> {
    ObjectPath::try_from(path.to_owned()).unwrap()
}

type Unit = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    ObjectPath<'static>,
    u32,
    &'static str,
    ObjectPath<'static>,
);

fn units() -> Vec<Unit> {
    let unit = |name: &'static str, object: &str, load: &'static str, state: &'static str| {
        let object = path(&format!("/org/freedesktop/systemd1/unit/{object}"));
        (name, "about it", load, state, "sub", "", object, 0, "", path("/"))
    };
    vec![
        unit("web.service", "web_2eservice", "loaded", "active"),
        unit("batch.service", "batch_2eservice", "loaded", "failed"),
        unit("vanished.service", "vanished_2eservice", "loaded", "activating"),
        unit("absent.service", "absent_2eservice", "not-found", "inactive"),
        unit("web.socket", "web_2esocket", "loaded", "active"),
        unit("old.socket", "old_2esocket", "loaded", "active"),
        unit("daily.timer", "daily_2etimer", "loaded", "active"),
        unit("srv.mount", "srv_2emount", "loaded", "reloading"),
        unit("multi-user.target", "multi_2duser_2etarget", "loaded", "active"),
    ]
}

/// The properties that there are.
fn property(object: &str, interface: &str, name: &str) -> Option<Variant<'static>> {
    let started = Variant::from(1_794_990_000_250_000u64);
    Some(match (object, interface, name) {
        ("systemd1", "Manager", "Version") => "257.9-1".into(),
        ("systemd1", "Manager", "Virtualization") => "kvm".into(),
        ("systemd1", "Manager", "SystemState") => "running".into(),
        ("vanished_2eservice", ..) => return None,
        (_, "Unit", "ActiveEnterTimestamp") => started,
        ("web_2eservice", "Service", "Type") => "notify".into(),
        ("batch_2eservice", "Service", "Type") => "oneshot".into(),
        ("web_2eservice", "Service", "NRestarts") => 3u32.into(),
        ("batch_2eservice", "Service", "NRestarts") => 0u32.into(),
        ("web_2eservice", "Service", "TasksCurrent") => 12u64.into(),
        ("web_2eservice", "Service", "TasksMax") => 4915u64.into(),
        ("batch_2eservice", "Service", "TasksCurrent" | "TasksMax") => u64::MAX.into(),
        ("srv_2emount", "Mount", "Type") => "ext4".into(),
        ("daily_2etimer", "Timer", "LastTriggerUSec") => started,
        ("web_2esocket" | "old_2esocket", "Socket", "NAccepted") => 7u32.into(),
        ("web_2esocket" | "old_2esocket", "Socket", "NConnections") => 2u32.into(),
        ("web_2esocket", "Socket", "NRefused") => 1u32.into(),
        ("_31", "Session", "Remote") => false.into(),
        ("_32" | "_33" | "_34", "Session", "Remote") => true.into(),
        ("_31", "Session", "Type") => "wayland".into(),
        ("_32" | "_33", "Session", "Type") => "tty".into(),
        ("_34", "Session", "Type") => "hologram".into(),
        ("_31" | "_32" | "_33", "Session", "Class") => "user".into(),
        ("_34", "Session", "Class") => "manager".into(),
        _ => return None,
    })
}

#[test]
fn units_and_sessions_are_what_the_services_say() {
    let bus = FakeBus::start();
    let mut all = bus.options("systemd");
    for flag in ["enable-task-metrics", "enable-restarts-metrics", "enable-start-time-metrics"] {
        all.settings.set(&format!("collector.systemd.{flag}"), "true");
    }
    all.settings.set("collector.systemd.unit-exclude", r".+\.target");
    golden("tests/golden/systemd.txt", &scrape(all));
    golden("tests/golden/logind.txt", &scrape(bus.options("logind")));
}

#[test]
fn units_are_filtered_and_extras_are_off_by_default() {
    fn check(flags: &[(&str, &str)], present: &[&str], absent: &[&str]) {
        let bus = FakeBus::start();
        let mut options = bus.options("systemd");
        for (flag, value) in flags {
            options.settings.set(&format!("collector.systemd.{flag}"), value);
        }
        let text = scrape(options);
        assert!(text.contains("success{collector=\"systemd\"} 1\n"), "{text}");
        for name in present {
            assert!(text.contains(name), "{name} is missing:\n{text}");
        }
        for name in absent {
            assert!(!text.contains(name), "{name} is there:\n{text}");
        }
    }
    check(
        &[],
        &["web.service", "web.socket", "multi-user.target", "units{state=\"reloading\"} 1"],
        &["srv.mount", "absent.service", "tasks", "restart", "start_time"],
    );
    check(&[("unit-include", "web")], &["units{"], &["web.service", "web.socket"]);
    check(&[("unit-whitelist", "web.+")], &["web.service"], &["batch.service"]);
    check(&[("unit-blacklist", "web.+")], &["batch.service", "srv.mount"], &["web.service"]);
}

#[test]
fn a_systemd_that_hides_its_state_fails_only_where_it_should() {
    let bus = FakeBus::start();
    bus.manners.is_shy.store(true, SeqCst);
    let text = scrape(bus.options("systemd"));
    for line in [
        "node_systemd_version{version=\"\"} 0\n",
        "node_systemd_virtualization_info{virtualization_type=\"unknown\"} 1\n",
        "success{collector=\"systemd\"} 1\n",
        "node_systemd_unit_state{name=\"web.service\",state=\"active\",type=\"notify\"} 1\n",
    ] {
        assert!(text.contains(line), "{line} is missing:\n{text}");
    }
    // Without a version it may be one that does not tell these.
    assert!(!text.contains("last_trigger") && !text.contains("system_running"), "{text}");
}

#[test]
fn a_connection_is_kept_until_the_bus_closes_it() {
    let bus = FakeBus::start();
    let exporter = NodeExporter::new(bus.options("systemd")).unwrap();
    let first = scrape_again(&exporter);
    assert!(first.contains("success{collector=\"systemd\"} 1\n"), "{first}");
    assert_eq!(scrape_again(&exporter), first);
    assert_eq!(bus.manners.connections.load(SeqCst), 1);
    bus.manners.restarts.fetch_add(1, SeqCst);
    assert_eq!(scrape_again(&exporter), first);
    assert_eq!(bus.manners.connections.load(SeqCst), 2);
}

#[test]
fn systemd_is_asked_without_a_bus_if_there_is_none() {
    let bus = FakeBus::start();
    let directly = |is_private: bool, system: &str| {
        let mut options = bus.options("systemd");
        options.buses.system = Some(system.to_owned());
        options.buses.systemd = bus.socket();
        options.settings.set("collector.systemd.private", &is_private.to_string());
        scrape(options)
    };
    let expected = scrape(bus.options("systemd"));
    assert_eq!(directly(true, "unix:path=/nonexistent"), expected);
    if rustix::process::geteuid().is_root() {
        assert_eq!(directly(false, "unix:path=/nonexistent"), expected);
    }
}

#[test]
fn a_bus_that_never_answers_costs_a_deadline_and_is_forgotten() {
    let bus = FakeBus::start();
    bus.manners.is_silent.store(true, SeqCst);
    let mut options = bus.options("systemd");
    options.enabled.push("logind".to_owned());
    let exporter = NodeExporter::new(options).unwrap();
    let text = scrape_again(&exporter);
    for collector in ["systemd", "logind"] {
        assert!(text.contains(&format!("success{{collector=\"{collector}\"}} 0\n")), "{text}");
    }
    bus.manners.is_silent.store(false, SeqCst);
    let text = scrape_again(&exporter);
    for collector in ["systemd", "logind"] {
        assert!(text.contains(&format!("success{{collector=\"{collector}\"}} 1\n")), "{text}");
    }
}
