//! D-Bus from a collector's thread: one kept connection, calls without waiting for each other, and
//! a deadline for all of them.

mod private;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use common_instrument::CollectError;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use zbus::connection::Builder;
use zbus::{Connection, Message, OwnedObjectPath, Variant};

use crate::executor::Executor;

/// How long one collection may take; less than the scrape waits for it.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(4500);

/// Calls under way at once. A bus allows each client 128 unanswered calls unless it is configured
/// otherwise.
const CALLS_MAX: usize = 64;

/// Messages that wait unread; nobody subscribes to any.
const QUEUED_MAX: NonZeroUsize = NonZeroUsize::MIN;

/// Where message buses are; tests have their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buses {
    /// Address of the system bus in D-Bus' notation; `None` is where D-Bus' specification says,
    /// with `DBUS_SYSTEM_BUS_ADDRESS`.
    pub system: Option<String>,
    /// The socket on which systemd speaks D-Bus to root without a bus.
    pub systemd: PathBuf,
}

impl Default for Buses {
    fn default() -> Buses {
        Buses { system: None, systemd: "/run/systemd/private".into() }
    }
}

/// Which way a collector takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The system bus only.
    System,
    /// The system bus, and for root systemd's own socket when there is none.
    SystemOrPrivate,
    /// systemd's own socket only.
    Private,
}

/// A service on a bus, asked from one thread at a time.
pub(crate) struct Bus {
    buses: Buses,
    way: Way,
    /// Name of the service.
    service: &'static str,
    session: Mutex<Option<Session>>,
}

/// The connection stands before the executor, without which it cannot be closed.
struct Session {
    link: Option<Link>,
    executor: Executor,
}

/// An open connection to a service.
#[derive(Clone)]
pub(crate) struct Link {
    connection: Connection,
    service: &'static str,
    is_kept: bool,
}

/// A property of an object.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    /// The object.
    pub(crate) path: OwnedObjectPath,
    /// Where the property is declared.
    pub(crate) interface: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
}

/// The value of a property, of the types that are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// A boolean.
    Flag(bool),
    /// An unsigned number of 32 or 64 bits.
    Number(u64),
    /// A string.
    Text(String),
}

impl Bus {
    /// Connects to nothing yet.
    pub(crate) fn new(buses: &Buses, way: Way, service: &'static str) -> Bus {
        Bus { buses: buses.clone(), way, service, session: Mutex::new(None) }
    }

    /// Asks over a connection, which is kept unless something fails. Blocks the thread, but not
    /// longer than [`TIMEOUT`].
    pub(crate) fn ask<T>(
        &self,
        ask: impl AsyncFnOnce(&Link) -> Result<T, CollectError>,
    ) -> Result<T, CollectError> {
        let broken = |error: io::Error| CollectError::failed(self.service, error);
        let mut kept = self.session.lock();
        let Session { link, executor } = match kept.take() {
            Some(session) => session,
            None => Session { link: None, executor: Executor::new().map_err(broken)? },
        };
        let deadline = Instant::now() + TIMEOUT;
        let all = async {
            let link = self.open(link).await.map_err(|error| {
                CollectError::Failed(format!("couldn't get dbus connection: {error}"))
            })?;
            ask(&link).await.map(|answer| (answer, link))
        };
        // A timer can be made inside a runtime only.
        let answer =
            executor.block_on(async { timeout_at(deadline, all).await }).map_err(broken)?;
        let late = |_| broken(io::Error::other(format!("no answer within {TIMEOUT:?}")));
        // After an error the connection goes, and with it what it has not answered yet.
        let (answer, link) = answer.map_err(late)??;
        let link = link.is_kept.then_some(link);
        *kept = Some(Session { link, executor });
        Ok(answer)
    }

    async fn open(&self, kept: Option<Link>) -> zbus::Result<Link> {
        // The bus may have been started anew since; it answers this without asking the service.
        if let Some(link) = kept
            && link.ping().await.is_ok()
        {
            return Ok(link);
        }
        match self.way {
            Way::Private => self.open_private().await,
            Way::System => self.open_system().await,
            Way::SystemOrPrivate => match self.open_system().await {
                Err(_) if rustix::process::geteuid().is_root() => self.open_private().await,
                result => result,
            },
        }
    }

    async fn open_system(&self) -> zbus::Result<Link> {
        let builder = match &self.buses.system {
            Some(address) => Builder::address(&**address),
            None => Builder::system(),
        };
        let connection = builder.max_queued(QUEUED_MAX).build().await?;
        Ok(Link { connection, service: self.service, is_kept: true })
    }

    /// systemd sends its signals to all private connections, asked or not, and keeps in memory what
    /// they do not read: so this one is closed after each use.
    async fn open_private(&self) -> zbus::Result<Link> {
        let connection = private::connect(&self.buses.systemd).await?;
        Ok(Link { connection, service: self.service, is_kept: false })
    }
}

impl Link {
    /// Calls a method without arguments and waits for its answer.
    pub(crate) async fn call(
        &self,
        path: &str,
        interface: &str,
        method: &str,
    ) -> zbus::Result<Message> {
        self.connection.call_method(Some(self.service), path, Some(interface), method, &()).await
    }

    /// Reads properties, many at once; the answers stand in the order of the questions. One that
    /// cannot be read, or is of another type than [`Scalar`] has, is `None`.
    pub(crate) async fn properties(&self, wanted: Vec<Property>) -> Vec<Option<Scalar>> {
        let mut answers = vec![None; wanted.len()];
        let mut wanted = wanted.into_iter().enumerate();
        let mut calls = JoinSet::new();
        loop {
            while calls.len() < CALLS_MAX
                && let Some((index, property)) = wanted.next()
            {
                let link = self.clone();
                calls.spawn(async move { (index, link.property(&property).await, property) });
            }
            match calls.join_next().await {
                Some(Ok((index, answer, property))) => {
                    if let Err(error) = &answer {
                        let (path, name) = (&*property.path, property.name);
                        tracing::debug!(%path, name, err = %error, "couldn't get property");
                    }
                    answers[index] = answer.ok();
                }
                // A panic in the library costs one property.
                Some(Err(error)) => tracing::error!(err = %error, "a call ended"),
                None => return answers,
            }
        }
    }

    async fn property(&self, property: &Property) -> zbus::Result<Scalar> {
        const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
        let (service, path) = (Some(self.service), &*property.path);
        let wanted = &(property.interface, property.name);
        let answer =
            self.connection.call_method(service, path, Some(PROPERTIES), "Get", wanted).await?;
        let body = answer.body();
        Ok(match body.deserialize()? {
            Variant::Bool(flag) => Scalar::Flag(flag),
            Variant::U32(number) => Scalar::Number(number.into()),
            Variant::U64(number) => Scalar::Number(number),
            Variant::Str(text) => Scalar::Text(text.to_string()),
            _ => return Err(zbus::Error::IncorrectType),
        })
    }

    async fn ping(&self) -> zbus::Result<()> {
        const BUS: &str = "org.freedesktop.DBus";
        const PEER: &str = "org.freedesktop.DBus.Peer";
        let path = "/org/freedesktop/DBus";
        self.connection.call_method(Some(BUS), path, Some(PEER), "Ping", &()).await?;
        Ok(())
    }
}

impl Scalar {
    /// A string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Scalar::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Scalar::Number(number) => Some(*number),
            _ => None,
        }
    }
}
