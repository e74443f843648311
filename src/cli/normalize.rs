//! Brings arguments into the one form that argh reads.
//!
//! argh knows neither `--x=y`, `-Xvalue`, `-`, options of the program behind a command, a command left out, nor the
//! last of two values winning, by whichever of its names. This puts the program's options first, then the command, its options, `--`, and its
//! positional arguments.

use std::collections::HashMap;

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality};

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arity {
    /// Nothing.
    Switch,
    /// One value; the last one given counts.
    Value,
    /// One value each time it is given.
    Values,
}

/// The options and commands that there are.
#[derive(Debug)]
pub(super) struct Spec {
    program: HashMap<String, Arity>,
    commands: HashMap<String, HashMap<String, Arity>>,
    /// The long names of options by their short ones.
    long: HashMap<String, String>,
    default_command: &'static str,
}

impl Spec {
    /// The spec of a program, as argh describes it, with the command that may be left out.
    pub(super) fn of(info: &CommandInfoWithArgs, default_command: &'static str) -> Spec {
        let command = |info: &CommandInfoWithArgs| (info.name.to_owned(), options(info.flags));
        let commands = info.commands.iter().map(|sub| &sub.command);
        Spec {
            program: options(info.flags),
            commands: commands.clone().map(command).collect(),
            long: commands.flat_map(|info| long_names(info.flags)).chain(long_names(info.flags)).collect(),
            default_command,
        }
    }

    /// An option's arity, whatever it belongs to: where an option stands in several places, it takes the same.
    fn arity(&self, option: &str) -> Option<Arity> {
        let commands = self.commands.values();
        self.program
            .get(option)
            .copied()
            .or_else(|| commands.into_iter().find_map(|options| options.get(option).copied()))
    }
}

/// Options by the names they are given by, dashes included. Help belongs to whatever it is asked of, so it is none.
fn options(flags: &[FlagInfo<'_>]) -> HashMap<String, Arity> {
    let arity = |flag: &FlagInfo<'_>| match (&flag.kind, &flag.optionality) {
        (FlagInfoKind::Switch, _) => Arity::Switch,
        (FlagInfoKind::Option { .. }, Optionality::Repeating) => Arity::Values,
        (FlagInfoKind::Option { .. }, _) => Arity::Value,
    };
    let names = |flag: &FlagInfo<'_>| [Some(flag.long.to_owned()), short_name(flag)];
    let flags = flags.iter().filter(|flag| flag.long != "--help");
    flags.flat_map(|flag| names(flag).into_iter().flatten().map(move |name| (name, arity(flag)))).collect()
}

/// What asks for help, wherever it stands.
const HELP: [&str; 2] = ["-h", "--help"];

fn short_name(flag: &FlagInfo<'_>) -> Option<String> {
    flag.short.map(|short| format!("-{short}"))
}

fn long_names(flags: &[FlagInfo<'_>]) -> impl Iterator<Item = (String, String)> {
    flags.iter().filter_map(|flag| Some((short_name(flag)?, flag.long.to_owned())))
}

/// An option as it was given, with its value.
type Given = (String, Option<String>);

/// Brings `args` into argh's form.
///
/// # Errors
/// A text for the user, for a command that there is not, a value that is missing, and one that is too much.
pub(super) fn normalize(args: &[String], spec: &Spec) -> Result<Vec<String>, String> {
    let (mut given, mut positional) = (Vec::new(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--" => positional.extend(args.by_ref().cloned()),
            "-" => positional.push(arg.clone()),
            long if long.starts_with("--") => given.push(long_option(long, &mut args, spec)?),
            short if short.starts_with('-') => short_options(short, &mut args, spec, &mut given)?,
            _ => positional.push(arg.clone()),
        }
    }
    let named = positional.first().filter(|first| spec.commands.contains_key(*first)).cloned();
    if given.iter().any(|(name, _)| HELP.contains(&name.as_str())) {
        return Ok(named.into_iter().chain(["--help".to_owned()]).collect());
    }
    if let Some((name, _)) = given.iter().find(|(name, _)| spec.arity(name).is_none()) {
        return Err(format!("unknown option \"{}\"", name.escape_debug()));
    }
    if named.is_some() {
        positional.remove(0);
    } else if let Some(stranger) = positional.first() {
        let mut commands: Vec<_> = spec.commands.keys().map(String::as_str).collect();
        commands.sort_unstable();
        return Err(format!("unknown command \"{}\"; there is: {}", stranger.escape_debug(), commands.join(", ")));
    }
    let (program, command): (Vec<Given>, Vec<Given>) =
        last_ones(by_long_names(given, spec), spec).into_iter().partition(|(name, _)| spec.program.contains_key(name));
    let mut normal: Vec<String> = program.into_iter().flat_map(flat).collect();
    normal.push(named.unwrap_or_else(|| spec.default_command.to_owned()));
    normal.extend(command.into_iter().flat_map(flat));
    normal.push("--".to_owned());
    normal.extend(positional);
    Ok(normal)
}

fn flat((name, value): Given) -> impl Iterator<Item = String> {
    std::iter::once(name).chain(value)
}

fn long_option<'a>(arg: &str, rest: &mut impl Iterator<Item = &'a String>, spec: &Spec) -> Result<Given, String> {
    let (name, value) = arg.split_once('=').map_or((arg, None), |(name, value)| (name, Some(value.to_owned())));
    match (spec.arity(name), value) {
        (Some(Arity::Switch), Some(_)) => Err(format!("option {name} takes no value")),
        (Some(Arity::Value | Arity::Values), None) => Ok((name.to_owned(), Some(next_value(name, rest)?))),
        (_, value) => Ok((name.to_owned(), value)),
    }
}

