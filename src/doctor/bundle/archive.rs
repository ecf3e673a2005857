//! PURE: the archive (tar, gzip), and the proof that no secret is in it.

use super::member::Clean;
use super::secrets::Secrets;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, Read};

/// What a file takes in the archive besides its contents, in bytes: its header, a long name, and the padding.
pub(super) const OVERHEAD: usize = 2048;

/// Packs files into a directory. `seconds`: their time, since the epoch.
pub(super) fn pack(directory: &str, files: &[Clean], seconds: u64) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(file.bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(seconds);
        builder.append_data(&mut header, format!("{directory}/{}", file.name), &file.bytes[..])?;
    }
    builder.into_inner()?.finish()
}

/// Unpacks an archive again and returns the name of the first file that has a secret in it or in its name.
pub(super) fn leak(archive: &[u8], secrets: &Secrets) -> io::Result<Option<String>> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path_bytes().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        if secrets.are_in(&bytes) || secrets.are_in(&name) {
            let (shown, _) = secrets.taken_out(&String::from_utf8_lossy(&name));
            return Ok(Some(shown));
        }
    }
    // The archive ends before its packing does, whose checksum comes last.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(files: &[(&str, &str)]) -> Vec<u8> {
        let clean = |(name, text): &(&str, &str)| Clean {
            name: (*name).to_owned(),
            bytes: text.as_bytes().to_vec(),
            is_cut: false,
            redactions: 0,
        };
        pack("x", &files.iter().map(clean).collect::<Vec<_>>(), 1_795_374_245).unwrap()
    }

    #[test]
    fn the_file_with_a_secret_is_named_without_it() {
        let secrets = Secrets::of(&["hush-hush".to_owned()].into()).unwrap();
        let long = format!("a/{}", "b".repeat(150));
        for (files, expected) in [
            (&[("a", "b")][..], None),
            (&[(long.as_str(), "b"), ("a", "b hush-hush"), ("c", "hush-hush")], Some("x/a")),
            (&[("a", "b"), ("hush-hush.json", "b")], Some("x/….json")),
            (&[(long.as_str(), "68757368-2d68757368"), ("a", "687573682d68757368")], Some("x/a")),
        ] {
            assert_eq!(leak(&packed(files), &secrets).unwrap().as_deref(), expected, "{files:?}");
        }
    }

    #[test]
    fn a_broken_archive_proves_nothing() {
        let archive = packed(&[("a", &"b".repeat(10_000))]);
        let secrets = Secrets::of(&std::collections::BTreeSet::new()).unwrap();
        for length in [0, 20, archive.len() - 9] {
            assert!(leak(&archive[..length], &secrets).is_err(), "{length} bytes");
        }
    }
}
