//! Commands and flags as one tree of names, whatever program they belong to.

use common_service::flags::{Command, Flag, Kind, Program, Style};

use crate::commands::{ENTRIES, Entry};

/// A command with all flags that it takes.
pub(super) struct Node {
    /// Words that lead to it, from the program's name on: `hearth promtool check`.
    pub(super) path: String,
    /// One sentence.
    pub(super) about: String,
    pub(super) flags: Vec<Choice>,
    pub(super) commands: Vec<Node>,
    /// Other names of programs that are this command.
    pub(super) links: Vec<&'static str>,
}

/// A flag as it is typed.
pub(super) struct Choice {
    /// Without dashes.
    pub(super) name: String,
    pub(super) about: String,
    /// Whether a value follows.
    pub(super) has_value: bool,
    /// What the value may be, where there is a list.
    pub(super) values: &'static [&'static str],
}

/// The whole program, or the one command for a slim program.
pub(super) fn of(command: Option<&str>) -> Option<Node> {
    let Some(command) = command else {
        let commands =
            ENTRIES.iter().filter(|entry| !entry.hidden).map(|entry| below(entry, "hearth"));
        let flags = ENTRIES.iter().find(|entry| entry.name == "run").and_then(program);
        return Some(Node {
            path: "hearth".to_owned(),
            about: String::new(),
            flags: flags.map(|program| flags_of(&program, &[&program.root])).unwrap_or_default(),
            commands: commands.collect(),
            links: Vec::new(),
        });
    };
    let entry = ENTRIES.iter().find(|entry| entry.name == command)?;
    let program = program(entry)?;
    Some(node(&program, &mut vec![&program.root], program.root.name.to_owned()))
}

/// The table of flags of an entry.
pub(super) fn program(entry: &Entry) -> Option<Program> {
    entry.program.map(|program| program())
}

fn below(entry: &Entry, above: &str) -> Node {
    let path = format!("{above} {}", entry.name);
    let mut tree = match program(entry) {
        Some(program) => node(&program, &mut vec![&program.root], path),
        None => Node { path, about: String::new(), flags: vec![], commands: vec![], links: vec![] },
    };
    tree.about = entry.about.to_owned();
    // Slim programs bring their own.
    tree.links = entry.links.iter().copied().filter(|link| !link.starts_with("hearth-")).collect();
    tree
}

fn node<'a>(program: &Program, commands: &mut Vec<&'a Command>, path: String) -> Node {
    let command: &'a Command = commands[commands.len() - 1];
    let mut children = Vec::new();
    for child in command.commands.iter().filter(|child| !child.hidden) {
        commands.push(child);
        children.push(node(program, commands, format!("{path} {}", child.name)));
        commands.pop();
    }
    let flags = flags_of(program, commands);
    Node { path, about: command.help.to_owned(), flags, commands: children, links: Vec::new() }
}

fn flags_of(program: &Program, commands: &[&Command]) -> Vec<Choice> {
    let own = commands.iter().flat_map(|command| command.own_flags());
    let mut choices: Vec<Choice> =
        own.filter(|flag| !flag.hidden).flat_map(|flag| choices(flag, program.style)).collect();
    for (name, about) in [("help", "Show help."), ("version", "Show the version.")] {
        if !choices.iter().any(|choice| choice.name == name) {
            choices.push(switch(name.to_owned(), about));
        }
    }
    choices
}

/// A flag, and its negation where it has one.
fn choices(flag: &Flag, style: Style) -> Vec<Choice> {
    match flag.kind {
        Kind::Bool if style == Style::Go => vec![switch(flag.name.to_owned(), flag.help)],
        Kind::Bool if flag.default == Some("true") => {
            vec![switch(format!("no-{}", flag.name), flag.help)]
        }
        Kind::Bool => vec![switch(flag.name.to_owned(), flag.help)],
        kind => vec![Choice {
            name: flag.name.to_owned(),
            about: flag.help.to_owned(),
            has_value: true,
            values: match kind {
                Kind::Enum(values) | Kind::OneOf(_, values) => values,
                _ => &[],
            },
        }],
    }
}

fn switch(name: String, about: &str) -> Choice {
    Choice { name, about: about.to_owned(), has_value: false, values: &[] }
}

impl Node {
    /// This command and all below it, parents first.
    pub(super) fn all(&self) -> Vec<&Node> {
        let mut nodes = vec![self];
        for child in &self.commands {
            nodes.extend(child.all());
        }
        nodes
    }

    /// Its last word.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit(' ').next().unwrap_or_default()
    }
}
