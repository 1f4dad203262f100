//! The image: the Dockerfile linted, its last stage assembled by buildah from what cargo built here, and the operator run from that root
//! file system as the user that the image names.
//!
//! There is no container engine and nothing is pulled, so the stages before the last are not run. What they copy is held against what the
//! compiler has read. `IMAGE_BINARY` names another binary to put into the image, such as that of a release build.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and says why"
)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use harness::aws::{SECRET_KEY, access_key};
use harness::paths::{operator_binary, repository, scratch};
use harness::process::Process;
use harness::{World, judges, seconds};
use serde_json::{Value, json};

/// What a registry stores and a node pulls.
const MOST_BYTES: u64 = 30_000_000;

/// Runs a command that has to succeed; what it prints.
fn run(command: &mut Command) -> String {
    let said = command.output().unwrap();
    assert!(
        said.status.success(),
        "{command:?}: {}\n{}{}",
        said.status,
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
    String::from_utf8(said.stdout).unwrap()
}

/// The directory with hadolint and buildah.
fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let said = run(&mut Command::new(repository().join("tests/image/tools.sh")));
        said.lines().last().unwrap().into()
    })
}

fn dockerfile() -> String {
    std::fs::read_to_string(repository().join("Dockerfile")).unwrap()
}

/// The instructions of a stage, each on one line.
fn stage(name: &str) -> Vec<String> {
    let text = dockerfile();
    let lines = text.lines().filter(|line| !line.trim().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let mut here = false;
    let mut found = vec![];
    for line in joined.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with("FROM ") {
            here = line.ends_with(&format!(" AS {name}"));
        } else if here {
            found.push(line.to_owned());
        }
    }
    assert!(!found.is_empty(), "no stage {name}");
    found
}

