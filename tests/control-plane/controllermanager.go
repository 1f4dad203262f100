package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	"k8s.io/kubernetes/cmd/kube-controller-manager/names"
)

// What a cluster without nodes needs: namespaces that go when deleted, dependents that go with their owner, the default
// service account of a namespace, and rules in the roles admin, edit and view.
var controllers = []string{
	names.NamespaceController,
	names.GarbageCollectorController,
	names.ServiceAccountController,
	names.ClusterRoleAggregationController,
}

// runControllerManager runs kube-controller-manager against the API server of the same data directory until the lifetime ends.
func runControllerManager(args []string) error {
	manager, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	own, err := parse("controller-manager", manager.Flags(known, disabled, aliases), args, controllerManagerFlags)
	if err != nil {
		return err
	}
	ctx := lifetime(own.exitWithStdin)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	manager.SecureServing.Listener = listener
	manager.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port

	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	if err := manager.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	if err := logsapi.ValidateAndApply(manager.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return err
	}
	config, err := manager.Config(ctx, known, disabled, aliases)
	if err != nil {
		return err
	}

	ended := make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, config.Complete())
		close(ended)
	}()
	ready := controllerManagerReady(listener.Addr().String(), kubeconfigPath(own.dataDir, "controller-manager"))
	if err := poll(ctx, ended, ready); err == nil {
		fmt.Println("ready")
	} else if ctx.Err() == nil {
		return fmt.Errorf("kube-controller-manager: %w", err)
	}
	return end(ctx, "kube-controller-manager", ended)
}

// controllerManagerFlags are our defaults of kube-controller-manager's flags.
func controllerManagerFlags(own *modeFlags) ([]string, error) {
	return []string{
		"--kubeconfig=" + kubeconfigPath(own.dataDir, "controller-manager"),
		"--controllers=" + strings.Join(controllers, ","),
		"--leader-elect=false",
		"--bind-address=127.0.0.1",
		"--tls-cert-file=" + pkiPath(own.dataDir, "apiserver.crt"),
		"--tls-private-key-file=" + pkiPath(own.dataDir, "apiserver.key"),
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
		// Seconds matter in a test that waits for an end.
		"--controller-shutdown-timeout=3s",
	}, nil
}

// controllerManagerReady asks the health endpoint, which knows a controller once it is built, and then looks for the first
// thing that a controller does.
func controllerManagerReady(address, kubeconfig string) func(context.Context) error {
	var client *kubernetes.Clientset
	return func(ctx context.Context) error {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return err
		}
		if client == nil {
			if client, err = kubernetes.NewForConfig(config); err != nil {
				return err
			}
		}
		// The serving certificate is the API server's, so the same CA vouches for it.
		config.CertData, config.KeyData = nil, nil
		web, err := rest.HTTPClientFor(config)
		if err != nil {
			return err
		}
		web.Timeout = 5 * time.Second
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/healthz?verbose", nil)
		if err != nil {
			return err
		}
		response, err := web.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("/healthz: %s: %s", response.Status, body)
		}
		if !strings.Contains(string(body), "controller ok") {
			return fmt.Errorf("/healthz knows no controller yet: %s", body)
		}
		_, err = client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	}
}
