//! Which group a process belongs to: rules of the user's, or the name of the program.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use common_config::{ProcessConfig, ProcessRule};
use common_re2::Regex;
use common_template::{Map, NoFunctions, Object, Template, Time, Value};

/// Longest name of a group.
const NAME_BYTES_MAX: usize = 1024;

/// What is known of a process when its group is looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    /// The name that the kernel knows.
    pub(super) comm: String,
    /// The arguments, the program's own name first.
    pub(super) arguments: Vec<String>,
    pub(super) user: String,
    pub(super) directory: String,
    pub(super) cgroups: Vec<String>,
    pub(super) pid: u32,
    /// Nanoseconds since 1970.
    pub(super) start: i128,
}

/// Finds the groups of processes.
pub(super) enum Namer {
    /// By the name that the kernel knows, all but the kernel's own threads.
    Comm,
    /// By the first rule that fits.
    Rules(Vec<Rule>),
}

/// One rule, ready for use.
pub(super) struct Rule {
    comm: Option<HashSet<String>>,
    /// By the last part of the path: the whole path, or nothing if any will do.
    exe: Option<HashMap<String, String>>,
    cmdline: Option<Vec<Regex>>,
    name: Template,
}

impl Namer {
    /// From a configuration file; what is wrong with a template is told in Go's words.
    pub(super) fn new(config: ProcessConfig) -> Result<Namer, String> {
        config.rules.into_iter().map(Rule::new).collect::<Result<_, _>>().map(Namer::Rules)
    }

    /// The name of the group, if the process belongs to any.
    pub(super) fn name(&self, subject: &Subject) -> Option<String> {
        let mut name = match self {
            Namer::Comm if subject.arguments.is_empty() => return None,
            Namer::Comm => subject.comm.clone(),
            Namer::Rules(rules) => rules.iter().find_map(|rule| rule.name(subject))?,
        };
        let end = name.floor_char_boundary(NAME_BYTES_MAX);
        name.truncate(end);
        Some(name)
    }
}

impl Rule {
    fn new(rule: ProcessRule) -> Result<Rule, String> {
        let wrong = |error| format!("bad name template {:?}: {error}", rule.name);
        let name = Template::parse("cmdname", &rule.name, &NoFunctions).map_err(wrong)?;
        // A field that does not exist would otherwise come to light with the first process only.
        let tried = name.execute(&parameters(&Subject::default(), BTreeMap::new()), &NoFunctions);
        if let Err(error) = tried
            && error.to_string().contains("can't evaluate field")
        {
            return Err(wrong(error));
        }
        let exe = |exe: String| match exe.contains('/') {
            true => (base(&exe).to_owned(), exe),
            false => (exe, String::new()),
        };
        Ok(Rule {
            comm: rule.comm.map(|names| names.into_iter().collect()),
            exe: rule.exe.map(|programs| programs.into_iter().map(exe).collect()),
            cmdline: rule.cmdline,
            name,
        })
    }

    fn name(&self, subject: &Subject) -> Option<String> {
        if self.comm.as_ref().is_some_and(|names| !names.contains(&subject.comm)) {
            return None;
        }
        if let Some(programs) = &self.exe {
            let program = subject.arguments.first()?;
            let path = programs.get(base(program))?;
            if !path.is_empty() && path != program {
                return None;
            }
        }
        let mut matches = BTreeMap::new();
        if let Some(patterns) = &self.cmdline {
            let line = subject.arguments.join(" ");
            for pattern in patterns {
                let captures = pattern.captures(&line)?;
                let names = pattern.capture_names().iter().enumerate();
                for (index, name) in names.filter_map(|(i, name)| Some((i, name.as_ref()?))) {
                    let text = captures.get(index + 1).unwrap_or("");
                    matches.insert(name.clone(), Value::from(text));
                }
            }
        }
        let name = self.name.execute(&parameters(subject, matches), &NoFunctions);
        // Data can make a template fail that was found good.
        Some(name.unwrap_or_else(|_| subject.comm.clone()))
    }
}

