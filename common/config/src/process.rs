//! The file that says which processes form which group (`process_names`), as process-exporter reads it.

use common_re2::Regex;

use crate::Error;
use crate::yaml::{self, FromNode, Node, Section};

/// The name of a group whose rule does not name it.
const NAME_DEFAULT: &str = "{{.ExeBase}}";

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessConfig {
    /// `process_names`: the first that fits a process counts.
    pub rules: Vec<ProcessRule>,
    /// Keys that mean nothing. The original passes over them, so that they are no error.
    pub unknown: Vec<Error>,
}

/// One rule; a process must fit all selectors that are written.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessRule {
    /// `name`, a template.
    pub name: String,
    /// `comm`: one of these names.
    pub comm: Option<Vec<String>>,
    /// `exe`: one of these programs, by path where one has a slash.
    pub exe: Option<Vec<String>>,
    /// `cmdline`: all of these patterns match somewhere.
    pub cmdline: Option<Vec<Regex>>,
}

impl ProcessConfig {
    /// Reads the file; `file` is its name in errors.
    pub fn parse(text: &str, file: &str) -> Result<ProcessConfig, Error> {
        let mut config = ProcessConfig::default();
        config.read(text).map_err(|error| error.in_file(file))?;
        config.unknown = config.unknown.into_iter().map(|error| error.in_file(file)).collect();
        Ok(config)
    }

    fn read(&mut self, text: &str) -> Result<(), Error> {
        let node = yaml::compose(text)?;
        let mut section = Section::open(&node, "config.Config")?;
        if let Some(list) = section.take("process_names") {
            for node in list.elements("config.MatcherRules")? {
                let rule = self.rule(node)?;
                self.rules.push(rule);
            }
        }
        self.unknown.extend(section.finish().err());
        Ok(())
    }

    fn rule(&mut self, node: &Node) -> Result<ProcessRule, Error> {
        let mut section = Section::open(node, "config.MatcherGroup")?;
        let name = section.filled("name")?.unwrap_or_else(|| NAME_DEFAULT.to_owned());
        let comm = texts(section.take("comm"))?;
        let exe = texts(section.take("exe"))?;
        let cmdline = section.take("cmdline").filter(|node| !node.is_null());
        let cmdline = cmdline.map(patterns).transpose()?;
        if comm.is_none() && exe.is_none() && cmdline.is_none() {
            return Err(Error::at(section.at(), "no matchers provided"));
        }
        self.unknown.extend(section.finish().err());
        Ok(ProcessRule { name, comm, exe, cmdline })
    }
}

/// A list that is written, even if it is empty.
fn texts(node: Option<&Node>) -> Result<Option<Vec<String>>, Error> {
    node.filter(|node| !node.is_null()).map(Vec::from_node).transpose()
}

fn patterns(node: &Node) -> Result<Vec<Regex>, Error> {
    let one = |element: &Node| {
        let pattern = String::from_node(element)?;
        Regex::new(&pattern).map_err(|error| {
            Error::at(element.at, format!("bad cmdline regex {pattern:?}: {error}"))
        })
    };
    node.elements("[]string")?.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_lists_and_one_must_be_there() {
        fn check(rule: &str, expected: Result<(&str, usize), &str>) {
            let found = ProcessConfig::parse(&format!("process_names:\n- {rule}\n"), "p.yml");
            let found = found.map(|config| {
                let rule = &config.rules[0];
                let lists = [rule.comm.as_ref().map(Vec::len), rule.exe.as_ref().map(Vec::len)];
                let patterns = rule.cmdline.as_ref().map(Vec::len);
                let count = lists.into_iter().chain([patterns]).flatten().sum();
                (rule.name.clone(), count)
            });
            let expected = expected.map(|(name, count)| (name.to_owned(), count));
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        check("comm: [bash, sh]", Ok(("{{.ExeBase}}", 2)));
        check("{name: '{{.Comm}}', cmdline: ['.+']}", Ok(("{{.Comm}}", 1)));
        check("{exe: [/bin/a, b], comm: []}", Ok(("{{.ExeBase}}", 2)));
        check("{name: x}", Err("p.yml:2:3: no matchers provided"));
        check("{name: x, comm: }", Err("p.yml:2:3: no matchers provided"));
        check("comm: bash", Err("p.yml:2:9: cannot unmarshal !!str `bash` into list"));
        let wrong = ProcessConfig::parse("process_names: [{cmdline: ['(']}]", "p.yml").unwrap_err();
        assert!(wrong.to_string().starts_with("p.yml:1:28: bad cmdline regex \"(\": "), "{wrong}");
    }

    #[test]
    fn unknown_keys_are_told_but_do_no_harm() {
        let config = ProcessConfig::parse("process_names:\n- {comm: [a], con: 1}\nx: 2\n", "p.yml");
        let config = config.unwrap();
        assert_eq!(config.rules.len(), 1);
        let told: Vec<String> = config.unknown.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "p.yml:2:15: field con not found in type config.MatcherGroup",
                "p.yml:3:1: field x not found in type config.Config"
            ]
        );
    }
}
