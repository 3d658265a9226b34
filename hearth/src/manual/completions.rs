//! Completions for bash, zsh and fish. The first two walk the words that were typed down the tree of
//! commands and offer what stands there; fish gets conditions that say the same.

use std::fmt::Write as _;

use super::tree::{Choice, Node};

/// For bash, with bash-completion or without.
pub(super) fn bash(tree: &Node) -> String {
    let name = function(tree);
    let mut text =
        format!("# Completions of {} for bash, made by `hearth completions`.\n", tree.name());
    let _ = writeln!(
        text,
        "{name}() {{\n    local cur prev word at flags='' offer='' values=''\n    \
         cur=${{COMP_WORDS[COMP_CWORD]}}\n    prev=${{COMP_WORDS[COMP_CWORD-1]}}\n    \
         [[ $cur == = ]] && cur=''\n    [[ $prev == = ]] && prev=${{COMP_WORDS[COMP_CWORD-2]}}\n    \
         COMPREPLY=()"
    );
    text += &walk(tree, "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"", "${COMP_WORDS[0]##*/}");
    text += &offers(tree);
    text += &values(tree, "$at $prev");
    text.push_str(
        "    if [[ -n $values ]]; then\n        COMPREPLY=($(compgen -W \"$values\" -- \"$cur\"))\n    \
         elif [[ $cur == -* ]]; then\n        COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n    \
         elif [[ -n $offer && $prev != --* ]]; then\n        \
         COMPREPLY=($(compgen -W \"$offer\" -- \"$cur\"))\n    \
         else\n        COMPREPLY=($(compgen -f -- \"$cur\"))\n    fi\n}\n",
    );
    let _ = writeln!(text, "complete -o filenames -F {name} {}", names(tree).join(" "));
    text
}

/// For zsh.
pub(super) fn zsh(tree: &Node) -> String {
    let name = function(tree);
    let mut text = format!(
        "#compdef {}\n# Completions of {} for zsh, made by `hearth completions`.\n",
        names(tree).join(" "),
        tree.name()
    );
    let _ = writeln!(
        text,
        "{name}() {{\n    local word at flags='' offer='' values='' cur=$words[CURRENT]\n    \
         local -a typed=(\"${{(@)words[2,CURRENT-1]}}\")\n    local called=${{words[1]:t}}\n    \
         local prev=$words[CURRENT-1]"
    );
    text += &walk(tree, "$typed", "$called");
    text += &offers(tree);
    text += &values(tree, "$at $prev");
    text.push_str(
        "    if [[ -n $values ]]; then\n        compadd -- ${=values}\n    \
         elif [[ $cur == -* ]]; then\n        compadd -- ${=flags}\n    \
         elif [[ -n $offer && $prev != --* ]]; then\n        compadd -- ${=offer}\n    \
         else\n        _files\n    fi\n}\n",
    );
    let _ = writeln!(text, "{name} \"$@\"");
    text
}

/// For fish.
pub(super) fn fish(tree: &Node) -> String {
    let mut text =
        format!("# Completions of {} for fish, made by `hearth completions`.\n", tree.name());
    fish_node(&mut text, tree, tree.name(), &[]);
    for node in tree.all() {
        for link in &node.links {
            fish_node(&mut text, node, link, &[]);
        }
    }
    text
}

fn fish_node(text: &mut String, node: &Node, program: &str, above: &[&str]) {
    let seen = |words: &[&str]| {
        words.iter().map(|word| format!("__fish_seen_subcommand_from {word}")).collect::<Vec<_>>()
    };
    let mut conditions = seen(above);
    if !node.commands.is_empty() {
        let names: Vec<&str> = node.commands.iter().map(Node::name).collect();
        let none = format!("not __fish_seen_subcommand_from {}", names.join(" "));
        let here: Vec<String> = conditions.iter().cloned().chain([none]).collect();
        for child in &node.commands {
            let _ = writeln!(
                text,
                "complete -c {program} -f -n '{}' -a {} -d {}",
                here.join("; and "),
                child.name(),
                quote(first_sentence(&child.about))
            );
        }
        conditions = here;
    }
    for flag in &node.flags {
        let condition = match conditions.is_empty() {
            true => String::new(),
            false => format!(" -n '{}'", conditions.join("; and ")),
        };
        let value = match (flag.has_value, flag.values) {
            (false, _) => String::new(),
            (true, []) => " -r".to_owned(),
            (true, values) => format!(" -x -a '{}'", values.join(" ")),
        };
        let about = quote(first_sentence(&flag.about));
        let _ =
            writeln!(text, "complete -c {program}{condition} -l {}{value} -d {about}", flag.name);
    }
    for child in &node.commands {
        let mut below = above.to_vec();
        below.push(child.name());
        fish_node(text, child, program, &below);
    }
}

/// Sets `at` to the command that the words so far lead to.
fn walk(tree: &Node, words: &str, called: &str) -> String {
    let mut text = format!("    case {called} in\n");
    for node in tree.all() {
        for link in &node.links {
            let _ = writeln!(text, "    {link}) at='{}' ;;", node.path);
        }
    }
    let _ = writeln!(text, "    *) at='{}' ;;\n    esac", tree.path);
    let below: Vec<&Node> = tree.all().into_iter().skip(1).collect();
    if !below.is_empty() {
        let paths: Vec<String> = below.iter().map(|node| format!("'{}'", node.path)).collect();
        let _ = writeln!(
            text,
            "    for word in {words}; do\n        case \"$at $word\" in\n        {}) \
             at=\"$at $word\" ;;\n        esac\n    done",
            paths.join("|")
        );
    }
    text
}

/// Sets what there is to offer there.
fn offers(tree: &Node) -> String {
    let mut text = "    case $at in\n".to_owned();
    for node in tree.all() {
        let flags: Vec<String> = node.flags.iter().map(typed).collect();
        let words: Vec<&str> = node.commands.iter().map(Node::name).collect();
        let _ = writeln!(
            text,
            "    '{}')\n        flags='{}'\n        offer='{}' ;;",
            node.path,
            flags.join(" "),
            words.join(" ")
        );
    }
    text + "    esac\n"
}

/// Sets the values of the flag before, where there is a list.
fn values(tree: &Node, subject: &str) -> String {
    let mut text = format!("    case \"{subject}\" in\n");
    for node in tree.all() {
        for flag in node.flags.iter().filter(|flag| !flag.values.is_empty()) {
            let (path, list) = (&node.path, flag.values.join(" "));
            let _ = writeln!(text, "    '{path} --{}') values='{list}' ;;", flag.name);
        }
    }
    text + "    esac\n"
}

fn typed(flag: &Choice) -> String {
    format!("--{}", flag.name)
}

/// The program, and the names of links to it.
fn names(tree: &Node) -> Vec<&str> {
    let links = tree.all().into_iter().flat_map(|node| node.links.iter().copied());
    std::iter::once(tree.name()).chain(links).collect()
}

fn function(tree: &Node) -> String {
    format!("_{}", tree.name().replace('-', "_"))
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::tree;
    use super::*;

    /// What bash offers for a command line whose last word is being typed.
    fn offered(words: &[&str]) -> Vec<String> {
        let script = bash(&tree::of(None).unwrap());
        let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let script = format!(
            "{script}\nCOMP_WORDS=({line}); COMP_CWORD={}; _hearth; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.len() - 1
        );
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn bash_offers_what_can_stand_there() {
        fn check(words: &[&str], expected: &[&str]) {
            assert_eq!(offered(words), expected, "{words:?}");
        }
        check(&["hearth", "no"], &["node"]);
        check(&["hearth", "promtool", "ch"], &["check"]);
        check(&["hearth", "promtool", "check", "co"], &["config"]);
        check(&["/usr/lib/hearth/bin/promtool", "check", "co"], &["config"]);
        check(&["hearth", "takeover", "--un"], &["--undo"]);
        check(&["hearth", "blackbox", "--log.prober", "d"], &["debug"]);
        check(&["hearth", "blackbox", "--log.prober", "=", "w"], &["warn"]);
        check(&["node_exporter", "--path.proc"], &["--path.procfs"]);
        check(&["hearth", "node", "--no-collector.cpufr"], &["--no-collector.cpufreq"]);
    }

    #[test]
    fn every_shell_knows_every_command() {
        let tree = tree::of(None).unwrap();
        let (zsh, fish) = (zsh(&tree), fish(&tree));
        assert!(zsh.starts_with("#compdef hearth "), "{}", &zsh[..50]);
        for node in tree.all().into_iter().skip(1) {
            assert!(zsh.contains(&format!("'{}'", node.path)), "{}", node.path);
            assert!(fish.contains(&format!(" -a {} ", node.name())), "{}", node.path);
        }
    }

    #[test]
    fn a_slim_program_has_its_own() {
        let text = bash(&tree::of(Some("log")).unwrap());
        assert!(text.ends_with("complete -o filenames -F _hearth_log hearth-log\n"), "{text}");
        assert!(text.contains("--progs"));
    }
}
