//! Asynchronous libraries in the thread of one collector.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// A runtime without threads of its own: it works while a collector waits, and rests between scrapes.
pub(crate) struct Executor(Option<Runtime>);

impl Executor {
    /// A runtime with sockets and timers.
    pub(crate) fn new() -> io::Result<Executor> {
        Builder::new_current_thread().enable_all().build().map(|runtime| Executor(Some(runtime)))
    }

    /// Blocks the thread until the future is done.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> io::Result<F::Output> {
        match &self.0 {
            Some(runtime) => Ok(runtime.block_on(future)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Drop for Executor {
    /// Waits for nothing: an exporter may be dropped where blocking is not allowed.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_may_be_dropped_inside_another_runtime() {
        let inner = Executor::new().unwrap();
        assert_eq!(inner.block_on(async { 42 }).unwrap(), 42);
        Executor::new().unwrap().block_on(async move { drop(inner) }).unwrap();
    }
}
