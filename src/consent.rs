//! Whether a change is meant that cannot be taken back.

use std::io::{self, IsTerminal, Write};

/// Whether to go on: said on the command line, or by somebody at a terminal. Nobody to ask is a no.
pub(crate) fn is_meant(yes: bool, question: &str) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        eprintln!("note: nothing was changed; --yes does it");
        return Ok(false);
    }
    eprint!("{question} [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let is_meant = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !is_meant {
        eprintln!("note: nothing was changed");
    }
    Ok(is_meant)
}
