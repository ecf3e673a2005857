//! The AMI of a lab: the distribution with Consul, Nomad and the agent under test, as `cos-agent install` and `cos-agent clean` make
//! it. Every node of the lab boots from it.

use super::shell;
use super::tools::{Consul, agent};
use crate::programs;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// An AMI that no lab stands on goes after this time: each build of the agent makes another one.
const KEPT: Duration = Duration::from_hours(24);

/// Links the layer of the AMI, over the image of the distribution, to a path. It is made once for the same inputs.
pub(super) fn link(path: &Path, image: &Path, consul: Consul) {
    let sources = [agent(), consul.program().path, programs::nomad().path];
    let cache = image.parent().unwrap();
    let name = image.file_name().unwrap().to_string_lossy().replace("image-", "ami-");
    let inputs: Vec<String> = sources.iter().map(|file| identity(file)).collect();
    let layer = cache.join(format!("{name}-{}", inputs.join("-")));
    if !layer.exists() {
        sweep(cache);
        make(&layer, image, &sources);
    }
    symlink(layer, path).unwrap();
}

/// Size and time of change of a file.
fn identity(file: &Path) -> String {
    let meta = fs::metadata(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    format!("{:x}.{:x}", meta.size(), meta.mtime())
}

/// Makes a layer beside its place, and puts it there when it is whole. Of two labs that make the same one, one wins.
fn make(layer: &Path, image: &Path, sources: &[PathBuf; 3]) {
    let scratch =
        tempfile::Builder::new().prefix("new-").tempdir_in(layer.parent().unwrap()).unwrap();
    let [upper, work, root] = ["upper", "work", "root"].map(|name| scratch.path().join(name));
    for folder in [&upper, &work, &root] {
        fs::create_dir(folder).unwrap();
    }
    let programs = upper.join("usr/bin");
    fs::create_dir_all(&programs).unwrap();
    for (name, source) in ["cos-agent", "consul", "nomad"].iter().zip(sources) {
        // One file for all labs is once in memory. The agent may be replaced by the next build.
        if *name == "cos-agent" || fs::hard_link(source, programs.join(name)).is_err() {
            fs::copy(source, programs.join(name)).unwrap();
        }
    }
    let layers = format!(
        "lowerdir={},upperdir={},workdir={}",
        image.join("root").display(),
        upper.display(),
        work.display()
    );
    let root = root.display().to_string();
    shell::ok(&["mount", "-t", "overlay", "overlay", "-o", &layers, &root]);
    let agent = sources[0].display().to_string();
    let steps = [&["install"][..], &["clean"], &["doctor", "--image"]];
    let ran = steps.map(|words| {
        shell::run(&[&[agent.as_str()], words, &["--root", &root]].concat(), "", shell::SOON)
    });
    shell::ok(&["umount", &root]);
    for output in ran {
        assert!(output.is_ok(), "{output:#?}");
    }
    if fs::rename(&upper, layer).is_err() {
        assert!(layer.exists(), "{} was not made", layer.display());
    }
}

/// Removes what no lab has asked for lately.
fn sweep(cache: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    for entry in fs::read_dir(cache).unwrap().flatten() {
        let path = entry.path();
        let is_layer = entry.file_name().to_string_lossy().starts_with("ami-");
        let changed = entry.metadata().and_then(|meta| meta.modified());
        let age = changed.ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        if is_layer && age > Some(KEPT) && !mounts.contains(&*path.to_string_lossy()) {
            let _ = fs::remove_dir_all(path);
        }
    }
}
