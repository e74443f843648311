//! What is in `deploy/` and the release workflow, as far as the toolchain alone can tell: the files agree with the program
//! and with one another. That Docker, systemd and GitHub do with them what is wanted is tried elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::Origin;
use serde_json::{Value, json};
use sse_argo_tester::server::MAX_CONNECTIONS;

/// The port on which the origin is served everywhere.
const PORT: &str = "3000";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    yaml_serde::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files of `deploy/` and the workflows, with their texts.
fn all_files() -> Vec<(PathBuf, String)> {
    let folders = ["deploy", ".github/workflows"].map(|folder| root().join(folder));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    // A user's own, which Git ignores.
    files.filter(|path| !path.ends_with(".env")).map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap_or_else(|| panic!("{value}")).iter().map(|item| item.as_str().unwrap()).collect()
}

/// The values of a directive of a unit, in order.
fn directives<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

/// The rest of the only line of a Dockerfile's final stage that starts so, with what is continued.
fn instruction(name: &str) -> String {
    let text = read("deploy/Dockerfile").replace("\\\n", "");
    let stage = text.split("FROM scratch\n").nth(1).expect("the final stage is empty at first").to_owned();
    let mut found = stage.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let rest = found.next().unwrap_or_else(|| panic!("no {name}")).to_owned();
    assert_eq!(found.next(), None, "{name} is there once");
    rest
}

/// A list of arguments as Docker runs it without a shell.
fn exec_form(text: &str) -> Vec<String> {
    let list = &text[text.find('[').unwrap_or_else(|| panic!("{text} needs a shell"))..];
    serde_json::from_str(list).unwrap()
}

