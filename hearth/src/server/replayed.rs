//! The store for those who must not see half of it: they wait until its log is replayed.

use common_model::TimestampMs;
use server_storage::{Appendable, Appender, Querier, Queryable, StorageError};
use server_tsdb::Db;
use tokio::sync::watch;

/// Turns true when the log is replayed; nothing where it is already. To be called in a runtime.
pub(crate) fn when(db: &Db) -> Option<watch::Receiver<bool>> {
    if db.is_replayed() {
        return None;
    }
    let (sender, receiver) = watch::channel(false);
    let db = db.clone();
    tokio::task::spawn_blocking(move || {
        db.wait_until_replayed();
        sender.send_replace(true);
    });
    Some(receiver)
}

/// A store that answers, and takes samples, only when it is whole.
pub(crate) struct Replayed(pub(crate) Db);

impl Replayed {
    fn wait(&self) {
        if !self.0.is_replayed() {
            // Whoever else runs on this thread goes on elsewhere.
            tokio::task::block_in_place(|| self.0.wait_until_replayed());
        }
    }
}

impl Appendable for Replayed {
    fn appender(&self) -> Box<dyn Appender> {
        self.wait();
        self.0.appender()
    }
}

impl Queryable for Replayed {
    fn querier(
        &self,
        start: TimestampMs,
        end: TimestampMs,
    ) -> Result<Box<dyn Querier>, StorageError> {
        self.wait();
        Ok(self.0.querier(start, end))
    }
}
