//! gzip and base64, whole and broken, ours and others'.

use super::{MEDIA_TYPE, SCRIPT, TOML, base64, gzip, ignored, message, ours, refused, taken};

#[test]
fn every_packing_is_undone() {
    let in_message = message("MIMEBOUNDARY", &[SCRIPT, &ours("", TOML)]);
    for plain in [TOML, &in_message] {
        taken(plain);
        taken(gzip(plain));
        taken(base64(plain));
        taken(base64(gzip(plain)));
        taken(base64(base64(plain)));
        taken(gzip(gzip(plain)));
        taken(gzip(base64(gzip(base64(plain)))));
        taken([plain.as_bytes(), b"\n"].concat());
    }
}

#[test]
fn all_members_of_a_gzip_count() {
    let (consul, nomad) = TOML.split_at(TOML.find("\n[nomad]").unwrap());
    let members = [gzip(consul), gzip(nomad)].concat();
    taken(&members);
    taken(base64(&members));
    taken([gzip(consul), gzip(""), gzip(nomad)].concat());
    // gzip says so and goes on: tapes and shells leave such bytes behind.
    taken([gzip(TOML), vec![0; 512]].concat());
    taken([gzip(TOML), b"\n".to_vec()].concat());
    let half = gzip(nomad).len() / 2;
    refused([gzip(consul), gzip(nomad)[..half].to_vec()].concat(), "gzip data is broken");
}

#[test]
fn broken_packing_of_ours_is_refused() {
    let in_message = message("b", &[SCRIPT, &ours("", TOML)]);
    for plain in [TOML, &in_message] {
        let packed = gzip(plain);
        for cut in [packed.len() - 1, packed.len() - 8, packed.len() - 12] {
            refused(&packed[..cut], "gzip data is broken");
            refused(base64(&packed[..cut]), "gzip data is broken");
        }
        let mut wrong = packed.clone();
        let checksum = wrong.len() - 6;
        wrong[checksum] ^= 1;
        refused(&wrong, "gzip data is broken");
        let text = base64(plain);
        for cut in 1..text.len() / 4 {
            // Where whole groups are gone, what is left is judged as it is.
            refused(
                &text[..text.len() - 1 - cut],
                if cut % 4 == 2 { "base64 data is broken" } else { "" },
            );
        }
        refused(text.replacen('Z', "?", 1), "base64 data is broken");
    }
    // The first bytes are enough, where the table's name is not complete yet.
    refused(&gzip("# x\n[consul]\n")[..19], "gzip data is broken");
}

#[test]
fn broken_packing_of_others_is_no_error() {
    let noise: String = (0..4000).map(|n| format!("line {n} of consul\n")).collect();
    let scripts = [format!("#!/bin/sh\n[consul]\n{noise}"), noise, message("b", &[SCRIPT])];
    for plain in &scripts {
        let packed = gzip(plain);
        for cut in [2, 3, 10, 12, packed.len() / 2, packed.len() - 1] {
            ignored(&packed[..cut]);
            ignored(base64(&packed[..cut]));
        }
        let text = base64(plain);
        ignored(&text[..text.len() - 3]);
    }
    ignored(b"\x1f\x8b");
    ignored(b"\x1f\x8b[consul]\n");
}

#[test]
fn what_unpacks_to_too_much_is_bounded() {
    let large = |start: &str| gzip([start.as_bytes(), &vec![b'#'; 2 << 20]].concat());
    ignored(large(""));
    ignored(large("#!/bin/sh\n[consul]\n"));
    ignored(gzip(large("#!/bin/sh\n")));
    refused(large(TOML), "unpacks to more than 1048576 bytes");
    let encoded = format!("Content-Transfer-Encoding: base64\n\n{}", base64(large("x")));
    let bomb = format!("Content-Type: application/gzip\n{encoded}");
    // A hundred of them do not fill the memory, and our part beside one is used.
    ignored(message("b", &vec![bomb.as_str(); 100]));
    taken(message("b", &[&bomb, &ours("", TOML)]));
    let packed = ours("Content-Transfer-Encoding: base64\n", &base64(gzip(TOML)));
    taken(message("b", &[vec![bomb.as_str(); 100], vec![packed.as_str()]].concat()));
    refused(message("b", &[&format!("Content-Type: {MEDIA_TYPE}\n{encoded}")]), "more than");
}

#[test]
fn a_part_may_be_packed_by_itself() {
    let encoding = "Content-Transfer-Encoding: base64\n";
    for part in [
        ours(encoding, &base64(TOML)),
        ours(encoding, &base64(gzip(TOML))),
        ours(encoding, &base64(base64(TOML))),
        ours("", &base64(gzip(TOML))),
        ours("Content-Transfer-Encoding: Quoted-Printable\n", &TOML.replace('=', "=3D")),
        ours("content-transfer-encoding:7BIT\n", TOML),
        ours("Content-Transfer-Encoding: binary\n", TOML),
    ] {
        taken(message("b", &[SCRIPT, &part, SCRIPT]));
    }
    let (head, tail) = (message("b", &[SCRIPT, &ours("", "@")]), "\n--b--\n");
    let head = head.split_once('@').unwrap().0;
    taken([head.as_bytes(), &gzip(TOML), tail.as_bytes()].concat());
    refused([head.as_bytes(), &gzip(TOML)[..40], tail.as_bytes()].concat(), "part 2");
}

#[test]
fn a_part_of_ours_that_cannot_be_decoded_is_refused() {
    let encoded = |encoding: &str, body: &str| {
        message("b", &[SCRIPT, &ours(&format!("Content-Transfer-Encoding: {encoding}\n"), body)])
    };
    refused(encoded("base64", "%%%"), "part 2 of the MIME message is not base64");
    refused(
        encoded("base64", base64(format!("{TOML}#")).trim_end().trim_end_matches('=')),
        "not base64",
    );
    refused(encoded("quoted-printable", TOML), "not quoted-printable");
    refused(encoded("uuencode", TOML), "`uuencode`; expected 7bit, 8bit");
    refused(
        encoded("base64", &base64(&gzip(TOML)[..40])),
        "part 2 of the MIME message cannot be read",
    );
    // The same of somebody else's part is their business.
    for encoding in ["base64", "quoted-printable", "uuencode", "x"] {
        let other = format!("Content-Transfer-Encoding: {encoding}\n{SCRIPT}");
        taken(message("b", &[&other, &ours("", TOML)]));
        ignored(message("b", &[&other]));
    }
}
