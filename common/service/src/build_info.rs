//! Which program this is: version and revision from the environment of the build.

/// Version of the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `$HEARTH_REVISION` of the build; no version control is asked.
pub const REVISION: &str = match option_env!("HEARTH_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// `$HEARTH_BRANCH` of the build.
pub const BRANCH: &str = match option_env!("HEARTH_BRANCH") {
    Some(branch) => branch,
    None => "unknown",
};

/// `$HEARTH_BUILD_DATE` of the build; not the clock, so that builds can be reproduced.
pub const DATE: &str = match option_env!("HEARTH_BUILD_DATE") {
    Some(date) => date,
    None => "unknown",
};

/// Operating system and processor in Go's words, which dashboards know.
pub const PLATFORM: (&str, &str) = (std::env::consts::OS, go_arch(std::env::consts::ARCH));

const fn go_arch(arch: &'static str) -> &'static str {
    match arch.as_bytes() {
        b"x86_64" => "amd64",
        b"aarch64" => "arm64",
        b"x86" => "386",
        _ => arch,
    }
}

/// What `--version` prints: five lines in the form of the replaced programs.
#[must_use]
pub fn version_text(program: &str) -> String {
    let (os, arch) = PLATFORM;
    format!(
        "{program}, version {VERSION} (branch: {BRANCH}, revision: {REVISION})\n  \
         build date:       {DATE}\n  platform:         {os}/{arch}"
    )
}

/// Labels of `<program>_build_info`.
#[must_use]
pub fn labels() -> [(&'static str, &'static str); 7] {
    let (os, arch) = PLATFORM;
    [
        ("branch", BRANCH),
        ("goarch", arch),
        ("goos", os),
        ("goversion", ""),
        ("revision", REVISION),
        ("tags", "unknown"),
        ("version", VERSION),
    ]
}
