//! A real kube-apiserver with etcd, and identities on it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use ring::signature::{EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::cluster::Cluster;
use crate::paths::{on_path, repository, scratch};
use crate::process::{Process, tail};
use crate::setup::{self, Grants};

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(90);

/// How long a token lasts.
const TOKEN: Duration = Duration::from_hours(24);

/// A control plane to talk to: ours, or a cluster of the user's own when they said so.
#[derive(Debug)]
pub struct ControlPlane {
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// The audit log (level Metadata, stage ResponseComplete, a JSON object a line); absent on a cluster of the user's own.
    pub audit_log: Option<PathBuf>,
    /// A program that is a kubectl when its first argument is `kubectl`, if the control plane came from our own binary.
    pub kubectl: Option<PathBuf>,
    // Ended in this order: nothing waits for a server that has gone.
    processes: Vec<Process>,
}

impl ControlPlane {
    /// The cluster that `TEST_KUBECONFIG` names, else a control plane for this process, started on first use and gone when the process ends.
    ///
    /// The ambient `KUBECONFIG` is never looked at. CRDs are installed.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        SHARED
            .get_or_try_init(|| async {
                let plane = match explicit("TEST_KUBECONFIG")? {
                    Some(theirs) => theirs,
                    None => Self::start(Some(scratch().join("control-plane"))).await?,
                };
                setup::install_crds(&plane.cluster().await?).await?;
                Ok(plane)
            })
            .await
    }

    /// One more cluster, with the CRDs, whatever the environment says: for tests about several of them. It lives as long as this process,
    /// unless it is [thrown away](Self::throw_away).
    pub async fn another(name: &str) -> Result<&'static Self> {
        let directory = scratch().join(format!("control-plane-{name}"));
        let plane = Box::leak(Box::new(Self::start(Some(directory)).await?));
        setup::install_crds(&plane.cluster().await?).await?;
        Ok(plane)
    }

    /// Ends all of it at once, as if the machine were lost.
    pub fn throw_away(&self) {
        for process in &self.processes {
            process.kill();
        }
    }

    /// Starts a control plane with its data in `directory` (absent = one of this process), whatever the environment says about clusters.
    ///
    /// `KUBEBUILDER_ASSETS` is used when it is set and complete, else our own binary, which is built on first use.
    pub async fn start(directory: Option<PathBuf>) -> Result<Self> {
        let directory = directory.unwrap_or_else(|| scratch().join("control-plane"));
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("create {}", directory.display()))?;
        match assets()? {
            Some(assets) => Self::start_assets(&assets, &directory).await,
            None => Self::start_own(&directory, None).await,
        }
    }

    /// Starts our own control plane with what a store held before: `{"key", "value"}`, a line each, as `tests/upgrade/record` writes them.
    pub async fn resume(name: &str, store: &Path) -> Result<&'static Self> {
        let directory = scratch().join(format!("control-plane-{name}"));
        std::fs::create_dir_all(&directory)?;
        let plane = Self::start_own(&directory, Some(store)).await?;
        Ok(Box::leak(Box::new(plane)))
    }

    /// A cluster of the user's own, when `variable` names a kubeconfig.
    pub fn users_own(variable: &str) -> Result<Option<Self>> {
        explicit(variable)
    }

    async fn start_own(directory: &Path, store: Option<&Path>) -> Result<Self> {
        let binary = tokio::task::spawn_blocking(own_binary)
            .await
            .context("build task")??;
        let audit_log = directory.join("audit.log");
        let mut command = Command::new(&binary);
        command
            .arg("apiserver")
            .arg("--data-dir")
            .arg(directory)
            .arg("--audit-log")
            .arg(&audit_log);
        if let Some(store) = store {
            command.arg("--preset").arg(store);
        }
        if std::env::var_os("GOGC").is_none() {
            // A fifth of its processor time is garbage collection otherwise; memory is cheaper here.
            command.env("GOGC", "400").env("GOMEMLIMIT", "2GiB");
        }
        let server = Process::start("kube-apiserver", command, &directory.join("apiserver.log"))?;
        let kubeconfig = PathBuf::from(server.line("ready ", START).await?);
        let mut command = Command::new(&binary);
        command
            .arg("controller-manager")
            .arg("--data-dir")
            .arg(directory);
        let controllers = Process::start(
            "kube-controller-manager",
            command,
            &directory.join("controller-manager.log"),
        )?;
        controllers.line("ready", START).await?;
        Ok(Self {
            kubeconfig,
            audit_log: Some(audit_log),
            kubectl: Some(binary),
            processes: vec![controllers, server],
        })
    }

    async fn start_assets(assets: &Assets, directory: &Path) -> Result<Self> {
        let path = |name: &str| directory.join(name);
        let ports = free_ports(3)?;
        let (client, peer) = (
            format!("http://127.0.0.1:{}", ports[0]),
            format!("http://127.0.0.1:{}", ports[1]),
        );
        let etcd = guarded(
            &assets.etcd,
            &[
                format!("--data-dir={}", path("etcd").display()),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster=default={peer}"),
                "--unsafe-no-fsync=true".to_owned(),
            ],
        );
        let etcd = Process::start("etcd", etcd, &path("etcd.log"))?;

        let token = write_credentials(directory)?;
        let audit_log = path("audit.log");
        let mut flags = vec![
            format!("--etcd-servers={client}"),
            format!("--cert-dir={}", path("certificates").display()),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--secure-port={}", ports[2]),
            format!("--token-auth-file={}", path("tokens.csv").display()),
            "--authorization-mode=RBAC".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!(
                "--service-account-key-file={}",
                path("service-accounts.pub").display()
            ),
            format!(
                "--service-account-signing-key-file={}",
                path("service-accounts.key").display()
            ),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            format!(
                "--audit-policy-file={}",
                path("audit-policy.json").display()
            ),
            format!("--audit-log-path={}", audit_log.display()),
        ];
        if assets.controller_manager.is_none() {
            flags.push("--disable-admission-plugins=ServiceAccount".to_owned());
        }
        let server = Process::start(
            "kube-apiserver",
            guarded(&assets.apiserver, &flags),
            &path("apiserver.log"),
        )?;
        let kubeconfig = path("admin.kubeconfig");
        wait_for_server(&server, directory, ports[2], &token, &kubeconfig).await?;

        let mut processes = vec![server, etcd];
        if let Some(binary) = &assets.controller_manager {
            let flags = [
                format!("--kubeconfig={}", kubeconfig.display()),
                "--controllers=namespace-controller,garbage-collector-controller,serviceaccount-controller".to_owned(),
                format!("--service-account-private-key-file={}", path("service-accounts.key").display()),
                "--leader-elect=false".to_owned(),
                "--secure-port=0".to_owned(),
            ];
            let controllers = Process::start(
                "kube-controller-manager",
                guarded(binary, &flags),
                &path("controller-manager.log"),
            )?;
            processes.insert(0, controllers);
        }
        Ok(Self {
            kubeconfig,
            audit_log: Some(audit_log),
            kubectl: None,
            processes,
        })
    }

    /// Whether it was started here, rather than being somebody's cluster.
    pub fn is_ours(&self) -> bool {
        !self.processes.is_empty()
    }

    /// The processes it consists of.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// A new connection as the administrator. Connections belong to the runtime they were made in, so each test makes its own.
    pub async fn cluster(&self) -> Result<Cluster> {
        Cluster::connect(&self.kubeconfig).await
    }

    /// A user of its own with the operator's permissions and no others, and a kubeconfig for it in `directory`.
    pub async fn identity(
        &self,
        cluster: &Cluster,
        namespace: &str,
        name: &str,
        directory: &Path,
    ) -> Result<Identity> {
        let grants = setup::grant(cluster, namespace, name).await?;
        self.service_account(cluster, namespace, name, directory, grants)
            .await
    }

    /// A ServiceAccount that exists, and a kubeconfig for it in `directory`. `grants` is what was made for it, if that is to be remembered.
    pub async fn service_account(
        &self,
        cluster: &Cluster,
        namespace: &str,
        name: &str,
        directory: &Path,
        grants: Grants,
    ) -> Result<Identity> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("create {}", directory.display()))?;
        let identity = Identity {
            kubeconfig: directory.join(format!("{name}.kubeconfig")),
            token_file: directory.join(format!("{name}.token")),
            user: format!("system:serviceaccount:{namespace}:{name}"),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            grants,
        };
        identity.renew(cluster).await?;
        let admin = Kubeconfig::read_from(&self.kubeconfig)
            .context("read the administrator's kubeconfig")?;
        let current = admin
            .current_context
            .as_deref()
            .and_then(|name| admin.contexts.iter().find(|context| context.name == name));
        let context = current
            .or(admin.contexts.first())
            .and_then(|context| context.context.as_ref())
            .context("a context in the kubeconfig")?;
        let server = admin
            .clusters
            .iter()
            .find(|cluster| cluster.name == context.cluster)
            .context("the context's cluster in the kubeconfig")?;
        write_kubeconfig(
            &identity.kubeconfig,
            &json!(server.cluster),
            &json!({"tokenFile": identity.token_file}),
        )?;
        Ok(identity)
    }
}

