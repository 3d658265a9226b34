//! The templates of messages: bundled ones and the user's, and what they are executed with.

use std::sync::Arc;

use common_template::alertmanager::AlertmanagerFunctions;
use common_template::{Set, Time, Value};
use jiff::tz::TimeZone;

use crate::Error;

/// Bundled templates; a user's file may define any of them again.
const BUNDLED: &str = include_str!("default.tmpl");

/// Finds the files that match a pattern and reads them: names and texts.
pub type ReadTemplates = Arc<dyn Fn(&str) -> Result<Vec<(String, String)>, String> + Send + Sync>;

/// Reads the files that match a pattern, sorted by name; none is no error.
///
/// # Errors
/// For a wrong pattern and for files that cannot be read, with the name.
pub fn read_template_files(pattern: &str) -> Result<Vec<(String, String)>, String> {
    let paths = glob::glob(pattern).map_err(|_| "syntax error in pattern".to_owned())?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| error.to_string())?;
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, text));
    }
    Ok(files)
}

/// Parses the bundled templates and then those of the user's files.
pub(crate) fn load(patterns: &[String], read: &ReadTemplates) -> Result<Set, Error> {
    let fail = |problem: String| Error::Templates(problem);
    with_functions(0, |functions| {
        let mut set = Set::parse(&[("default.tmpl", BUNDLED)], functions)
            .map_err(|error| fail(error.to_string()))?;
        for pattern in patterns {
            for (name, text) in read(pattern).map_err(fail)? {
                set.add(&name, &text, functions).map_err(|error| fail(error.to_string()))?;
            }
        }
        Ok(set)
    })
}

/// Executes a text of the configuration; one without actions is taken as it is.
pub(crate) fn execute(
    set: &Set,
    text: &str,
    data: &Value,
    now_ms: i64,
) -> Result<String, common_template::Error> {
    if !text.contains("{{") {
        return Ok(text.to_owned());
    }
    with_functions(now_ms, |functions| set.execute_text("", text, data, functions))
}

/// A value as Go's `encoding/json` writes it.
pub(crate) fn to_json(data: &Value) -> Result<String, common_template::Error> {
    with_functions(0, |functions| {
        Set::default().execute_text("", "{{ toJson . }}", data, functions)
    })
}

fn with_functions<T>(now_ms: i64, run: impl FnOnce(&AlertmanagerFunctions<'_>) -> T) -> T {
    let zone = |name: &str| TimeZone::get(name).ok();
    run(&AlertmanagerFunctions { now: Time::from_millis(now_ms), zone: &zone })
}
