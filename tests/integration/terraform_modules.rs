//! The modules of `terraform/`: each is formatted and valid, passes its tests, and has a README with its variables and outputs.

use crate::support::terraform::{Terraform, tree};
use std::fs;
use std::path::Path;
use std::thread;

#[test]
fn every_module_is_valid_and_passes_its_tests() {
    assert!(Terraform::copy(&tree(), "").is_formatted().is_ok());
    let modules = modules();
    assert!(modules.len() >= 8, "{modules:?}");
    thread::scope(|scope| {
        for some in modules.chunks(modules.len().div_ceil(2)) {
            scope.spawn(move || {
                for module in some {
                    let copy = Terraform::prepared(&tree(), module);
                    copy.validate().unwrap_or_else(|errors| panic!("{module}: {errors:?}"));
                    if tree().join(module).join("tests").is_dir() {
                        let said = copy.test().unwrap_or_else(|said| panic!("{module}: {said}"));
                        assert!(said.contains(" 0 failed"), "{module}: {said}");
                    }
                }
            });
        }
    });
}

#[test]
fn each_module_has_its_five_files() {
    for module in modules() {
        for file in ["main.tf", "variables.tf", "outputs.tf", "versions.tf"] {
            assert!(tree().join(&module).join(file).is_file(), "{module}/{file}");
        }
        let readme = tree().join(&module).join("README.md");
        let text = fs::read_to_string(&readme).unwrap_or_else(|_| panic!("{}", readme.display()));
        let tables = tables(&tree().join(&module));
        assert!(text.contains(&tables), "{module}/README.md lacks\n{tables}");
    }
}

/// The COS itself, the modules and the examples.
fn modules() -> Vec<String> {
    let below = |name: &str| -> Vec<String> {
        let entries = fs::read_dir(tree().join(name)).unwrap();
        entries.map(|entry| format!("{name}/{}", entry.unwrap().file_name().display())).collect()
    };
    let mut all = [vec![".".to_owned()], below("modules"), below("examples")].concat();
    all.sort();
    all
}

/// The tables of a README: variables and outputs as they are declared.
fn tables(module: &Path) -> String {
    let mut said = "| variable | default | |\n|---|---|---|\n".to_owned();
    for (name, block) in blocks(&module.join("variables.tf"), "variable") {
        let default = match value(&block, "default") {
            None => "required".to_owned(),
            Some(text) => format!("`{text}`"),
        };
        said += &format!("| `{name}` | {default} | {} |\n", described(&block));
    }
    said += "\n| output | |\n|---|---|\n";
    for (name, block) in blocks(&module.join("outputs.tf"), "output") {
        said += &format!("| `{name}` | {} |\n", described(&block));
    }
    said
}

fn described(block: &str) -> String {
    let said = value(block, "description").expect("a description");
    said.trim_matches('"').to_owned()
}

/// The value of an argument, if it is on one line.
fn value(block: &str, argument: &str) -> Option<String> {
    let lines = block.lines().filter_map(|line| line.trim_start().strip_prefix(argument));
    let values = lines.filter_map(|rest| rest.trim_start().strip_prefix("= "));
    values.map(str::to_owned).next()
}

fn blocks(file: &Path, kind: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(file).unwrap();
    let start = format!("{kind} \"");
    let all = text.split("\n}\n").filter_map(|block| block.split_once(&start));
    all.filter_map(|(_, block)| block.split_once("\" {"))
        .map(|(name, block)| (name.to_owned(), block.to_owned()))
        .collect()
}