/// A ServiceAccount and the kubeconfig that speaks for it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The kubeconfig.
    pub kubeconfig: PathBuf,
    /// The file the kubeconfig takes its token from.
    pub token_file: PathBuf,
    /// Its name in the audit log.
    pub user: String,
    /// The ServiceAccount's namespace.
    pub namespace: String,
    /// The ServiceAccount's name.
    pub name: String,
    /// What was made for it outside of namespaces.
    pub grants: Grants,
}

impl Identity {
    /// Asks for a new token, good for 24 hours; whoever uses the kubeconfig picks it up.
    pub async fn renew(&self, cluster: &Cluster) -> Result<()> {
        let accounts: Api<ServiceAccount> =
            Api::namespaced(cluster.client().clone(), &self.namespace);
        let spec = TokenRequestSpec {
            audiences: vec![],
            bound_object_ref: None,
            expiration_seconds: Some(TOKEN.as_secs().try_into()?),
        };
        let request = TokenRequest {
            metadata: kube::api::ObjectMeta::default(),
            spec,
            status: None,
        };
        let answer = accounts
            .create_token_request(&self.name, &PostParams::default(), &request)
            .await
            .with_context(|| format!("ask for a token of {}", self.user))?;
        let token = answer.status.context("a token in the answer")?.token;
        write_atomically(&self.token_file, token.as_bytes())
    }
}

