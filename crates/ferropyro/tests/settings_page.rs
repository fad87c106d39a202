//! `docs/settings.md` lists the config items as they are. After a change of an item:
//! `UPDATE_DOCS=1 cargo test -p ferropyro --test settings_page` writes the list anew.
#![cfg(unix)] // USE_MSG_WAITALL has another default elsewhere

use std::fs;
use std::path::{Path, PathBuf};

use ferropyro::Config;
use ferropyro::config::{Generation, ITEMS, Item, Origin};

const BEGIN: &str = "<!-- items: written by crates/ferropyro/tests/settings_page.rs -->\n";
const END: &str = "<!-- end of items -->\n";
const WIDTH: usize = 140;

/// Items that are read and shown, but do nothing yet, or never will.
const WITHOUT_EFFECT: [&str; 3] = ["DETAILED_TRACEBACK", "JSON_MODULE", "REQUIRE_EXPOSE"];

#[test]
fn the_page_lists_every_item_with_its_defaults() {
    let path = root().join("docs/settings.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the line before the list");
    let (_, after) = rest.split_once(END).expect("the line after the list");
    let fresh = format!("{before}{BEGIN}\n{}\n{END}{after}", list());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &fresh).unwrap();
    } else {
        assert!(
            page == fresh,
            "docs/settings.md is out of date: UPDATE_DOCS=1 cargo test -p ferropyro --test settings_page"
        );
    }
}

/// Whoever gives an item its effect is reminded of the page.
#[test]
fn items_without_effect_are_not_used() {
    let mut sources = Vec::new();
    for folder in ["crates/ferropyro/src", "crates/nameserver/src"] {
        collect(&root().join(folder), &mut sources);
    }
    for name in WITHOUT_EFFECT {
        assert!(Item::find(name).is_some(), "{name} is no item");
        let field = format!("config.{}", name.to_lowercase());
        let is_use = |source: &String| source.lines().any(|line| ends_word(line, &field));
        assert!(
            !sources.iter().any(is_use),
            "{name} is used now: take it out of WITHOUT_EFFECT"
        );
    }
}

fn ends_word(line: &str, field: &str) -> bool {
    line.match_indices(field).any(|(at, _)| {
        let next = line[at + field.len()..].chars().next();
        !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn collect(folder: &Path, sources: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else {
            sources.push(fs::read_to_string(path).unwrap());
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn list() -> String {
    let mut items: Vec<&Item> = ITEMS.iter().collect();
    items.sort_by_key(|item| item.name);
    items.into_iter().map(entry).collect()
}

fn entry(item: &Item) -> String {
    let mut text = format!("- **{}** ({}). {}", item.name, defaults(item), prose(item.doc));
    if WITHOUT_EFFECT.contains(&item.name) && !text.ends_with("without meaning here.") {
        text.push_str(" *Without effect so far.*");
    }
    wrap(&text)
}

/// Our default; and those of the generations that have the item, where they are others.
fn defaults(item: &Item) -> String {
    let own = value(item, &Config::default());
    let mut text = own.clone();
    for (generation, config) in [
        (Generation::Pyro4, Config::pyro4()),
        (Generation::Pyro5, Config::pyro5()),
    ] {
        let theirs = value(item, &config);
        if item.is_of(generation) && theirs != own {
            text.push_str(&format!("; {generation:?}: {theirs}"));
        }
    }
    text.push_str(match item.origin {
        Origin::Both => "",
        Origin::Pyro4 => "; not in Pyro5",
        Origin::Pyro5 => "; not in Pyro4",
        Origin::Ferropyro => "; not in Pyro",
    });
    text
}

fn value(item: &Item, config: &Config) -> String {
    match item.get(config).as_str() {
        "" => "none".to_owned(),
        value => format!("`{value}`"),
    }
}

/// The documentation of the item without links into the library.
fn prose(doc: &str) -> String {
    let mut text = String::new();
    let mut rest = doc;
    while let Some((before, link)) = rest.split_once("](") {
        text.push_str(&before.replace('[', ""));
        rest = link.split_once(')').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn wrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().unwrap();
        if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
            lines.push(format!("  {word}"));
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}
