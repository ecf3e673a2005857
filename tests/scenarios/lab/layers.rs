//! The layers of a node's disk, lowest first: a plain Debian, what Packer made of it with `packer/`, and what the lab lays over
//! an AMI because its instances are containers.

use super::Lab;
use super::shell;
use super::tools::{self, Consul, agent};
use crate::bake;
use crate::{programs, template};
use cos_agent::state::sha256;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many AMIs are kept: each build of the agent makes another one.
const KEPT: usize = 4;
/// The links to the layers in the folder of a lab, uppermost first.
pub(crate) const LAYERS: [&str; 3] = ["laid", "ami", "distribution"];

/// Links the layers into the folder of a lab. Each is made once for the same inputs; labs that start side by side take turns.
pub(super) fn link(lab: &Lab, consul: Consul) {
    let cache = programs::cache().join("lab");
    fs::create_dir_all(&cache).unwrap();
    let turn = File::create(cache.join("layers.lock")).unwrap();
    turn.lock().unwrap();
    let distribution = bake::parts().join("root");
    let ami = cache.join(format!("ami-{}", ami_key(lab, consul, &distribution)));
    if !ami.exists() {
        sweep(&cache);
        bake::bake(lab, consul, &ami);
    }
    let laid = PathBuf::from(format!("{}-laid-{}", ami.display(), key_of(&tools::here("image"))));
    if !laid.exists() {
        lay(&laid, &ami, &distribution);
    }
    for (name, layer) in LAYERS.iter().zip([laid, ami, distribution]) {
        symlink(layer, lab.folder.join(name)).unwrap();
    }
}

/// What an AMI depends on.
fn ami_key(lab: &Lab, consul: Consul, distribution: &Path) -> String {
    let programs = [agent(), consul.program().path, programs::nomad().path];
    let mut inputs: Vec<String> = programs.iter().map(|file| identity(file)).collect();
    inputs.push(distribution.display().to_string());
    inputs.push(lab.description().site.display().to_string());
    inputs.extend(bake::INPUTS.map(str::to_owned));
    inputs.push(key_of(&template::folder()));
    short(&inputs.join("\n"))
}

/// Size and time of change of a file.
fn identity(file: &Path) -> String {
    let meta = fs::metadata(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    format!("{} {} {}", file.display(), meta.size(), meta.mtime())
}

/// What the files of a directory and those below it say.
pub(super) fn key_of(directory: &Path) -> String {
    let mut texts = Vec::new();
    read(directory, &mut texts);
    texts.sort();
    short(&texts.join("\n"))
}

fn read(directory: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, into);
        } else {
            into.push(format!("{} {}", path.display(), sha256(&fs::read(&path).unwrap())));
        }
    }
}

fn short(text: &str) -> String {
    sha256(text.as_bytes())[..12].to_owned()
}

/// Makes the uppermost layer beside its place, and puts it there when it is whole.
fn lay(laid: &Path, ami: &Path, distribution: &Path) {
    let scratch = tempfile::Builder::new().prefix("new-").tempdir_in(laid.parent().unwrap());
    let scratch = scratch.unwrap();
    let [upper, work, root] = ["upper", "work", "root"].map(|name| scratch.path().join(name));
    for folder in [&upper, &work, &root] {
        fs::create_dir(folder).unwrap();
    }
    mount(&[ami, distribution], &upper, &work, &root);
    let output = shell::run(&[tools::here("image/lay"), root.clone()], "", shell::SOON);
    shell::ok(&["umount".as_ref(), root.as_os_str()]);
    assert!(output.is_ok(), "{output:#?}");
    fs::rename(&upper, laid).unwrap();
}

/// Mounts layers, uppermost first.
pub(crate) fn mount(lower: &[&Path], upper: &Path, work: &Path, root: &Path) {
    let lower: Vec<String> = lower.iter().map(|layer| layer.display().to_string()).collect();
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.join(":"),
        upper.display(),
        work.display()
    );
    let root = root.display().to_string();
    shell::ok(&["mount", "-t", "overlay", "overlay", "-o", &options, &root]);
}

/// Removes all but the newest AMIs, and what is laid over them.
fn sweep(cache: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let entries = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap());
    let layers = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("ami-"));
    let mut layers: Vec<(SystemTime, PathBuf)> =
        layers.map(|entry| (entry.metadata().unwrap().modified().unwrap(), entry.path())).collect();
    layers.sort();
    layers.reverse();
    for (_, path) in layers.into_iter().skip(2 * KEPT) {
        if !mounts.contains(&*path.to_string_lossy()) {
            let _ = fs::remove_dir_all(path);
        }
    }
}
