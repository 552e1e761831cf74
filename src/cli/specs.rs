//! `snowssi specs`: the ready-made specs.

use std::path::Path;

use super::args::SpecsCommand;
use super::failure::{Exit, Failure};
use super::out::Out;
use crate::spec::ready::{self, Ready};

/// Lists, shows or copies.
pub(super) fn run(command: SpecsCommand, out: &Out) -> Result<Exit, Failure> {
    match command {
        SpecsCommand::List => {
            let widest = ready::SPECS.iter().map(|spec| spec.name.len()).max().unwrap_or_default();
            for spec in ready::SPECS {
                out.result(&format!("{:widest$}  {}\n", spec.name, spec.about()));
            }
        }
        SpecsCommand::Show { name, file } => {
            let spec = named(&name)?;
            let Some(text) = spec.file(&file) else {
                let files: Vec<&str> = spec.files.iter().map(|(file, _)| *file).collect();
                let text = format!("the ready-made spec `{name}` has no file `{file}`");
                return Err(Failure::new(Exit::Error, text).hint(format!("it has: {}", files.join(", "))));
            };
            out.result(text);
        }
        SpecsCommand::Copy { name, dir } => copy(named(&name)?, &dir, out)?,
    }
    Ok(Exit::Success)
}

fn named(name: &str) -> Result<&'static Ready, Failure> {
    ready::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = ready::SPECS.iter().map(|spec| spec.name).collect();
        Failure::new(Exit::Error, format!("there is no ready-made spec `{name}`"))
            .hint(format!("there are: {}", names.join(", ")))
    })
}

fn copy(spec: &Ready, dir: &Path, out: &Out) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Error, format!("cannot write {}: {error}", dir.display()));
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    // It fails where anything is there already.
    std::fs::create_dir(dir).map_err(failed)?;
    for (name, text) in spec.files {
        std::fs::write(dir.join(name), text).map_err(failed)?;
    }
    out.status(&format!(
        "Wrote {} files. Read {}, then: snowssi plan -f {}",
        spec.files.len(),
        dir.join("README.md").display(),
        dir.display()
    ));
    Ok(())
}