/// Reads `-Xvalue`, `-X value` and `-ab`, two switches.
fn short_options<'a>(
    arg: &str,
    rest: &mut impl Iterator<Item = &'a String>,
    spec: &Spec,
    given: &mut Vec<Given>,
) -> Result<(), String> {
    let letters = arg[1..].char_indices();
    for (at, letter) in letters {
        let name = format!("-{letter}");
        let tail = &arg[1 + at + letter.len_utf8()..];
        match spec.arity(&name) {
            Some(Arity::Switch) => given.push((name, None)),
            Some(_) if tail.is_empty() => {
                let value = next_value(&name, rest)?;
                given.push((name, Some(value)));
            }
            Some(_) => {
                given.push((name, Some(tail.to_owned())));
                return Ok(());
            }
            None if name == "-h" => given.push((name, None)),
            None => {
                given.push((arg.to_owned(), None));
                return Ok(());
            }
        }
    }
    Ok(())
}

fn next_value<'a>(name: &str, rest: &mut impl Iterator<Item = &'a String>) -> Result<String, String> {
    rest.next().cloned().ok_or_else(|| format!("option {name} needs a value"))
}

/// Gives options their long names, so that argh takes `-X` and `--request` for the same.
fn by_long_names(given: Vec<Given>, spec: &Spec) -> Vec<Given> {
    given.into_iter().map(|(name, value)| (spec.long.get(&name).cloned().unwrap_or(name), value)).collect()
}

/// Drops all but the last of what counts once.
fn last_ones(given: Vec<Given>, spec: &Spec) -> Vec<Given> {
    let repeats = |name: &str| !matches!(spec.arity(name), Some(Arity::Switch | Arity::Value));
    let mut kept: Vec<Given> = Vec::new();
    for (name, value) in given {
        if !repeats(&name) {
            kept.retain(|(earlier, _)| *earlier != name);
        }
        kept.push((name, value));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        let options =
            |options: &[(&str, Arity)]| options.iter().map(|(name, arity)| ((*name).to_owned(), *arity)).collect();
        Spec {
            program: options(&[("--level", Arity::Value), ("--version", Arity::Switch)]),
            commands: HashMap::from([
                ("serve".to_owned(), options(&[("--listen", Arity::Value)])),
                (
                    "probe".to_owned(),
                    options(&[
                        ("--header", Arity::Values),
                        ("-H", Arity::Values),
                        ("-4", Arity::Switch),
                        ("-k", Arity::Switch),
                    ]),
                ),
            ]),
            long: HashMap::from([("-H".to_owned(), "--header".to_owned())]),
            default_command: "serve",
        }
    }

    fn normal(args: &str) -> Result<String, String> {
        let args: Vec<_> = args.split_whitespace().map(str::to_owned).collect();
        normalize(&args, &spec()).map(|args| args.join(" "))
    }

    #[test]
    fn every_way_of_writing_becomes_one() {
        let cases = [
            ("", "serve --"),
            ("--listen :8080", "serve --listen :8080 --"),
            ("--listen=:8080", "serve --listen :8080 --"),
            ("serve --listen=:1 --level debug", "--level debug serve --listen :1 --"),
            ("--listen :1 serve --listen :2", "serve --listen :2 --"),
            ("probe -HA:b --header=C:d url -H e", "probe --header A:b --header C:d --header e -- url"),
            ("probe -4k url", "probe -4 -k -- url"),
            ("probe url --header --header", "probe --header --header -- url"),
            ("probe -", "probe -- -"),
            ("probe -- -4", "probe -- -4"),
            ("--level=", "--level  serve --"),
            ("--help --listen :1", "--help"),
            ("probe -h --nonsense", "probe --help"),
            ("--version", "--version serve --"),
        ];
        for (args, expected) in cases {
            assert_eq!(normal(args).as_deref(), Ok(expected), "{args}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_explained() {
        let cases = [
            ("dance", "unknown command \"dance\"; there is: probe, serve"),
            ("--listen", "option --listen needs a value"),
            ("--nonsense=1 value", "unknown option \"--nonsense\""),
            ("probe -zH url", "unknown option \"-zH\""),
            ("probe -H", "option -H needs a value"),
            ("--version=1", "option --version takes no value"),
        ];
        for (args, expected) in cases {
            assert_eq!(normal(args), Err(expected.to_owned()), "{args}");
        }
    }

    #[test]
    fn an_option_takes_the_same_wherever_it_stands() {
        let spec = super::super::options::spec();
        for (command, options) in &spec.commands {
            for (name, arity) in options {
                assert_eq!(spec.arity(name), Some(*arity), "{command} {name}");
                let long = spec.long.get(name).unwrap_or(name);
                assert!(options.contains_key(long), "{command} {name} is not {long} everywhere");
            }
        }
    }
}
