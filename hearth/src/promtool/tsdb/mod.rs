//! `tsdb`: a data directory on disk, looked at without its server.

mod analyze;
mod backfill;
mod check;
mod distribution;
mod dump;
mod import;
mod pieces;
mod table;
mod write;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use common_service::flags::Matches;
use server_tsdb::block::Block;
use server_tsdb::fs::RealFs;
use server_tsdb::open_blocks;

use super::fail;
use crate::commands::print;
pub(super) use analyze::analyze;
pub(super) use backfill::rules;
pub(super) use check::check;
pub(super) use dump::{Form, dump, go_g};
pub(super) use import::openmetrics;

/// `tsdb list`
pub(super) fn list(matches: &Matches) -> ExitCode {
    let blocks = existing(matches).and_then(blocks);
    match blocks {
        Ok(blocks) => {
            let rows = blocks.iter().map(|block| (block.meta(), block.size_bytes()));
            print(&table::blocks(rows, true, matches.bool("human-readable")));
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}

/// The blocks of a data directory in order of time; one that cannot be opened is an error.
fn blocks(dir: &str) -> Result<Vec<Arc<Block>>, String> {
    let (blocks, broken) =
        open_blocks(&RealFs, Path::new(dir)).map_err(|error| error.to_string())?;
    match broken.into_iter().next() {
        Some((_, error)) => Err(error.to_string()),
        None => Ok(blocks),
    }
}

/// The data directory, which must be there.
fn existing(matches: &Matches) -> Result<&str, String> {
    let dir = matches.arg("db path").unwrap_or("data/");
    match std::fs::metadata(dir) {
        Ok(_) => Ok(dir),
        Err(error) => {
            let reason = common_service::go_io_error(&error);
            Err(format!("opening the db dir: stat {dir}: {reason}"))
        }
    }
}

/// The files of this machine.
fn real_fs() -> Arc<RealFs> {
    Arc::new(RealFs)
}
