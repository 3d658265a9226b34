//! Every source file begins with a sentence that says what it holds; every crate has a README.

use tests_tidy::{files, relative, root};

#[test]
fn every_source_file_says_what_it_holds() {
    let headless: Vec<String> = files(&root(), ".rs")
        .into_iter()
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            let first = text.lines().find(|line| !line.starts_with("#!")).unwrap_or("");
            !first.starts_with("//!")
        })
        .map(|path| relative(&path))
        .collect();
    assert!(headless.is_empty(), "no `//!` head: {}", headless.join(", "));
}

#[test]
fn every_crate_has_a_readme() {
    let without: Vec<String> = files(&root(), "Cargo.toml")
        .into_iter()
        .filter(|path| {
            let place = relative(path);
            let library = ["common/", "exporters/", "server/"];
            library.iter().any(|folder| place.starts_with(folder))
                && !path.with_file_name("README.md").exists()
        })
        .map(|path| relative(&path))
        .collect();
    assert!(without.is_empty(), "no README.md beside: {}", without.join(", "));
}