/// What a stage copies out of the repository, as pairs of source and destination.
fn copied(name: &str) -> Vec<(String, String)> {
    let stage = stage(name);
    let copies = stage.iter().filter_map(|line| line.strip_prefix("COPY "));
    let copies = copies.filter(|arguments| !arguments.starts_with("--from"));
    copies
        .flat_map(|arguments| {
            let mut words: Vec<&str> = arguments.split_whitespace().collect();
            let to = words.pop().unwrap().to_owned();
            let pairs = words.into_iter();
            let pairs = pairs.map(move |from| (from.to_owned(), to.clone()));
            pairs.collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_linter_has_nothing_to_say() {
    let said = Command::new(tools().join("hadolint"))
        .args(["--no-color", "--config"])
        .arg(repository().join(".hadolint.yaml"))
        .arg(repository().join("Dockerfile"))
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success() && out.is_empty(), "{out}");
    // It would say something.
    let bad = tempfile::NamedTempFile::new().unwrap();
    let text = dockerfile().replace("--no-install-recommends", "");
    std::fs::write(bad.path(), text).unwrap();
    let said = Command::new(tools().join("hadolint"))
        .arg(bad.path())
        .output()
        .unwrap();
    assert!(!said.status.success());
}

#[test]
fn all_that_the_compiler_reads_is_copied() {
    let binary = operator_binary().unwrap();
    let read = std::fs::read_to_string(binary.with_extension("d")).unwrap();
    let (_, read) = read.split_once(": ").unwrap();
    let ours: BTreeSet<&Path> = read
        .split_whitespace()
        .filter_map(|path| Path::new(path).strip_prefix(repository()).ok())
        .collect();
    assert!(ours.contains(Path::new("src/main.rs")), "{ours:?}");
    let sources: Vec<String> = copied("build").into_iter().map(|(from, _)| from).collect();
    for file in ours {
        let there = sources.iter().any(|from| file.starts_with(from));
        assert!(there, "the stage build does not copy {}", file.display());
    }
    // What is copied is in the context, and nothing else is.
    let ignored = std::fs::read_to_string(repository().join(".dockerignore")).unwrap();
    let kept: BTreeSet<&str> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    assert!(ignored.lines().any(|line| line == "*"));
    let mut all = copied("dependencies");
    all.extend(copied("build"));
    let all: BTreeSet<&str> = all.iter().map(|(from, _)| from.as_str()).collect();
    assert_eq!(all, kept);
}

#[test]
fn dependencies_are_built_from_manifests_alone() {
    let directory = tempfile::tempdir().unwrap();
    for (from, to) in copied("dependencies") {
        let to = directory.path().join(to);
        std::fs::create_dir_all(&to).unwrap();
        let name = Path::new(&from).file_name().unwrap();
        std::fs::copy(repository().join(&from), to.join(name)).unwrap();
    }
    let stage = stage("dependencies");
    let recipe = stage
        .iter()
        .find_map(|line| line.strip_prefix("RUN "))
        .unwrap();
    let (stand_ins, build) = recipe.split_once("&& . /etc/target").unwrap();
    assert!(build.contains("cargo build --release --locked --bin incident-operator"));
    run(Command::new("bash")
        .args(["-euo", "pipefail", "-c", stand_ins])
        .current_dir(&directory));
    // Cargo takes the workspace for whole, and the lock for up to date.
    let members = run(Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--offline", "--depth=0"])
        .current_dir(&directory));
    assert!(members.contains("incident-operator v"), "{members}");
    assert!(directory.path().join("src/main.rs").is_file());
}

#[test]
fn versions_are_those_of_the_repository() {
    let text = dockerfile();
    let toolchain = std::fs::read_to_string(repository().join("rust-toolchain.toml")).unwrap();
    let channel = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = "))
        .unwrap()
        .trim_matches('"');
    assert!(text.contains(&format!("ARG RUST_VERSION={channel}\n")));
    let version = env!("CARGO_PKG_VERSION");
    assert!(text.contains(&format!("ARG VERSION={version}\n")));
    // Pages of 64 KiB.
    assert!(text.contains("JEMALLOC_SYS_WITH_LG_PAGE=16"));
}

/// The last stage, assembled.
struct Image {
    /// Its configuration, as the registry gets it.
    config: Value,
    /// Bytes of its layers as a registry stores them.
    compressed: u64,
    /// Bytes of all files in it.
    unpacked: u64,
    /// Its root file system.
    root: PathBuf,
    /// Whether it holds a release build.
    release: bool,
}

/// buildah, whose store is in `directory`; a user who is not root has it in a user namespace.
fn buildah(directory: &Path) -> Command {
    let program = tools().join("buildah");
    let root = is_root();
    let mut command = if root {
        Command::new(program)
    } else {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--"])
            .arg(program);
        command.env("_CONTAINERS_USERNS_CONFIGURED", "1");
        command
    };
    let place = |name: &str| {
        let place = directory.join(name);
        std::fs::create_dir_all(&place).unwrap();
        place
    };
    command
        .env("HOME", place("home"))
        .env("TMPDIR", place("tmp"))
        .env("XDG_RUNTIME_DIR", place("run"))
        .env("CONTAINERS_CONF", "/dev/null")
        .args(["--storage-driver", "vfs", "--root"])
        .arg(place("store"))
        .arg("--runroot")
        .arg(place("run"))
        .arg("--registries-conf")
        .arg(directory.join("registries.conf"));
    command
}

fn is_root() -> bool {
    run(Command::new("id").arg("-u")).trim() == "0"
}

/// The blob that a descriptor names.
fn blob(layout: &Path, descriptor: &Value) -> PathBuf {
    let digest = descriptor["digest"].as_str().unwrap();
    layout.join("blobs").join(digest.replace(':', "/"))
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Every file under `root`, with its size.
fn files(root: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = vec![];
    let mut ahead = vec![root.to_owned()];
    while let Some(directory) = ahead.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let data = path.symlink_metadata().unwrap();
            if data.is_dir() {
                ahead.push(path);
            } else {
                found.push((path.strip_prefix(root).unwrap().to_owned(), data.len()));
            }
        }
    }
    found.sort();
    found
}

/// The certificate authorities of this machine, where the build stage has its own.
fn authorities() -> PathBuf {
    let known = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
    ];
    let found = known.map(PathBuf::from).into_iter().find(|p| p.is_file());
    found.expect("a bundle of certificate authorities: install ca-certificates")
}

