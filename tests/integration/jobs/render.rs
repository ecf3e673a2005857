//! A renderer of the few constructs that the templates of the jobs have. It stands in for the one in Nomad, which does not run
//! without a cluster, and refuses what it does not know.

use super::{jobs, services};
use crate::support::terraform::{list, text};

/// A service as Consul lists it, with one instance.
struct Service {
    name: String,
    tags: Vec<String>,
}

enum Token<'a> {
    Text(&'a str),
    Action(&'a str),
}

/// What `.` and the variable stand for.
#[derive(Clone, Copy, Default)]
struct Scope<'a> {
    service: Option<&'a Service>,
    datacenter: Option<&'a str>,
}

/// Renders a template where all jobs run, each service once.
pub(super) fn render(template: &str) -> String {
    let known = known();
    let tokens = tokens(template);
    let mut rendered = String::new();
    let end = block(&known, &tokens, Scope::default(), &mut rendered);
    assert_eq!(end, tokens.len(), "an `end` too many: {template}");
    rendered
}

/// The services of the jobs, and those that the daemons register.
fn known() -> Vec<Service> {
    let jobs = jobs();
    let of_jobs = jobs.values().flat_map(services).map(|one| {
        let tags = one["Tags"].as_array().map(|_| list(&one["Tags"]));
        let tags = tags.into_iter().flatten().map(|tag| text(tag).to_owned()).collect();
        Service { name: text(&one["Name"]).to_owned(), tags }
    });
    let of_daemons = [("consul", ""), ("nomad", "http")]
        .map(|(name, tag)| Service { name: name.to_owned(), tags: vec![tag.to_owned()] });
    of_jobs.chain(of_daemons).collect()
}

fn tokens(template: &str) -> Vec<Token<'_>> {
    let mut parts = template.split("{{");
    let mut tokens = vec![Token::Text(parts.next().unwrap())];
    for part in parts {
        let (action, after) = part.split_once("}}").expect("an action ends");
        assert!(!action.ends_with('-'), "no template trims what follows: {action}");
        if let Some(Token::Text(before)) = tokens.last_mut().filter(|_| action.starts_with("- ")) {
            *before = before.trim_end();
        }
        tokens.push(Token::Action(action.trim_start_matches('-').trim()));
        tokens.push(Token::Text(after));
    }
    tokens
}

/// Renders up to the `end` of a block, and says what comes after it.
fn block(known: &[Service], tokens: &[Token<'_>], scope: Scope<'_>, out: &mut String) -> usize {
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        at += 1;
        let action = match token {
            Token::Text(words) => {
                out.push_str(words);
                continue;
            }
            Token::Action("end") => return at,
            Token::Action(action) => *action,
        };
        let Some(scopes) = scopes(known, action, scope) else {
            out.push_str(&value(action, scope));
            continue;
        };
        // Also where it runs for nothing, its end has to be found.
        let length = block(
            known,
            &tokens[at..],
            scopes.first().copied().unwrap_or(scope),
            &mut String::new(),
        );
        for inner in scopes {
            block(known, &tokens[at..at + length], inner, out);
        }
        at += length;
    }
    at
}

/// What a `range` or an `if` runs for; nothing for an action that is a value.
fn scopes<'a>(known: &'a [Service], action: &'a str, scope: Scope<'a>) -> Option<Vec<Scope<'a>>> {
    let of = |service| Scope { service: Some(service), ..scope };
    if action == "range services" {
        Some(known.iter().map(of).collect())
    } else if let Some(query) = action.strip_prefix("range service ") {
        let query = quoted(query).trim_end_matches("|any");
        let (tag, name) =
            query.split_once('.').map_or((None, query), |(tag, name)| (Some(tag), name));
        let fits = |one: &&Service| {
            one.name == name && tag.is_none_or(|tag| one.tags.iter().any(|own| own == tag))
        };
        let found: Vec<_> = known.iter().filter(fits).map(of).collect();
        assert!(!found.is_empty(), "no job registers a service {query}");
        Some(found)
    } else if let Some(words) = action.strip_prefix("range $datacenter := ") {
        let words = quoted(words.strip_suffix(" | split \" \"").expect("a list of words"));
        Some(words.split(' ').map(|word| Scope { datacenter: Some(word), ..scope }).collect())
    } else if let Some(tag) = action.strip_prefix("if .Tags | contains ") {
        let service = scope.service.expect("`.Tags` is of a service");
        let has = service.tags.iter().any(|own| own == quoted(tag));
        Some(if has { vec![scope] } else { Vec::new() })
    } else {
        None
    }
}

fn value(action: &str, scope: Scope<'_>) -> String {
    let service = || scope.service.unwrap_or_else(|| panic!("{action} is of a service"));
    match action {
        ".Name" => service().name.clone(),
        ".Node" => format!("node-of-{}", service().name),
        ".Address" => "10.20.1.4".to_owned(),
        ".Port" => "20004".to_owned(),
        "$datacenter" => scope.datacenter.expect("`$datacenter` is of a range").to_owned(),
        "env \"NOMAD_ADDR_metrics\"" => "10.20.1.4:20001".to_owned(),
        _ => {
            panic!("the templates of the jobs have a construct that this renderer lacks: {action}")
        }
    }
}

fn quoted(word: &str) -> &str {
    let inner = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
    inner.unwrap_or_else(|| panic!("expected a word in quotes, found {word}"))
}

#[test]
fn a_template_is_rendered_as_nomad_would() {
    let datacenters = "a\n{{- range $datacenter := \"x y\" | split \" \" }}\n  {{ $datacenter }}!\n{{- end }}\nz\n";
    assert_eq!(render(datacenters), "a\n  x!\n  y!\nz\n");
    let public =
        "{{ range services }}{{ if .Tags | contains \"public\" }}<{{ .Name }}>{{ end }}{{ end }}";
    assert_eq!(render(public), "<ping>");
    assert_eq!(render("{{ range service \"http.nomad|any\" }}{{ .Name }}{{ end }}"), "nomad");
}

#[test]
#[should_panic(expected = "no job registers a service pong")]
fn a_service_that_no_job_registers_is_not_rendered() {
    render("{{ range service \"pong\" }}{{ end }}");
}
