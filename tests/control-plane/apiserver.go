package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	// As in the original main.
	_ "time/tzdata"

	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// Who did what, and how it was answered; no bodies, so no Secret ends up in the file.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
rules: [{level: Metadata}]
`

// runAPIServer runs etcd and kube-apiserver until the lifetime ends.
func runAPIServer(args []string) error {
	server := options.NewServerRunOptions()
	own, err := parse("apiserver", server.Flags(), args, apiServerFlags)
	if err != nil {
		return err
	}
	ctx := lifetime(own.exitWithStdin)

	if err := lockDataDir(ctx, own.dataDir); err != nil {
		return err
	}
	if err := createIdentities(own.dataDir); err != nil {
		return err
	}
	if own.auditLog != "" {
		if err := writeAtomically(filepath.Join(own.dataDir, "audit-policy.yaml"), []byte(auditPolicy)); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(own.auditLog), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chdir(own.dataDir); err != nil {
		return err
	}

	listener, err := listen(filepath.Join(own.dataDir, "port"))
	if err != nil {
		return err
	}
	server.SecureServing.Listener = listener
	address := listener.Addr().(*net.TCPAddr)
	server.SecureServing.BindPort = address.Port
	server.SecureServing.ExternalAddress = address.IP

	url := fmt.Sprintf("https://%s", listener.Addr())
	admin, err := writeKubeconfig(own.dataDir, "admin", url)
	if err != nil {
		return err
	}
	if _, err := writeKubeconfig(own.dataDir, "controller-manager", url); err != nil {
		return err
	}

	etcd, err := startEtcd(ctx, own.dataDir)
	if err != nil {
		return err
	}
	defer etcd.close()
	if own.preset != "" {
		if err := etcd.preset(ctx, own.preset); err != nil {
			return fmt.Errorf("--preset: %w", err)
		}
	}

	// If etcd ends by itself the API server must not stay and answer errors for ever.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err, open := <-etcd.Err(); open && err != nil {
			cancel(fmt.Errorf("%w: etcd: %w", errBroken, err))
		}
	}()

	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, server)
		close(ended)
	}()
	if err := poll(ctx, ended, apiServerReady(admin)); err == nil {
		fmt.Printf("ready %s\n", admin)
	} else if ctx.Err() == nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	return end(ctx, "kube-apiserver", ended)
}

// apiServerFlags are our defaults of kube-apiserver's flags.
func apiServerFlags(own *modeFlags) ([]string, error) {
	pki := func(file string) string { return pkiPath(own.dataDir, file) }
	flags := []string{
		"--etcd-servers=" + etcdClientURL,
		"--advertise-address=127.0.0.1",
		// The addresses of API servers, for pods; a loopback address is not a valid one, and there are no pods.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC",
		"--client-ca-file=" + pki("ca.crt"),
		"--tls-cert-file=" + pki("apiserver.crt"),
		"--tls-private-key-file=" + pki("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-signing-key-file=" + pki("service-account.key"),
		"--service-account-key-file=" + pki("service-account.pub"),
		"--allow-privileged=true",
		// Tests measure the operator, not this server's protection of itself: with it on, two slow processors queue requests.
		"--enable-priority-and-fairness=false",
		// Ends open watches after two seconds instead of a minute.
		"--shutdown-send-retry-after=true",
		"--max-requests-inflight=4000",
		"--max-mutating-requests-inflight=2000",
	}
	if own.auditLog != "" {
		flags = append(flags,
			"--audit-policy-file="+filepath.Join(own.dataDir, "audit-policy.yaml"),
			"--audit-log-path="+own.auditLog,
			"--audit-log-mode=blocking",
			// Never rotate: whoever counts writes reads one file.
			"--audit-log-maxsize=0",
		)
	}
	return flags, nil
}

// serve is kube-apiserver's own Run, with a listener handed in.
func serve(ctx context.Context, server *options.ServerRunOptions) error {
	if err := server.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	// The loopback client must not log warnings about itself.
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	if err := logsapi.ValidateAndApply(server.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return err
	}
	completed, err := server.Complete(ctx)
	if err != nil {
		return err
	}
	if problems := completed.Validate(); len(problems) != 0 {
		return utilerrors.NewAggregate(problems)
	}
	return app.Run(ctx, completed)
}

// apiServerReady asks what a client would: with the kubeconfig that is about to be handed out.
func apiServerReady(kubeconfig string) func(context.Context) error {
	var client *kubernetes.Clientset
	return func(ctx context.Context) error {
		if client == nil {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			config.QPS = -1
			if client, err = kubernetes.NewForConfig(config); err != nil {
				return err
			}
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
			return fmt.Errorf("/readyz: %w", err)
		}
		// Made in the background, shortly after /readyz is content.
		for _, namespace := range []string{metav1.NamespaceDefault, metav1.NamespaceSystem} {
			if _, err := client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{}); err != nil {
				if apierrors.IsNotFound(err) {
					return fmt.Errorf("namespace %s does not exist yet", namespace)
				}
				return err
			}
		}
		return nil
	}
}

// listen takes the port of the last run if it is free, so that kubeconfigs stay valid, and else any.
func listen(portFile string) (net.Listener, error) {
	var listener net.Listener
	if content, err := os.ReadFile(portFile); err == nil {
		if port, err := strconv.ParseUint(strings.TrimSpace(string(content)), 10, 16); err == nil && port != 0 {
			listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				fmt.Fprintf(os.Stderr, "control-plane: port %d of the last run is taken: %v\n", port, err)
			}
		}
	}
	if listener == nil {
		var err error
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	return listener, writeAtomically(portFile, []byte(port+"\n"))
}

// Held for the life of the process: a collected file is closed, and a closed file is unlocked.
var dataDirLock *os.File

// lockDataDir makes sure that one server at a time uses the directory. It waits a little, since a predecessor may still be leaving.
func lockDataDir(ctx context.Context, dataDir string) error {
	file, err := os.OpenFile(filepath.Join(dataDir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	dataDirLock = file
	deadline := time.Now().Add(shutdownLimit)
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("lock %s: %w", file.Name(), err)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is in use by another API server", dataDir)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