fn assemble() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let directory = scratch().join("image");
        let build = directory.join("build");
        std::fs::create_dir_all(build.join("image")).unwrap();
        std::fs::create_dir_all(build.join("etc/ssl/certs")).unwrap();
        let bundle = build.join("etc/ssl/certs/ca-certificates.crt");
        std::fs::copy(authorities(), bundle).unwrap();
        let given = std::env::var_os("IMAGE_BINARY").map(PathBuf::from);
        let release = given.is_some();
        let binary = build.join("image/incident-operator");
        std::fs::copy(given.unwrap_or_else(|| operator_binary().unwrap()), &binary).unwrap();
        // A release build has none.
        run(Command::new("strip").arg(&binary));

        let text = dockerfile();
        let (_, last) = text.rsplit_once("\nFROM scratch\n").unwrap();
        let recipe = directory.join("Dockerfile");
        std::fs::write(&recipe, format!("FROM scratch\n{last}")).unwrap();
        std::fs::write(directory.join("registries.conf"), "").unwrap();
        let policy = directory.join("policy.json");
        std::fs::write(
            &policy,
            r#"{"default": [{"type": "insecureAcceptAnything"}]}"#,
        )
        .unwrap();
        let empty = directory.join("empty");
        std::fs::create_dir_all(&empty).unwrap();
        run(buildah(&directory)
            .args(["build", "--pull-never", "--isolation", "chroot"])
            .arg("--signature-policy")
            .arg(&policy)
            .arg("--build-context")
            .arg(format!("build={}", build.display()))
            .args([
                "--build-arg",
                "REVISION=0123abc",
                "--tag",
                "operator",
                "--file",
            ])
            .arg(&recipe)
            .arg(&empty));
        let layout = directory.join("layout");
        run(buildah(&directory)
            .args(["push", "--signature-policy"])
            .arg(&policy)
            .args(["--format", "oci", "operator"])
            .arg(format!("oci:{}:operator", layout.display())));

        let index = json_of(&layout.join("index.json"));
        let manifest = json_of(&blob(&layout, &index["manifests"][0]));
        let root = directory.join("root");
        std::fs::create_dir_all(&root).unwrap();
        let mut compressed = 0;
        for layer in manifest["layers"].as_array().unwrap() {
            compressed += layer["size"].as_u64().unwrap();
            run(Command::new("tar")
                .args(["--extract", "--gzip", "--no-same-owner", "--file"])
                .arg(blob(&layout, layer))
                .arg("--directory")
                .arg(&root));
        }
        Image {
            config: json_of(&blob(&layout, &manifest["config"])),
            compressed,
            unpacked: files(&root).iter().map(|(_, size)| size).sum(),
            root,
            release,
        }
    })
}

#[test]
fn the_image_is_small_and_says_what_it_is() {
    let image = assemble();
    let config = &image.config["config"];
    println!(
        "image: {} bytes in a registry, {} unpacked",
        image.compressed, image.unpacked
    );
    let inside = files(&image.root);
    let names: Vec<_> = inside
        .iter()
        .map(|(path, _)| path.to_str().unwrap())
        .collect();
    let program = "usr/local/bin/incident-operator";
    assert_eq!(names, ["etc/ssl/certs/ca-certificates.crt", program]);
    let mode = image.root.join(program).metadata().unwrap().permissions();
    assert_eq!(mode.mode() & 0o7777, 0o755);
    let rest: u64 = inside
        .iter()
        .filter(|(path, _)| !path.ends_with("incident-operator"))
        .map(|(_, size)| size)
        .sum();
    assert!(rest < 1024 * 1024, "{rest} bytes besides the binary");
    if image.release {
        assert!(image.compressed < MOST_BYTES, "{} bytes", image.compressed);
    }

    let label = |name: &str| &config["Labels"][format!("org.opencontainers.image.{name}")];
    assert_eq!(label("title"), env!("CARGO_PKG_NAME"));
    assert_eq!(label("description"), env!("CARGO_PKG_DESCRIPTION"));
    assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("revision"), "0123abc");
    assert_eq!(config["Entrypoint"], json!([format!("/{program}")]));
    assert_eq!(config["Cmd"], json!(["run"]));
}

#[test]
fn the_chart_runs_it_as_the_user_that_it_names() {
    let chart = repository().join("charts/incident-operator");
    let said = judges::helm(None, &["template", "x", &chart.to_string_lossy()]);
    let objects = harness::cluster::documents(&said.unwrap().out().unwrap()).unwrap();
    let deployment = objects
        .iter()
        .find(|object| object["kind"] == "Deployment")
        .unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    let context = &pod["securityContext"];
    let user = format!("{}:{}", context["runAsUser"], context["runAsGroup"]);
    assert_eq!(assemble().config["config"]["User"], user.as_str());
    // The entry point stays, and the command is replaced.
    let container = &pod["containers"][0];
    assert!(container["command"].is_null());
    assert_eq!(container["args"][0], "run");
}