fn explicit(variable: &str) -> Result<Option<ControlPlane>> {
    let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let kubeconfig = std::path::absolute(PathBuf::from(path)).context("absolute path")?;
    if !kubeconfig.is_file() {
        bail!(
            "{variable} names {}, which is not a file",
            kubeconfig.display()
        );
    }
    Ok(Some(ControlPlane {
        kubeconfig,
        audit_log: None,
        kubectl: None,
        processes: vec![],
    }))
}

/// Our own control-plane binary, built when it is not in the cache. Blocks; may take minutes the first time.
pub fn own_binary() -> Result<PathBuf> {
    let script = repository().join("tests/control-plane/build.sh");
    let output = Command::new(&script)
        .stdin(Stdio::null())
        // Minutes of silence would look like a hang.
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("run {}", script.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let path = PathBuf::from(text.lines().last().unwrap_or_default().trim());
    if !output.status.success() || !path.is_file() {
        bail!(
            "{} failed ({})\n{}",
            script.display(),
            output.status,
            tail(&text, 20)
        );
    }
    Ok(path)
}

struct Assets {
    etcd: PathBuf,
    apiserver: PathBuf,
    controller_manager: Option<PathBuf>,
}

/// What `KUBEBUILDER_ASSETS` offers; `None` when it is unset or lacks etcd or kube-apiserver.
fn assets() -> Result<Option<Assets>> {
    let Some(directory) = std::env::var_os("KUBEBUILDER_ASSETS").filter(|path| !path.is_empty())
    else {
        return Ok(None);
    };
    let directory = std::path::absolute(PathBuf::from(directory)).context("absolute path")?;
    let find = |name: &str| Some(directory.join(name)).filter(|path| path.is_file());
    Ok(find("etcd")
        .zip(find("kube-apiserver"))
        .map(|(etcd, apiserver)| Assets {
            etcd,
            apiserver,
            controller_manager: find("kube-controller-manager"),
        }))
}

/// Ends a program when standard input closes, and itself when the program ends. A kube-apiserver whose etcd ends with it would take a minute.
const GUARD: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- & program=$!
{ cat <&3 >/dev/null; kill $program; sleep 3; kill -9 $program; } 2>/dev/null & watch=$!
trap 'kill $program' TERM
wait $program; code=$?
[ $code -le 128 ] || wait $program
kill $watch 2>/dev/null
exit $code
"#;

/// A guarded command: published binaries do not end with their standard input themselves.
fn guarded(program: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", GUARD, "guard"])
        .arg(program)
        .args(arguments);
    command
}

/// Ports nobody listens on now. The programs from outside cannot be handed a listener, so another process might take one in between.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let listeners: Vec<_> = (0..count)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<_, _>>()?;
    listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect()
}

