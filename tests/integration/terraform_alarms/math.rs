//! Metric math, as far as the alarms have it: identifiers, integers, `-`, `>`, `OR` and `IF(condition, value, value)`. Anything else
//! fails the test. From https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(super) enum Math {
    Integer(i64),
    /// The id of a metric of the alarm.
    Id(String),
    Minus(Box<Math>, Box<Math>),
    Above(Box<Math>, Box<Math>),
    Or(Box<Math>, Box<Math>),
    If(Box<[Math; 3]>),
}

impl Math {
    pub(super) fn parse(expression: &str) -> Self {
        let mut words = Words { expression, rest: expression };
        let math = words.any();
        assert_eq!(words.rest, "", "{expression}: expected its end");
        math
    }

    /// The ids that it names.
    pub(super) fn ids(&self) -> BTreeSet<&str> {
        match self {
            Self::Integer(_) => BTreeSet::new(),
            Self::Id(id) => BTreeSet::from([id.as_str()]),
            Self::Minus(one, two) | Self::Above(one, two) | Self::Or(one, two) => {
                one.ids().into_iter().chain(two.ids()).collect()
            }
            Self::If(parts) => parts.iter().flat_map(Self::ids).collect(),
        }
    }

    /// What it is at a moment at which all its metrics have these values.
    pub(super) fn at(&self, values: &BTreeMap<&str, i64>) -> i64 {
        match self {
            Self::Integer(integer) => *integer,
            Self::Id(id) => values[id.as_str()],
            Self::Minus(one, two) => one.at(values) - two.at(values),
            Self::Above(one, two) => i64::from(one.at(values) > two.at(values)),
            Self::Or(one, two) => i64::from(one.at(values) != 0 || two.at(values) != 0),
            Self::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                if condition.at(values) == 0 { otherwise.at(values) } else { then.at(values) }
            }
        }
    }
}

struct Words<'a> {
    expression: &'a str,
    rest: &'a str,
}

impl Words<'_> {
    fn any(&mut self) -> Math {
        let mut math = self.comparison();
        while self.has("OR ") {
            math = Math::Or(Box::new(math), Box::new(self.comparison()));
        }
        math
    }

    fn comparison(&mut self) -> Math {
        let math = self.difference();
        if self.has("> ") { Math::Above(Box::new(math), Box::new(self.difference())) } else { math }
    }

    fn difference(&mut self) -> Math {
        let mut math = self.value();
        while self.has("- ") {
            math = Math::Minus(Box::new(math), Box::new(self.value()));
        }
        math
    }

    fn value(&mut self) -> Math {
        if self.has("IF(") {
            let condition = self.any();
            self.expect(",");
            let then = self.any();
            self.expect(",");
            let otherwise = self.any();
            self.expect(")");
            return Math::If(Box::new([condition, then, otherwise]));
        }
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let length = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest.trim_start();
        if let Ok(integer) = word.parse() {
            return Math::Integer(integer);
        }
        // CloudWatch's ids begin with a small letter.
        let is_id = word.starts_with(|letter: char| letter.is_ascii_lowercase());
        assert!(is_id, "{}: expected a value, found {word:?} before {rest:?}", self.expression);
        Math::Id(word.to_owned())
    }

    fn has(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word).map(str::trim_start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, word: &str) {
        assert!(self.has(word), "{}: expected {word} before {:?}", self.expression, self.rest);
    }
}

#[test]
fn metric_math_is_read_as_cloudwatch_does() {
    let of = |expression: &str, a: i64, b: i64| {
        Math::parse(expression).at(&BTreeMap::from([("a", a), ("b", b)]))
    };
    assert_eq!(of("a - b - 1", 5, 2), 2);
    assert_eq!(of("a > 0 OR b > 1", 0, 1), 0);
    assert_eq!(of("a > 0 OR b > 1", 0, 2), 1);
    assert_eq!(of("IF(a - 1 > b, 7, a)", 3, 1), 7);
    assert_eq!(of("IF(a - 1 > b, 7, a)", 3, 2), 3);
    assert_eq!(Math::parse("IF(a > 0 OR b > a, 1, 0)").ids(), BTreeSet::from(["a", "b"]));
}

#[test]
#[should_panic(expected = "a + b: expected its end")]
fn metric_math_that_nobody_uses_is_refused() {
    Math::parse("a + b");
}