/// A binary that cargo built for this machine may want libraries; that of the image is static.
fn lend_libraries(root: &Path, program: &Path) {
    let said = Command::new("ldd").arg(program).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let libraries = said
        .split_whitespace()
        .filter(|word| word.starts_with('/') && Path::new(word).is_file());
    for library in libraries {
        let to = root.join(library.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(library, to).unwrap();
    }
}

#[tokio::test]
async fn the_operator_works_from_the_image_as_nobody_in_particular() {
    let image = tokio::task::spawn_blocking(assemble).await.unwrap();
    let world = World::builder("image").without_operator().build().await;
    // A pod's root file system, with what the kubelet mounts.
    let root = scratch().join("image-pod");
    run(Command::new("cp")
        .arg("--recursive")
        .arg(&image.root)
        .arg(&root));
    let entry = image.config["config"]["Entrypoint"][0].as_str().unwrap();
    lend_libraries(&root, &root.join(entry.trim_start_matches('/')));
    let mounted = root.join("mounted");
    std::fs::create_dir_all(&mounted).unwrap();
    let token = world.identity.token_file.to_string_lossy().into_owned();
    let kubeconfig = std::fs::read_to_string(&world.identity.kubeconfig).unwrap();
    assert!(kubeconfig.contains(&token), "{kubeconfig}");
    let kubeconfig = kubeconfig.replace(&token, "/mounted/token");
    std::fs::write(mounted.join("kubeconfig"), kubeconfig).unwrap();
    std::fs::copy(&token, mounted.join("token")).unwrap();
    for file in ["kubeconfig", "token"] {
        let readable = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(mounted.join(file), readable).unwrap();
    }
    let before = files(&root);

    let user = image.config["config"]["User"].as_str().unwrap();
    let (uid, gid) = user.split_once(':').unwrap();
    let mut command = if is_root() {
        let mut command = Command::new("chroot");
        command.arg(format!("--userspec={user}")).arg("--groups=");
        command.arg(&root);
        command
    } else {
        let mut command = Command::new("unshare");
        command.arg("--user").arg(format!("--map-user={uid}"));
        command.arg(format!("--map-group={gid}"));
        command.arg(format!("--root={}", root.display())).arg("--");
        command
    };
    let options = world.operator_options();
    command
        .args([entry, "run", "--exit-with-stdin"])
        .args(&options.flags)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("KUBECONFIG", "/mounted/kubeconfig")
        .env("AWS_ENDPOINT_URL", &options.endpoint)
        .env("AWS_ACCESS_KEY_ID", access_key(&options.account))
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let log = scratch().join("image-operator.log");
    let operator = Process::start("the operator of the image", command, &log).unwrap();
    operator.line("admin ", seconds(60)).await.unwrap();

    let process = PathBuf::from(format!("/proc/{}", operator.pid()));
    let status = std::fs::read_to_string(process.join("status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(field("CapEff:"), ["0000000000000000"]);
    if is_root() {
        assert_eq!(field("Uid:"), [uid; 4]);
        assert_eq!(field("Gid:"), [gid; 4]);
        assert!(field("Groups:").is_empty());
        let inside = std::fs::read_link(process.join("root")).unwrap();
        assert_eq!(inside, root.canonicalize().unwrap());
    }

    let contact = json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact", "metadata": {"name": "alice"},
        "spec": {"displayName": "Alice", "channels": [{"name": "mobile", "type": "SMS", "address": "+15005550123"}], "engagementPlan": [{"channel": "mobile", "engageAfterMinutes": 0}]},
    });
    world.apply_value(contact).await;
    world.ready("Contact", "alice").await;
    assert_eq!(world.aws().await.len(), 1);
    world.delete_and_wait("Contact", "alice").await;
    assert!(operator.end(seconds(20)), "it ends in order");
    assert_eq!(files(&root), before, "it writes nothing into its root");
    world.finish().await;
}
