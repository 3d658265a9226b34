//! Tells systemd how it stands: sd_notify(3).

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::clock::{Clock, SystemClock};

/// Signs of life come no more often.
const WATCHDOG_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// What can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// Started, or done with a reload.
    Ready,
    /// Reads its configuration again.
    Reloading,
    /// Is about to end.
    Stopping,
    /// Still alive.
    Watchdog,
    /// One line for `systemctl status`.
    Status(&'a str),
}

/// The way to the service manager; without one every message is a no-op.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// From `$NOTIFY_SOCKET`, `$WATCHDOG_USEC` and `$WATCHDOG_PID` of this process.
    pub fn from_env() -> io::Result<Notifier> {
        let variable = |name: &str| std::env::var_os(name);
        let watchdog_pid = variable("WATCHDOG_PID");
        let is_ours = watchdog_pid
            .is_none_or(|pid| pid.to_str() == Some(std::process::id().to_string().as_str()));
        let micros = variable("WATCHDOG_USEC").filter(|_| is_ours);
        let micros = micros.and_then(|text| text.to_str()?.parse().ok());
        Notifier::new(variable("NOTIFY_SOCKET").as_deref(), micros.map(Duration::from_micros))
    }

    /// To a socket: a path, or a name after `@` that is in no file system.
    pub fn new(socket: Option<&OsStr>, watchdog: Option<Duration>) -> io::Result<Notifier> {
        let Some(name) = socket.filter(|name| !name.is_empty()) else {
            return Ok(Notifier::default());
        };
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        Ok(Notifier { socket: Some((UnixDatagram::unbound()?, address)), watchdog })
    }

    /// How often [`State::Watchdog`] is to be sent: half of what systemd allows.
    #[must_use]
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|allowed| allowed / 2)
    }

    /// Tells one thing. Nobody can act on a failure, so it is only given back.
    pub fn tell(&self, state: &State<'_>, clock: &dyn Clock) -> io::Result<()> {
        let Some((socket, address)) = &self.socket else { return Ok(()) };
        let text = match state {
            State::Ready => "READY=1".to_owned(),
            State::Reloading => {
                let micros = clock.monotonic().as_micros();
                format!("RELOADING=1\nMONOTONIC_USEC={micros}")
            }
            State::Stopping => "STOPPING=1".to_owned(),
            State::Watchdog => "WATCHDOG=1".to_owned(),
            State::Status(line) => format!("STATUS={}", line.replace('\n', " ")),
        };
        socket.send_to_addr(text.as_bytes(), address).map(drop)
    }
}

/// Tells the service manager of this process that it is ready. One that cannot be told is no reason
/// not to serve. Where it wants signs of life (`WatchdogSec=`), they come from the calling tokio
/// runtime from now on: one that is stuck gives none.
pub fn tell_ready() {
    let notifier = match Notifier::from_env() {
        Ok(notifier) => notifier,
        Err(error) => return complain(&error),
    };
    if let Err(error) = notifier.tell(&State::Ready, &SystemClock) {
        complain(&error);
    }
    if let (Some(every), Ok(runtime)) =
        (notifier.watchdog_interval(), tokio::runtime::Handle::try_current())
    {
        runtime.spawn(keep_alive(notifier, every));
    }
}

fn complain(error: &io::Error) {
    tracing::warn!(err = %error, "The supervisor was not told that all is ready");
}

/// Gives signs of life for as long as the runtime lives.
async fn keep_alive(notifier: Notifier, every: Duration) {
    let mut interval = tokio::time::interval(every.max(WATCHDOG_INTERVAL_MIN));
    loop {
        interval.tick().await;
        // The next one may arrive; without any the supervisor acts.
        let _ = notifier.tell(&State::Watchdog, &SystemClock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_reach_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::new(Some(path.as_os_str()), None).unwrap();
        let check = |state: State<'_>, expected: &str| {
            notifier.tell(&state, &SystemClock).unwrap();
            let mut buffer = [0; 100];
            let len = manager.recv(&mut buffer).unwrap();
            let text = std::str::from_utf8(&buffer[..len]).unwrap();
            assert!(text.starts_with(expected), "{text}");
        };
        check(State::Ready, "READY=1");
        check(State::Reloading, "RELOADING=1\nMONOTONIC_USEC=");
        check(State::Status("two\nlines"), "STATUS=two lines");
    }

    #[tokio::test]
    async fn signs_of_life_keep_coming() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = tokio::net::UnixDatagram::bind(&path).unwrap();
        let allowed = Duration::from_millis(200);
        let notifier = Notifier::new(Some(path.as_os_str()), Some(allowed)).unwrap();
        let every = notifier.watchdog_interval().unwrap();
        assert_eq!(every, allowed / 2);
        tokio::spawn(keep_alive(notifier, every));
        for _ in 0..3 {
            let mut buffer = [0; 100];
            let len = manager.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..len], b"WATCHDOG=1");
        }
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        let notifier = Notifier::new(None, None).unwrap();
        notifier.tell(&State::Ready, &SystemClock).unwrap();
        assert_eq!(notifier.watchdog_interval(), None);
    }
}
