//! Which part of the output of a child is kept. The rest is read too, so that a child with much output does not block on a
//! full pipe.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Which part of an output stream is kept, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The beginning.
    First(usize),
    /// The end: of a log, the latest lines.
    Last(usize),
}

impl Keep {
    /// Reads a stream to its end. A broken pipe only shortens what is kept; the exit code still decides.
    pub(super) async fn read(self, stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
        let Some(mut stream) = stream else { return };
        let mut chunk = [0_u8; 4096];
        while let Ok(length @ 1..) = stream.read(&mut chunk).await {
            let chunk = &chunk[..length];
            match self {
                Self::First(cap) => {
                    let wanted = length.min(cap.saturating_sub(kept.len()));
                    kept.extend_from_slice(&chunk[..wanted]);
                }
                Self::Last(cap) => {
                    kept.extend_from_slice(chunk);
                    // Not at every chunk, because each cut moves all that is kept.
                    if kept.len() > 2 * cap {
                        cut(kept, cap);
                    }
                }
            }
        }
        if let Self::Last(cap) = self {
            cut(kept, cap);
        }
    }
}

fn cut(kept: &mut Vec<u8>, cap: usize) {
    kept.drain(..kept.len().saturating_sub(cap));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_beginning_or_the_end_is_kept() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        for cap in [0, 1, 5000, 399_999, 400_000, 500_000] {
            let length = cap.min(bytes.len());
            let mut kept = Vec::new();
            Keep::First(cap).read(Some(&bytes[..]), &mut kept).await;
            assert!(kept == bytes[..length], "the first {cap}");
            kept.clear();
            Keep::Last(cap).read(Some(&bytes[..]), &mut kept).await;
            assert!(kept == bytes[bytes.len() - length..], "the last {cap}");
        }
    }
}
