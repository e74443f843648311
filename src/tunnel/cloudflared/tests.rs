//! What is started, and from where.

use super::*;

fn line(settings: &Settings) -> String {
    let command = settings.command(Path::new("/bin/cloudflared"), ([127, 0, 0, 1], 5).into());
    let args: Vec<_> = command.get_args().skip(3).map(|arg| arg.to_str().unwrap()).collect();
    args.join(" ")
}

#[test]
fn command_lines() {
    let quick = Settings::new(Tunnel::Quick { origin: 3000 });
    assert_eq!(
        line(&quick),
        "/bin/cloudflared tunnel --no-autoupdate --config /dev/null --url http://127.0.0.1:3000 --metrics 127.0.0.1:5 \
         --protocol auto --loglevel info"
    );
    let named = Settings {
        protocol: Protocol::Http2,
        args: vec!["--edge-ip-version".into(), "4".into()],
        ..Settings::new(Tunnel::Named { hostname: "sse.example".to_owned() })
    };
    assert_eq!(
        line(&named),
        "/bin/cloudflared tunnel --no-autoupdate --metrics 127.0.0.1:5 --protocol http2 --loglevel info \
         --edge-ip-version 4 run"
    );
    let own = Settings { args: vec!["run".into(), "mine".into()], ..named };
    assert!(line(&own).ends_with("--loglevel info run mine"), "{}", line(&own));
}

#[test]
fn variables_of_another_tunnel_stay_out_of_a_quick_one() {
    let removed = |tunnel| {
        let command = Settings::new(tunnel).command(Path::new("/bin/x"), ([127, 0, 0, 1], 5).into());
        let removed = command.get_envs().filter(|(_, value)| value.is_none());
        removed.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    assert!(removed(Tunnel::Quick { origin: 1 }).contains(&"TUNNEL_TOKEN".into()));
    assert!(removed(Tunnel::Named { hostname: "sse.example".to_owned() }).is_empty());
}

#[test]
fn programs_are_found() {
    let folder = tempfile::TempDir::new().unwrap();
    let [first, second] = ["a", "b"].map(|name| folder.path().join(name));
    for (folder, mode) in [(&first, 0o644), (&second, 0o755)] {
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("x"), "").unwrap();
        std::fs::set_permissions(folder.join("x"), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let path = std::env::join_paths([&first, &second]).unwrap();
    let found = |program: &Path| find(program, Some(&path));
    assert_eq!(found(Path::new("x")), Some(second.join("x")), "what can't be executed is none");
    assert_eq!(found(&second.join("x")), Some(second.join("x")));
    assert_eq!([found(&first.join("x")), found(&second), found(Path::new("y"))], [None, None, None]);
    assert_eq!(find(Path::new("x"), None), None);
}

#[test]
fn protocols_have_cloudflareds_names() {
    assert_eq!("http2".parse(), Ok(Protocol::Http2));
    assert_eq!("tcp".parse::<Protocol>(), Err("it is one of auto, quic and http2".to_owned()));
}
