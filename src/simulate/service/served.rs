//! The log of the service, for tests that count requests.

use std::time::Duration;

/// A request as it was served.
#[derive(Debug, Clone)]
pub struct Served {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The status.
    pub status: u16,
    /// The number of the connection.
    pub connection: usize,
    /// When it came, since the service started.
    pub came: Duration,
    /// When it was answered.
    pub answered: Duration,
}

/// The longest chain of requests in which each came after the previous one was answered: the round trips that were
/// certainly sequential.
pub fn sequential_round_trips(served: &[Served]) -> usize {
    let mut chains: Vec<(Duration, usize)> = Vec::new();
    let mut sorted: Vec<&Served> = served.iter().collect();
    sorted.sort_by_key(|served| served.came);
    for request in sorted {
        let before = chains
            .iter()
            .filter(|(answered, _)| *answered <= request.came)
            .map(|(_, length)| *length)
            .max();
        chains.push((request.answered, before.unwrap_or(0) + 1));
    }
    chains.into_iter().map(|(_, length)| length).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_are_the_longest_chain() {
        let request = |came: u64, answered: u64| Served {
            method: String::new(),
            path: String::new(),
            status: 200,
            connection: 0,
            came: Duration::from_millis(came),
            answered: Duration::from_millis(answered),
        };
        assert_eq!(sequential_round_trips(&[]), 0);
        let served = [
            request(0, 10),
            request(11, 20),
            request(11, 25),
            request(26, 30),
            request(26, 31),
            request(27, 30),
        ];
        assert_eq!(sequential_round_trips(&served), 3);
    }
}
