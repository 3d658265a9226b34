//! `check web-config`: whether a server would take a web configuration file.

use std::path::Path;
use std::process::ExitCode;

use common_config::web::WebConfig;
use common_service::flags::Matches;

use crate::commands::complain;
use crate::server::read;

/// `check web-config`
pub(super) fn check(matches: &Matches) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for file in matches.args("web-config-files") {
        let parsed = read(Path::new(file))
            .and_then(|text| WebConfig::parse(&text, file).map_err(|error| error.to_string()));
        match parsed {
            Ok(_) => complain(&format!("{file} SUCCESS\n")),
            Err(error) => {
                complain(&format!("{file} FAILED: {error}\n"));
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
