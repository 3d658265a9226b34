//! Alerts that wait for one Alertmanager.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use server_alertmanager::Alert;
use tokio::sync::Notify;

/// A queue that drops its oldest alerts when it is full.
pub(crate) struct Queue {
    capacity: usize,
    alerts: Mutex<VecDeque<Arc<Alert>>>,
    filled: Notify,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Queue {
        Queue { capacity, alerts: Mutex::default(), filled: Notify::new() }
    }

    /// Adds alerts; how many were dropped for them.
    pub(crate) fn push(&self, alerts: impl IntoIterator<Item = Arc<Alert>>) -> usize {
        let mut queue = self.alerts.lock();
        let mut dropped = 0;
        for alert in alerts {
            if queue.len() >= self.capacity && queue.pop_front().is_some() {
                dropped += 1;
            }
            queue.push_back(alert);
        }
        drop(queue);
        self.filled.notify_one();
        dropped
    }

    /// Takes the oldest alerts, at most `count_max`.
    pub(crate) fn take(&self, count_max: usize) -> Vec<Arc<Alert>> {
        let mut queue = self.alerts.lock();
        let count = count_max.min(queue.len());
        queue.drain(..count).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.alerts.lock().len()
    }

    /// Returns after alerts were added.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_its_oldest_alerts() {
        let queue = Queue::new(3);
        let alert = |at| Arc::new(Alert { starts_at_ms: at, ..Alert::default() });
        assert_eq!(queue.push((0..2).map(alert)), 0);
        assert_eq!(queue.push((2..7).map(alert)), 4);
        let taken: Vec<i64> = queue.take(2).iter().map(|alert| alert.starts_at_ms).collect();
        assert_eq!((taken.as_slice(), queue.len()), ([4, 5].as_slice(), 1));
    }
}