/// What precedes the point in the DER of a P-256 public key (RFC 5480).
const P256_PUBLIC_KEY: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let lines = encoded
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap_or_default());
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.collect::<Vec<_>>().join("\n")
    )
}

/// The files a kube-apiserver needs besides certificates, which it makes itself. Returns the administrator's token.
fn write_credentials(directory: &Path) -> Result<String> {
    let random = ring::rand::SystemRandom::new();
    let key_file = directory.join("service-accounts.key");
    if !key_file.is_file() {
        let kind = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let unlucky = |_| anyhow::anyhow!("no key for ServiceAccounts could be made");
        let private = EcdsaKeyPair::generate_pkcs8(kind, &random).map_err(unlucky)?;
        let pair = EcdsaKeyPair::from_pkcs8(kind, private.as_ref(), &random);
        let pair = pair.map_err(|error| anyhow::anyhow!("the key for ServiceAccounts: {error}"))?;
        let public = [&P256_PUBLIC_KEY, pair.public_key().as_ref()].concat();
        std::fs::write(
            directory.join("service-accounts.pub"),
            pem("PUBLIC KEY", &public),
        )?;
        std::fs::write(&key_file, pem("PRIVATE KEY", private.as_ref()))?;
    }
    let token: [u8; 16] = ring::rand::generate(&random)
        .map_err(|_| anyhow::anyhow!("no randomness for a token"))?
        .expose();
    let token = STANDARD.encode(token);
    std::fs::write(
        directory.join("tokens.csv"),
        format!("{token},admin,admin,system:masters\n"),
    )?;
    let policy = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived", "ResponseStarted"], "rules": [{"level": "Metadata"}]});
    std::fs::write(directory.join("audit-policy.json"), policy.to_string())?;
    Ok(token)
}

async fn wait_for_server(
    server: &Process,
    directory: &Path,
    port: u16,
    token: &str,
    kubeconfig: &Path,
) -> Result<()> {
    let certificate = directory.join("certificates/apiserver.crt");
    let ended = crate::poll::poll(START, async || -> Result<Option<ExitStatus>> {
        if let Some(status) = server.exit_status() {
            return Ok(Some(status));
        }
        let authority = std::fs::read(&certificate).context("the server's certificate")?;
        let url = format!("https://127.0.0.1:{port}");
        let cluster =
            json!({"server": url, "certificate-authority-data": STANDARD.encode(authority)});
        write_kubeconfig(kubeconfig, &cluster, &json!({"token": token}))?;
        let client = Cluster::connect(kubeconfig).await?;
        let request = http::Request::get("/readyz").body(vec![])?;
        let answer = client.client().request_text(request).await?;
        if answer == "ok" {
            Ok(None)
        } else {
            bail!("/readyz says {answer}")
        }
    })
    .await;
    let problem = match ended {
        Ok(None) => return Ok(()),
        Ok(Some(status)) => format!("it ended ({status})"),
        Err(missing) => missing,
    };
    bail!(
        "kube-apiserver is not ready: {problem}\n{}",
        tail(&server.output(), 20)
    )
}

fn write_kubeconfig(path: &Path, cluster: &Value, user: &Value) -> Result<()> {
    // JSON is YAML.
    let text = serde_json::to_string_pretty(&json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": "local", "user": user}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local"}}],
        "current-context": "local",
    }))?;
    write_atomically(path, text.as_bytes())
}

/// Replaces a file in one step, readable by us alone.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    use std::io::Write as _;
    let directory = path.parent().context("a directory")?;
    let mut file = tempfile::NamedTempFile::new_in(directory).context("create a temporary file")?;
    file.write_all(content)?;
    file.persist(path)
        .with_context(|| format!("write {}", path.display()))?;
    Ok(())
}

/// The client configuration that a kubeconfig file describes.
pub async fn client_config(kubeconfig: &Path) -> Result<kube::Config> {
    let read = Kubeconfig::read_from(kubeconfig)
        .with_context(|| format!("read {}", kubeconfig.display()))?;
    Ok(kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?)
}

/// Whether a kubectl is on the path.
pub fn has_kubectl() -> bool {
    on_path("kubectl").is_some()
}