/// The last part of a path, as Go's `filepath.Base`.
fn base(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match (path, trimmed) {
        ("", _) => ".",
        (_, "") => "/",
        _ => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

/// What templates see.
#[derive(Debug)]
struct Parameters(Vec<(&'static str, Value)>);

impl Object for Parameters {
    fn type_name(&self) -> &'static str {
        "*config.templateParams"
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.0.clone()
    }
}

fn parameters(subject: &Subject, matches: BTreeMap<String, Value>) -> Value {
    let program = subject.arguments.first().unwrap_or(&subject.comm);
    let name = if subject.arguments.is_empty() { program } else { base(program) };
    Value::object(Parameters(vec![
        ("Cgroups", Value::strings(&subject.cgroups)),
        ("Comm", subject.comm.as_str().into()),
        ("ExeBase", name.into()),
        ("ExeFull", program.as_str().into()),
        ("Username", subject.user.as_str().into()),
        ("Cwd", subject.directory.as_str().into()),
        ("PID", i64::from(subject.pid).into()),
        ("StartTime", Value::Time(Time::from_nanos(subject.start))),
        ("Matches", Value::Map(Arc::new(Map::new("map[string]string", matches, Value::Nil)))),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namer(rules: &str) -> Result<Namer, String> {
        Namer::new(ProcessConfig::parse(&format!("process_names: [{rules}]"), "").unwrap())
    }

    #[test]
    fn the_first_rule_that_fits_names_the_group() {
        fn check(rules: &str, comm: &str, arguments: &[&str], expected: Option<&str>) {
            let subject = Subject {
                comm: comm.to_owned(),
                arguments: arguments.iter().map(|&one| one.to_owned()).collect(),
                user: "www-data".to_owned(),
                directory: "/srv".to_owned(),
                cgroups: vec!["/system.slice/x.service".to_owned()],
                pid: 42,
                start: 1_700_000_000_250_000_000,
            };
            let found = namer(rules).unwrap().name(&subject);
            assert_eq!(found.as_deref(), expected, "{rules}");
        }
        check("{comm: [a, sh]}", "sh", &["/bin/sh", "-c"], Some("sh"));
        check("{comm: [a]}", "sh", &["/bin/sh"], None);
        check("{comm: [a]}, {name: second, comm: [sh]}", "sh", &["/bin/sh"], Some("second"));
        check("{exe: [sh]}", "x", &["/bin/sh"], Some("sh"));
        check("{exe: [/bin/sh]}", "x", &["/bin/sh"], Some("sh"));
        check("{exe: [/usr/bin/sh]}", "x", &["/bin/sh"], None);
        check("{exe: [x]}", "x", &[], None);
        check("{cmdline: ['.+']}", "kworker", &[], None);
        let java = ["/usr/bin/java", "-Xmx1g", "-jar", "/srv/shop.jar"];
        let rule = r"{name: 'java:{{.Matches.Jar}}', exe: [java], cmdline: ['-jar \S*/(?P<Jar>[^/ ]+)\.jar']}";
        check(rule, "java", &java, Some("java:shop"));
        check(rule, "java", &java[..2], None);
        let both = "{name: '{{.Matches.A}}{{.Matches.B}}', cmdline: ['(?P<A>-X)', '(?P<B>-jar)']}";
        check(both, "java", &java, Some("-X-jar"));
        check("{name: '{{.Matches.None}}', comm: [a]}", "a", &["a"], Some("<no value>"));
        let all = "{name: '{{.Comm}} {{.ExeFull}} {{.Username}} {{.Cwd}} {{.PID}} {{.Cgroups}}', comm: [a]}";
        check(all, "a", &["/b/a"], Some("a /b/a www-data /srv 42 [/system.slice/x.service]"));
        let time = "{name: '{{.StartTime}}', comm: [a]}";
        check(time, "a", &["/b/a"], Some("2023-11-14 22:13:20.25 +0000 UTC"));
    }

    #[test]
    fn templates_with_unknown_fields_are_refused() {
        fn check(name: &str, expected: &str) {
            let error = namer(&format!("{{name: '{name}', comm: [a]}}")).err().unwrap();
            assert!(error.starts_with("bad name template") && error.contains(expected), "{error}");
        }
        check("{{.Cmdline}}", "can't evaluate field Cmdline");
        check("{{.Comm", "unclosed action");
        assert!(namer("{name: '{{index .Cgroups 2}}', comm: [a]}").is_ok());
    }

    #[test]
    fn without_rules_the_kernel_s_threads_have_no_group() {
        let mut subject = Subject { comm: "kswapd0".to_owned(), ..Subject::default() };
        assert_eq!(Namer::Comm.name(&subject), None);
        subject.arguments.push("x".to_owned());
        assert_eq!(Namer::Comm.name(&subject).as_deref(), Some("kswapd0"));
    }
}
