//! Decodes gzip and base64 in any order. Damaged data is decoded as far as possible, which is enough to tell whether it is for
//! cos-agent.

use super::{CAP, kind};
use base64::Engine;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use std::io::{Read, Write};

const GZIP: &[u8] = &[0x1f, 0x8b];
/// How many times data may be packed.
const LAYERS: usize = 6;
/// The shortest base64, in letters: shorter words look like base64 by accident.
const SHORTEST: usize = 16;
/// Damaged base64 has at most one other character in this many. Texts that only contain some base64 have more.
const MOSTLY: usize = 32;
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// How many bytes all packed parts of one user data may still unpack to.
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(4 * CAP)
    }
}

/// Data that was unpacked as far as possible.
pub(super) struct Unpacked {
    /// The data, as far as it could be read.
    pub(super) data: Vec<u8>,
    /// Why the rest could not be unpacked.
    pub(super) broken: Option<String>,
}

/// Decodes gzip and base64.
pub(super) fn unpack(bytes: &[u8], budget: &mut Budget) -> Unpacked {
    undo(bytes.to_vec(), LAYERS, budget)
}

fn undo(mut data: Vec<u8>, layers: usize, budget: &mut Budget) -> Unpacked {
    // If the outer packing is damaged, the inner data still tells whether it is for cos-agent.
    let mut broken = None;
    for done in 0..layers {
        if data.starts_with(GZIP) {
            let (plain, problem) = gunzip(&data, CAP.min(budget.0));
            budget.0 -= plain.len();
            broken = broken.or(problem);
            data = plain;
            continue;
        }
        match base64(&data) {
            Base64::Whole(plain) => data = plain,
            Base64::Broken(start, problem) => {
                let inner = undo(start, layers - done - 1, budget);
                if kind::is_addressed(&inner.data) {
                    return Unpacked { data: inner.data, broken: broken.or(Some(problem)) };
                }
                break;
            }
            Base64::Not => break,
        }
    }
    Unpacked { data, broken }
}

/// All members of a gzip file (RFC 1952, 2.2), at most `cap` bytes, and what is wrong with it. Bytes after the last member are
/// ignored, as gzip itself does.
fn gunzip(packed: &[u8], cap: usize) -> (Vec<u8>, Option<String>) {
    let mut plain = Vec::new();
    let mut rest = packed;
    while rest.starts_with(GZIP) {
        let mut member = flate2::bufread::GzDecoder::new(rest);
        let room = (cap - plain.len()) as u64 + 1;
        if let Err(error) = (&mut member).take(room).read_to_end(&mut plain) {
            return (salvage(packed, cap), Some(format!("the gzip data is broken: {error}")));
        }
        if plain.len() > cap {
            plain.truncate(cap);
            return (plain, Some(format!("the gzip data unpacks to more than {cap} bytes")));
        }
        rest = member.into_inner();
    }
    (plain, None)
}

/// The contents of damaged gzip data up to the damage.
fn salvage(packed: &[u8], cap: usize) -> Vec<u8> {
    let mut decoder = flate2::write::MultiGzDecoder::new(Vec::new());
    for byte in packed {
        if decoder.write_all(std::slice::from_ref(byte)).is_err() || decoder.get_ref().len() > cap {
            break;
        }
    }
    // Its error is known already. The flush is for the bytes in its buffer.
    let _ = decoder.flush();
    let mut plain = std::mem::take(decoder.get_mut());
    plain.truncate(cap);
    plain
}

enum Base64 {
    Not,
    Whole(Vec<u8>),
    Broken(Vec<u8>, String),
}

/// Decodes base64, but only if the result can be read further.
fn base64(data: &[u8]) -> Base64 {
    let compact = without_blanks(data);
    if compact.len() < SHORTEST {
        return Base64::Not;
    }
    match BASE64.decode(&compact) {
        Ok(plain) if is_readable(&plain) => Base64::Whole(plain),
        Ok(_) => Base64::Not,
        Err(error) => {
            // One damaged letter damages three bytes. The bytes around them still tell whether the data is for cos-agent.
            let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
            let damaged = compact.iter().filter(|byte| !letter(byte)).count();
            if damaged * MOSTLY > compact.len() {
                return Base64::Not;
            }
            let patched = compact.iter().map(|byte| if letter(byte) { *byte } else { b'A' });
            let patched: Vec<u8> = patched.take(compact.len() / 4 * 4).collect();
            let start = BASE64.decode(patched).unwrap_or_default();
            Base64::Broken(start, format!("the base64 data is broken or cut off: {error}"))
        }
    }
}

fn is_readable(plain: &[u8]) -> bool {
    plain.starts_with(GZIP) || std::str::from_utf8(plain).is_ok() || kind::is_addressed(plain)
}

/// Decodes the base64 of a MIME part (RFC 2045, 6.8).
pub(super) fn transfer_base64(data: &[u8]) -> Result<Vec<u8>, base64::DecodeError> {
    BASE64.decode(without_blanks(data))
}

fn without_blanks(data: &[u8]) -> Vec<u8> {
    data.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
}
