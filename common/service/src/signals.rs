//! SIGHUP asks for a reload, SIGTERM and SIGINT for the end; and how the end reaches every task.

use std::future::Future;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// What the operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Read the configuration again.
    Reload,
    /// End in order. The name of the signal is for the log.
    Shutdown(&'static str),
}

/// The signals of this process from now on.
#[derive(Debug)]
pub struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes over SIGHUP, SIGTERM and SIGINT. Must be called in a tokio runtime.
    pub fn install() -> io::Result<Signals> {
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next request. Loses nothing when it is dropped while waiting.
    pub async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.hangup.recv() => Request::Reload,
            _ = self.terminate.recv() => Request::Shutdown("SIGTERM"),
            _ = self.interrupt.recv() => Request::Shutdown("SIGINT"),
        }
    }
}

/// Tells many tasks to end. Dropping it tells them too.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<bool>);

/// Ends when the trigger is pulled; clone it for every task.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// A trigger and what waits for it.
#[must_use]
pub fn shutdown() -> (ShutdownTrigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (ShutdownTrigger(sender), Shutdown(receiver))
}

impl ShutdownTrigger {
    /// Tells all who wait, and all who ask later.
    pub fn pull(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Ends when the trigger is pulled or gone.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut receiver = self.0.clone();
        async move {
            // An error says that the trigger is gone.
            let _ = receiver.wait_for(|pulled| *pulled).await;
        }
    }

    /// Whether the trigger was pulled.
    #[must_use]
    pub fn is_pulled(&self) -> bool {
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::shutdown;

    #[tokio::test]
    async fn everyone_hears_of_the_end_even_later() {
        let (trigger, end) = shutdown();
        let early = tokio::spawn(end.wait());
        assert!(!end.is_pulled());
        trigger.pull();
        early.await.unwrap();
        end.wait().await;
        assert!(end.is_pulled());
    }

    #[tokio::test]
    async fn a_lost_trigger_is_an_end() {
        let (trigger, end) = shutdown();
        drop(trigger);
        end.wait().await;
    }
}
