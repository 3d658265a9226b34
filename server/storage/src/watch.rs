//! Whether somebody still waits for what a store is working on.

use std::fmt;
use std::sync::Arc;

use crate::StorageError;

/// Pieces of work, such as values matched or series listed, between two looks.
const PIECES_BETWEEN_LOOKS: usize = 64;

/// Says whether to go on. It is asked while locks are held, so it must answer at once.
pub type GoOn = Arc<dyn Fn() -> bool + Send + Sync>;

/// Asked now and then by a store that works for a query; the default never ends anything.
#[derive(Clone, Default)]
pub struct Watch {
    go_on: Option<GoOn>,
}

impl Watch {
    /// Work goes on while this says so.
    #[must_use]
    pub fn new(go_on: GoOn) -> Watch {
        Watch { go_on: Some(go_on) }
    }

    /// To be called with the number of every piece of work; only some of the calls look.
    ///
    /// # Errors
    /// [`StorageError::Interrupted`] when nobody waits any more.
    pub fn check(&self, piece: usize) -> Result<(), StorageError> {
        match &self.go_on {
            Some(go_on) if piece.is_multiple_of(PIECES_BETWEEN_LOOKS) && !go_on() => {
                Err(StorageError::Interrupted)
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("is_set", &self.go_on.is_some()).finish()
    }
}
