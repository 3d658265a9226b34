//! `tsdb check`: whether a data directory is what it must be, and what can be saved of one that is
//! not. Prometheus' promtool has no such command.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use common_service::flags::Matches;
use server_tsdb::check::{Checked, Finding, Severity, check as verify, repair};
use server_tsdb::fs::Fs;

use super::{existing, real_fs};
use crate::block_name::new_block_name;
use crate::commands::print;
use crate::promtool::fail;

/// `tsdb check`: one line for each finding, then the sums. Fails where there is damage left.
pub(in crate::promtool) fn check(matches: &Matches) -> ExitCode {
    let dir = match existing(matches) {
        Ok(dir) => Path::new(dir),
        Err(error) => return fail(error),
    };
    let fs: Arc<dyn Fs> = real_fs();
    let mut show = |finding: &Finding| print(&line(dir, finding));
    let checked = match matches.bool("repair") {
        true => repair(&fs, dir, &mut new_block_name, &mut show),
        false => verify(&*fs, dir, &mut show),
    };
    match checked {
        Ok(checked) => {
            print(&sums(&checked));
            if checked.damages == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => fail(error),
    }
}

fn line(dir: &Path, finding: &Finding) -> String {
    let path = finding.path.strip_prefix(dir).unwrap_or(&finding.path);
    let severity = match finding.severity {
        Severity::Note => "note",
        Severity::Damage => "damage",
    };
    format!("{severity}: {}: {}\n", path.display(), finding.problem)
}

fn sums(checked: &Checked) -> String {
    let Checked { blocks, stats, segments, records, head_chunk_files, head_chunks, damages } =
        checked;
    let said = if *damages == 0 { "No damage".to_owned() } else { format!("{damages} damages") };
    format!(
        "{said} in {blocks} blocks ({} series, {} chunks, {} samples), {segments} log segments \
         ({records} records) and {head_chunk_files} files of {head_chunks} head chunks\n",
        stats.num_series, stats.num_chunks, stats.num_samples
    )
}
