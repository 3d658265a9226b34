//! The store for those who must not see half of it: they wait until its log is replayed.

use common_model::TimestampMs;
use server_storage::{Appendable, Appender, Querier, Queryable, StorageError};
use server_tsdb::Db;

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
