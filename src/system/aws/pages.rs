//! Answers of several pages: one loop for every request.

use super::{AwsError, Client};

/// Most pages that are read. A cluster has tens of servers; a service that never stops sending pages is not AWS.
const MAX_PAGES: usize = 100;
/// Most bytes in all pages of one answer: a hundred pages of the largest size would fill the memory of a small instance.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// One page of an answer.
pub(super) struct Page<T> {
    /// What it lists.
    pub(super) items: Vec<T>,
    /// The token of the next page, if there is one.
    pub(super) next: Option<String>,
    /// How long it was.
    pub(super) bytes: usize,
}

/// The items of all pages of an answer. `ask` fetches the page of a token, or the first page for `None`.
pub(super) async fn all<T>(
    client: &Client,
    action: &str,
    ask: impl AsyncFn(Option<&str>) -> Result<Page<T>, AwsError>,
) -> Result<Vec<T>, AwsError> {
    gather(ask).await?.map_err(|problem| client.malformed(action, problem))
}

/// Like [`all`]; the inner error says what is wrong with the pages as a whole.
async fn gather<T, E>(
    ask: impl AsyncFn(Option<&str>) -> Result<Page<T>, E>,
) -> Result<Result<Vec<T>, String>, E> {
    let mut items = Vec::new();
    let (mut next, mut bytes): (Option<String>, usize) = (None, 0);
    for _ in 0..MAX_PAGES {
        let page = ask(next.as_deref()).await?;
        bytes += page.bytes;
        if bytes > MAX_BYTES {
            return Ok(Err(format!("more than {MAX_BYTES} bytes in all pages")));
        }
        items.extend(page.items);
        next = page.next;
        if next.is_none() {
            return Ok(Ok(items));
        }
    }
    Ok(Err(format!("more than {MAX_PAGES} pages")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gathers this many pages of this length; the last has no token.
    async fn gathered(pages: usize, bytes: usize) -> Result<Vec<usize>, String> {
        let all = gather(async |next| {
            let number = next.map_or(0, |token| token.parse::<usize>().unwrap());
            let next = (number + 1 < pages).then(|| (number + 1).to_string());
            Ok::<_, AwsError>(Page { items: vec![number], next, bytes })
        });
        all.await.unwrap()
    }

    #[tokio::test]
    async fn pages_are_gathered_in_their_order_and_counted_together() {
        assert_eq!(gathered(3, 1).await, Ok(vec![0, 1, 2]));
        assert_eq!(gathered(4, MAX_BYTES / 4).await, Ok(vec![0, 1, 2, 3]));
        assert_eq!(
            gathered(5, MAX_BYTES / 4).await,
            Err(format!("more than {MAX_BYTES} bytes in all pages"))
        );
        assert!(gathered(MAX_PAGES, 1).await.is_ok());
        assert_eq!(gathered(MAX_PAGES + 1, 1).await, Err(format!("more than {MAX_PAGES} pages")));
    }
}
