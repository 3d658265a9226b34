//! What is asked of systemd, and of the files of its units.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where units are, the administrator's first.
const FOLDERS: &[&str] =
    &["etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"];

/// The service manager.
pub(super) trait Systemd {
    /// Runs `systemctl` with these arguments; the error is what it says.
    fn systemctl(&mut self, args: &[&str]) -> Result<String, String>;
}

/// The one of this host.
pub(super) struct Host;

impl Systemd for Host {
    fn systemctl(&mut self, args: &[&str]) -> Result<String, String> {
        let failed = |why: String| format!("systemctl {}: {why}", args.join(" "));
        let output = Command::new("systemctl").args(args).output();
        let output = output.map_err(|error| failed(error.to_string()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(failed(match text(&output.stderr) {
                said if said.is_empty() => text(&output.stdout),
                said => said,
            })),
        }
    }
}

/// The file of a unit, unless it is masked or not there.
pub(super) fn unit_file(root: &Path, unit: &str) -> Option<PathBuf> {
    let path = FOLDERS.iter().map(|folder| root.join(folder).join(unit));
    let path = path.into_iter().find(|path| path.symlink_metadata().is_ok())?;
    let is_masked = std::fs::read_link(&path).is_ok_and(|target| target == Path::new("/dev/null"));
    (!is_masked).then_some(path)
}

/// Whether the administrator wrote the unit: such a one cannot be masked.
pub(super) fn is_administrators(root: &Path, file: &Path) -> bool {
    file.starts_with(root.join(FOLDERS[0]))
}
