//! `debug`: what a server tells of itself, packed into one archive.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::Duration;

use common_client::{Client, ClientOptions, Request};
use common_config::HttpClientConfig;
use common_service::flags::Matches;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::api::runtime;
use super::fail;
use super::tar::Archive;
use crate::commands::print;

/// The archive, in the working directory.
const ARCHIVE: &str = "debug.tar.gz";
/// A profile beyond this many bytes is refused.
const PROFILE_BYTES_MAX: u64 = 256 << 20;
/// Profiles are taken for 30 seconds; a server has so long for one.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Something that a server is asked for.
struct Source {
    path: &'static str,
    file: &'static str,
    /// Whether it is a compressed profile, and kept as a plain one.
    is_profile: bool,
}

const fn profile(path: &'static str, file: &'static str) -> Source {
    Source { path, file, is_profile: true }
}

const PPROF: &[Source] = &[
    profile("/debug/pprof/profile?seconds=30", "cpu.pb"),
    profile("/debug/pprof/block", "block.pb"),
    profile("/debug/pprof/goroutine", "goroutine.pb"),
    profile("/debug/pprof/heap", "heap.pb"),
    profile("/debug/pprof/mutex", "mutex.pb"),
    profile("/debug/pprof/threadcreate", "threadcreate.pb"),
    Source { path: "/debug/pprof/trace?seconds=30", file: "trace.pb", is_profile: false },
];

const METRICS: &[Source] = &[Source { path: "/metrics", file: "metrics.txt", is_profile: false }];

/// `debug pprof`, `debug metrics` and `debug all`
pub(super) fn collect(matches: &Matches, what: &str) -> ExitCode {
    let sources: Vec<&Source> = match what {
        "pprof" => PPROF.iter().collect(),
        "metrics" => METRICS.iter().collect(),
        _ => PPROF.iter().chain(METRICS).collect(),
    };
    match write(matches.arg("server").unwrap_or_default(), &sources) {
        Ok(()) => {
            print(&format!(
                "Compiling debug information complete, all files written in {ARCHIVE:?}.\n"
            ));
            ExitCode::SUCCESS
        }
        Err(error) => fail(format!("error completing debug command: {error}")),
    }
}

/// Nothing is written unless everything was there.
fn write(server: &str, sources: &[&Source]) -> Result<(), String> {
    let client = Client::new(&HttpClientConfig::default(), ClientOptions::default())
        .map_err(|error| error.to_string())?;
    let runtime = runtime()?;
    let mut archive = Archive::default();
    for source in sources {
        let url = format!("{server}{}", source.path);
        print(&format!("collecting: {url}\n"));
        let response = runtime
            .block_on(client.send(Request::get(url.clone()).timeout(TIMEOUT)))
            .map_err(|error| format!("error executing HTTP request: {error}"))?;
        if !response.status.is_success() {
            let why = if source.path.starts_with("/debug/pprof/") {
                " (profiles are there in programs written in Go, Hearth has none)"
            } else {
                ""
            };
            return Err(format!("{url}: server returned HTTP status {}{why}", response.status));
        }
        let content = if source.is_profile {
            plain(&response.body)
                .map_err(|error| format!("error post-processing HTTP response body: {error}"))?
        } else {
            response.body.to_vec()
        };
        archive.add(source.file, &content);
    }
    let failed = |error: std::io::Error| {
        format!("error writing into the archive: {}", common_service::go_io_error(&error))
    };
    let file = std::fs::File::create(ARCHIVE).map_err(failed)?;
    let mut packed = GzEncoder::new(file, Compression::default());
    std::io::Write::write_all(&mut packed, &archive.finish()).map_err(failed)?;
    packed.finish().and_then(|file| file.sync_all()).map_err(failed)
}

/// A profile, which may be compressed.
fn plain(body: &[u8]) -> Result<Vec<u8>, String> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return Ok(body.to_vec());
    }
    let mut content = Vec::new();
    GzDecoder::new(body)
        .take(PROFILE_BYTES_MAX + 1)
        .read_to_end(&mut content)
        .map_err(|error| error.to_string())?;
    if content.len() as u64 > PROFILE_BYTES_MAX {
        return Err(format!("more than {PROFILE_BYTES_MAX} bytes"));
    }
    Ok(content)
}
