//! Manual pages and completions of shells, made from the tables of commands and flags: `hearth man`
//! and `hearth completions`, for those who build packages.

mod completions;
mod page;
mod roff;
mod tree;

use std::process::ExitCode;

use crate::commands::{complain, print};

/// Exit code for a wrong command line.
const USAGE: u8 = 64;

/// `hearth man [COMMAND]`
pub(crate) fn man(args: &[String]) -> ExitCode {
    let text = match args {
        [] => Some(page::overview()),
        [command] => page::of(command),
        _ => None,
    };
    answer(text, "usage: hearth man [<command>]\n")
}

/// `hearth completions SHELL [COMMAND]`
pub(crate) fn completions(args: &[String]) -> ExitCode {
    let (shell, command) = match args {
        [shell] => (shell, None),
        [shell, command] => (shell, Some(command.as_str())),
        _ => return answer(None, USAGE_COMPLETIONS),
    };
    let text = match (tree::of(command), shell.as_str()) {
        (Some(tree), "bash") => Some(completions::bash(&tree)),
        (Some(tree), "zsh") => Some(completions::zsh(&tree)),
        (Some(tree), "fish") => Some(completions::fish(&tree)),
        _ => None,
    };
    answer(text, USAGE_COMPLETIONS)
}

const USAGE_COMPLETIONS: &str = "usage: hearth completions bash|zsh|fish [<command>]\n";

fn answer(text: Option<String>, usage: &str) -> ExitCode {
    match text {
        Some(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        None => {
            complain(usage);
            ExitCode::from(USAGE)
        }
    }
}