/// Starts the origin with `args`, but on a free port, and checks its health with other ones, on that port.
fn assert_serves(args: &[String], check: &[String]) {
    let program = env!("CARGO_BIN_EXE_sse-argo-tester");
    assert!(args.iter().any(|arg| arg.ends_with(&format!(":{PORT}"))), "{args:?}");
    let mut command = Command::new(program);
    command.args(args.iter().map(|arg| arg.replace(PORT, "0")));
    let origin = Origin::spawn(command);
    let port = origin.address.port().to_string();
    assert!(check.iter().any(|arg| arg.contains(&format!(":{PORT}/"))), "{check:?}");
    let output = Command::new(program).args(check.iter().map(|arg| arg.replace(PORT, &port))).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{check:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn check() -> Vec<String> {
    exec_form(&instruction("HEALTHCHECK"))[1..].to_vec()
}

#[test]
fn the_image_holds_the_binary_alone_and_runs_it_as_nobody() {
    assert_eq!(instruction("COPY"), "--from=build /sse-argo-tester /sse-argo-tester");
    let user = instruction("USER");
    assert!(user.split(':').all(|id| id.parse::<u32>().unwrap() > 0), "{user}");
    assert_eq!(instruction("EXPOSE"), PORT);
    let binary = "/sse-argo-tester";
    assert_eq!(exec_form(&instruction("ENTRYPOINT")), [binary]);
    assert_eq!(exec_form(&instruction("HEALTHCHECK"))[0], binary);
    assert_serves(&exec_form(&instruction("CMD")), &check());
}

#[test]
fn the_ports_are_the_defaults_of_the_program() {
    for (command, default) in [("serve", "localhost:3000"), ("healthcheck", "http://localhost:3000/healthz")] {
        let help = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester")).args([command, "--help"]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(default.contains(PORT) && help.contains(&format!("(default {default})")), "{help}");
    }
}

#[test]
fn the_build_sees_all_that_it_needs() {
    let listed = read("deploy/Dockerfile.dockerignore");
    let listed: Vec<&str> = listed.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for needed in ["Cargo.toml", "Cargo.lock", "src", "benches", "index.html", "deploy/build-static"] {
        assert!(listed.contains(&needed) && root().join(needed).exists(), "{needed}");
    }
    let machines = read("deploy/build-static");
    for machine in ["x86_64", "aarch64", "armv7"] {
        assert!(read("deploy/Dockerfile").contains(&format!("set -- {machine} ")), "{machine}");
        assert!(machines.lines().any(|line| line.trim_start().starts_with(machine)), "{machine}");
    }
}

#[test]
fn containers_may_do_little() {
    let compose = yaml("deploy/compose.yaml");
    for (name, service) in compose["services"].as_object().unwrap() {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(strings(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(strings(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert!(service["mem_limit"].is_string() && service["pids_limit"].is_u64(), "{name}");
        assert!(service["restart"].is_string() && service["ports"].is_null(), "{name}");
    }
    let origin = &compose["services"]["origin"];
    assert_eq!(strings(&origin["networks"]), ["inside"]);
    assert_eq!(compose["networks"]["inside"]["internal"], true);
    assert!(strings(&origin["tmpfs"])[0].starts_with("/tmp:"));
    assert!(origin["pids_limit"].as_u64().unwrap() > MAX_CONNECTIONS as u64);
    assert!(root().join("deploy").join(origin["build"]["context"].as_str().unwrap()).join("Cargo.toml").exists());
    assert_eq!(origin["build"]["dockerfile"], "deploy/Dockerfile");
}

#[test]
fn cloudflared_waits_for_an_origin_that_is_well() {
    let sidecar = &yaml("deploy/compose.yaml")["services"]["cloudflared"];
    assert_eq!(sidecar["depends_on"]["origin"]["condition"], "service_healthy");
    let target = format!("http://origin:{PORT}");
    assert_eq!(strings(&sidecar["command"]), ["tunnel", "--no-autoupdate", "--url", &target]);
    let (image, version) = sidecar["image"].as_str().unwrap().split_once(':').unwrap();
    assert_eq!((image, version.split('.').count()), ("cloudflare/cloudflared", 3));
    assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{version}");
}

#[test]
fn a_named_tunnel_changes_the_sidecar_alone() {
    let named = yaml("deploy/compose.named.yaml");
    assert_eq!(named.as_object().unwrap().keys().collect::<Vec<_>>(), ["services"]);
    let services = named["services"].as_object().unwrap();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["cloudflared"]);
    let sidecar = &services["cloudflared"];
    assert_eq!(strings(&sidecar["command"]), ["tunnel", "--no-autoupdate", "run"]);
    assert!(sidecar["environment"]["TUNNEL_TOKEN"].as_str().unwrap().starts_with("${TUNNEL_TOKEN:?"));
    assert!(read("deploy/compose.named.yaml").contains(&format!("http://origin:{PORT}")), "what to tell Cloudflare");
}

#[test]
fn no_token_is_anywhere() {
    for (path, text) in all_files() {
        // Tokens of tunnels are JSON in base64.
        assert!(!text.contains("eyJ"), "{path:?}");
        for (_, value) in text.lines().filter_map(|line| line.split_once("TUNNEL_TOKEN")) {
            if let Some(value) = value.strip_prefix(['=', ':']) {
                let known = ["...", "${TUNNEL_TOKEN:?"];
                assert!(known.iter().any(|known| value.trim().starts_with(known)), "{path:?}: {value}");
            }
        }
    }
    assert!(read(".gitignore").lines().any(|line| line == "/deploy/.env"));
}

#[test]
fn units_start_the_origin_and_restrain_it() {
    let unit = read("deploy/sse-argo-tester.service");
    let start: Vec<String> = directives(&unit, "ExecStart")[0].split(' ').map(str::to_owned).collect();
    assert_eq!(start[0], "/usr/local/bin/sse-argo-tester");
    assert_serves(&start[1..], &check());
    assert!(directives(&unit, "TasksMax")[0].parse::<usize>().unwrap() > MAX_CONNECTIONS);
    assert_eq!(directives(&unit, "RestrictAddressFamilies"), ["AF_INET AF_INET6 AF_UNIX"]);
    assert_eq!(directives(&unit, "RuntimeDirectory"), ["sse-argo-tester"], "the place of the inner socket");
    for unit in [unit, read("deploy/cloudflared-sse.service")] {
        for (name, value) in [
            ("DynamicUser", "yes"),
            ("NoNewPrivileges", "yes"),
            ("ProtectSystem", "strict"),
            ("PrivateTmp", "yes"),
            ("CapabilityBoundingSet", ""),
            ("Restart", "on-failure"),
            ("WantedBy", "multi-user.target"),
        ] {
            assert_eq!(directives(&unit, name), [value], "{name}");
        }
        assert_eq!(directives(&unit, "SystemCallFilter")[0], "@system-service");
        assert!(!directives(&unit, "MemoryMax").is_empty());
    }
}

#[test]
fn the_sidecar_gets_its_token_as_a_file_and_outlives_the_streams() {
    let unit = read("deploy/cloudflared-sse.service");
    let start = directives(&unit, "ExecStart")[0];
    assert_eq!(start, "/usr/bin/cloudflared tunnel --no-autoupdate --grace-period 2s run");
    let (name, path) = directives(&unit, "LoadCredential")[0].split_once(':').unwrap();
    assert!(path.starts_with("/etc/"), "{path}");
    assert_eq!(directives(&unit, "Environment"), [format!("TUNNEL_TOKEN_FILE=%d/{name}")]);
    for directive in ["Requires", "Before"] {
        assert_eq!(directives(&unit, directive), ["sse-argo-tester.service"], "{directive}");
    }
}

#[test]
fn a_release_has_every_machine_and_one_job_that_may_write() {
    let workflow = yaml(".github/workflows/release.yml");
    assert_eq!(workflow["on"], json!({"push": {"tags": ["v*"]}}));
    assert_eq!(workflow["permissions"], json!({}));
    let jobs = workflow["jobs"].as_object().unwrap();
    let writers: Vec<_> = jobs.iter().filter(|(_, job)| job["permissions"]["contents"] == "write").collect();
    assert_eq!(writers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["publish"]);
    let builds = jobs["build"]["strategy"]["matrix"]["include"].as_array().unwrap();
    let script = read("deploy/build-static");
    let known = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl", "armv7-unknown-linux-musleabihf"];
    assert_eq!(builds.iter().map(|build| build["target"].as_str().unwrap()).collect::<Vec<_>>(), known);
    for build in builds {
        let (machine, target) = (build["machine"].as_str().unwrap(), build["target"].as_str().unwrap());
        let case = script.lines().find(|line| line.trim_start().starts_with(machine));
        assert!(case.is_some_and(|case| case.contains(&format!("target={target} "))), "{case:?}");
    }
    assert_steps_are_sound(&workflow);
}

fn assert_steps_are_sound(workflow: &Value) {
    for step in workflow["jobs"].as_object().unwrap().values().flat_map(|job| job["steps"].as_array().unwrap()) {
        if let Some(action) = step["uses"].as_str() {
            let (_, version) = action.split_once("@v").unwrap_or_else(|| panic!("{action}"));
            assert!(version.parse::<u32>().is_ok(), "{action}");
        }
        // A value of the workflow in the text of a script would be run as a part of it.
        assert!(!step["run"].as_str().unwrap_or_default().contains("${{"), "{step}");
    }
}

#[test]
fn the_checks_keep_the_pictures_of_the_page() {
    let workflow = yaml(".github/workflows/ci.yml");
    assert_eq!(workflow["permissions"], json!({}));
    assert_steps_are_sound(&workflow);
    let steps = workflow["jobs"]["check"]["steps"].as_array().unwrap();
    let check = steps.iter().position(|step| step["run"] == ".ci/run").expect("it runs all checks");
    let kept = steps[check..].iter().find(|step| step["with"]["path"] == "target/screenshots").expect("it keeps them");
    // Those of a run that failed tell most.
    assert_eq!(kept["if"], "always()");
    assert!(
        read("tests/outside/page/looks.rs").contains(r#"join("screenshots")"#)
            && read(".ci/run").contains("$target/screenshots")
    );
}
