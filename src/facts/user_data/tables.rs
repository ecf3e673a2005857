//! Whether a text opens tables of the settings.

use super::super::settings::TABLES;

/// Whether a line opens or sets one of our tables, also with a typo: a broken settings text must be refused, not ignored.
pub(super) fn names_our_tables(text: &str) -> bool {
    let ours = |word: &str| {
        TABLES
            .iter()
            .any(|table| strsim::damerau_levenshtein(word, table) <= usize::from(table.len() > 3))
    };
    text.lines().map(str::trim).any(|line| {
        let (header, rest) = match line.strip_prefix('[') {
            Some(rest) => (true, rest.trim_start_matches('[').trim_start()),
            None => (false, line),
        };
        let word: String = rest
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-')
            .collect();
        let after = rest[word.len()..].trim_start();
        let opens = if header {
            after.starts_with([']', '.'])
        } else {
            let table =
                after.strip_prefix('=').is_some_and(|value| value.trim_start().starts_with('{'));
            table || (after.starts_with('.') && after.contains('='))
        };
        // The check for typos is slow, so it comes last.
        opens && word.len() <= 16 && ours(&word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_in_our_tables_are_ours_to_refuse() {
        for text in [
            "[nomda]\nx = 1\n",
            "[[consul]]\n",
            "consul.version = \"1\"\n",
            "nomad={}\n",
            "dns =\t{ forwarder = \"none\" }\n",
            "[ consul ]",
            "[nomad\n[nomad]\n",
        ] {
            assert!(names_our_tables(text), "{text:?}");
        }
        for text in ["consul.service is enabled\n", "[settings.dns]\n", "dns: 1\n", "[\n]\n"] {
            assert!(!names_our_tables(text), "{text:?}");
        }
    }
}
