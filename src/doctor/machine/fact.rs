//! A fact that is fetched once, by whoever asks first, and shared.

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use std::future::Future;
use std::rc::Rc;

/// A fact that is fetched when it is asked for the first time. If the check that asked first runs out of time, the next one
/// goes on with the same request.
pub struct Fact<T>(Shared<LocalBoxFuture<'static, Rc<T>>>);

impl<T> Clone for Fact<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: 'static> Fact<T> {
    /// A fact; nothing is fetched yet.
    pub(super) fn new(fetch: impl Future<Output = T> + 'static) -> Self {
        Self(fetch.map(Rc::new).boxed_local().shared())
    }

    /// The fact.
    pub async fn get(&self) -> Rc<T> {
        self.0.clone().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_fact_is_fetched_once_even_if_the_first_who_asks_gives_up() {
        let fetched = Rc::new(Cell::new(0));
        let counted = Rc::clone(&fetched);
        let fact = Fact::new(async move {
            counted.set(counted.get() + 1);
            tokio::time::sleep(Duration::from_secs(2)).await;
            7
        });
        assert!(tokio::time::timeout(Duration::from_secs(1), fact.get()).await.is_err());
        assert_eq!((*fact.get().await, *fact.get().await, fetched.get()), (7, 7, 1));
    }
}
