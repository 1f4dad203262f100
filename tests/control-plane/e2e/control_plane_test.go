// Package e2e runs the built binary as its users do. It imports nothing of Kubernetes, so that it compiles at once.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startLimit = 2 * time.Minute
	stopLimit  = 15 * time.Second
)

var binary string

func TestMain(m *testing.M) {
	binary = os.Getenv("CONTROL_PLANE_BINARY")
	if binary == "" {
		build := exec.Command("../build.sh")
		build.Stderr = os.Stderr
		output, err := build.Output()
		if err != nil {
			fmt.Fprintln(os.Stderr, "build.sh:", err)
			os.Exit(1)
		}
		lines := strings.Split(strings.TrimSpace(string(output)), "\n")
		binary = lines[len(lines)-1]
	}
	os.Exit(m.Run())
}

// server is one running mode of the binary.
type server struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.Closer
	ready  string
	rest   *bytes.Buffer
	log    *os.File
	exited chan error
}

// start runs a mode and waits for its ready line.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	began := time.Now()
	log, err := os.CreateTemp(t.TempDir(), args[0])
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, cmd: exec.Command(binary, args...), rest: &bytes.Buffer{}, log: log, exited: make(chan error, 1)}
	s.cmd.Stderr = log
	// A group of its own shows at the end whether it left a process behind.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		if t.Failed() {
			content, _ := os.ReadFile(log.Name())
			t.Logf("end of the log of %s:\n%s", args[0], content[max(0, len(content)-8000):])
		}
	})
	line := make(chan string, 1)
	go func() {
		reader := bufio.NewReader(stdout)
		first, _ := reader.ReadString('\n')
		line <- strings.TrimSpace(first)
		_, _ = io.Copy(s.rest, reader)
		s.exited <- s.cmd.Wait()
	}()
	select {
	case s.ready = <-line:
	case <-time.After(startLimit):
		t.Fatalf("%v: not ready after %s", args, startLimit)
	}
	if s.ready == "" {
		t.Fatalf("%v: ended without being ready", args)
	}
	t.Logf("%s ready after %s, resident %d MiB", args[0], time.Since(began).Round(10*time.Millisecond), s.residentMiB())
	return s
}

func (s *server) residentMiB() int {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	var size, resident int
	if _, err := fmt.Sscan(string(content), &size, &resident); err != nil {
		return 0
	}
	return resident * os.Getpagesize() >> 20
}

// waitGone checks that the process has ended in an orderly way, said nothing more on standard output and left no process behind.
func (s *server) waitGone() {
	s.t.Helper()
	began := time.Now()
	select {
	case err := <-s.exited:
		if err != nil {
			s.t.Errorf("%v ended with %v", s.cmd.Args[1:], err)
		}
	case <-time.After(stopLimit):
		s.t.Fatalf("%v: still there after %s", s.cmd.Args[1:], stopLimit)
	}
	s.t.Logf("%s gone after %s", s.cmd.Args[1], time.Since(began).Round(10*time.Millisecond))
	if s.rest.Len() > 0 {
		s.t.Errorf("more than one line on standard output: %q", s.rest)
	}
	if err := syscall.Kill(-s.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		s.t.Errorf("processes are left: %v", err)
	}
}

func (s *server) closeStdin() {
	s.t.Helper()
	if err := s.stdin.Close(); err != nil {
		s.t.Error(err)
	}
}

// kube runs the kubectl mode with one kubeconfig.
type kube struct {
	t          *testing.T
	kubeconfig string
	cache      string
}

func (k kube) try(input string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"kubectl"}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+k.kubeconfig, "KUBECACHEDIR="+k.cache)
	cmd.Stdin = strings.NewReader(input)
	output, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(output)), err
}

func (k kube) ok(input string, args ...string) string {
	k.t.Helper()
	output, err := k.try(input, args...)
	if err != nil {
		k.t.Fatalf("kubectl %v: %v\n%s", args, err, output)
	}
	return output
}

// refused expects a failure whose message contains the text.
func (k kube) refused(text, input string, args ...string) {
	k.t.Helper()
	output, err := k.try(input, args...)
	if err == nil {
		k.t.Fatalf("kubectl %v succeeded:\n%s", args, output)
	}
	if !strings.Contains(output, text) {
		k.t.Fatalf("kubectl %v: want %q in\n%s", args, text, output)
	}
}

func (k kube) on(t *testing.T) kube {
	k.t = t
	return k
}

func eventually(t *testing.T, limit time.Duration, what string, check func() bool) {
	t.Helper()
	began := time.Now()
	for !check() {
		if time.Since(began) > limit {
			t.Fatalf("%s: not within %s", what, limit)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("%s: after %s", what, time.Since(began).Round(10*time.Millisecond))
}

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: bells.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: bells, singular: bell, kind: Bell}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              description: What the bell sounds like.
              properties:
                low: {type: integer, default: 1}
                high: {type: integer}
                words: {type: array, items: {type: string}, x-kubernetes-list-type: set}
              x-kubernetes-validations:
                - {rule: "!has(self.high) || self.low <= self.high", message: "low must not exceed high"}
            status:
              type: object
              x-kubernetes-preserve-unknown-fields: true
`

func bell(namespace, name, spec string) string {
	return fmt.Sprintf("apiVersion: example.com/v1\nkind: Bell\nmetadata: {namespace: %s, name: %s}\nspec: %s\n", namespace, name, spec)
}

func port(t *testing.T, k kube) string {
	t.Helper()
	server, err := url.Parse(k.on(t).ok("", "config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"))
	if err != nil {
		t.Fatal(err)
	}
	if server.Scheme != "https" || server.Hostname() != "127.0.0.1" {
		t.Errorf("server %s is not TLS on loopback", server)
	}
	return server.Port()
}

func TestControlPlane(t *testing.T) {
	dataDir := filepath.Join(t.TempDir(), "data")
	auditLog := filepath.Join(t.TempDir(), "audit", "audit.log")
	startBoth := func() (*server, *server) {
		api := start(t, "apiserver", "--data-dir", dataDir, "--audit-log", auditLog)
		return api, start(t, "controller-manager", "--data-dir", dataDir)
	}
	api, controllers := startBoth()
	kubeconfig, found := strings.CutPrefix(api.ready, "ready ")
	if !found || kubeconfig != filepath.Join(dataDir, "admin.kubeconfig") {
		t.Fatalf("ready line %q", api.ready)
	}
	if controllers.ready != "ready" {
		t.Fatalf("ready line %q", controllers.ready)
	}
	admin := kube{t: t, kubeconfig: kubeconfig, cache: t.TempDir()}

	// It waits a while before it gives up; meanwhile the others run.
	second := make(chan string, 1)
	go func() {
		cmd := exec.Command(binary, "apiserver", "--data-dir", dataDir, "--exit-with-stdin=false")
		output, _ := cmd.CombinedOutput()
		second <- string(output)
	}()

	t.Run("version", func(t *testing.T) {
		var version struct {
			ClientVersion, ServerVersion struct{ GitVersion, Major, Minor string }
		}
		if err := json.Unmarshal([]byte(admin.on(t).ok("", "version", "-o", "json")), &version); err != nil {
			t.Fatal(err)
		}
		if v := version.ServerVersion; v != version.ClientVersion || !strings.HasPrefix(v.GitVersion, "v"+v.Major+"."+v.Minor+".") || v.Major != "1" {
			t.Errorf("version %+v", version)
		}
	})

	t.Run("custom resources", func(t *testing.T) {
		k := admin.on(t)
		k.ok(definition, "apply", "--server-side", "-f", "-")
		k.ok("", "wait", "--for=condition=Established", "crd/bells.example.com", "--timeout=30s")
		k.ok(bell("default", "good", "{high: 3, words: [ding]}"), "create", "-f", "-")
		if low := k.ok("", "get", "bell", "good", "-o", "jsonpath={.spec.low}"); low != "1" {
			t.Errorf("default of low: %q", low)
		}
		k.refused("low must not exceed high", bell("default", "bad", "{low: 4, high: 3}"), "create", "-f", "-")
		eventually(t, 30*time.Second, "explain", func() bool {
			output, err := k.try("", "explain", "bell.spec")
			return err == nil && strings.Contains(output, "What the bell sounds like.")
		})
	})

	t.Run("server-side apply", func(t *testing.T) {
		k := admin.on(t)
		k.ok(bell("default", "applied", "{high: 3, words: [ding]}"), "apply", "--server-side", "--field-manager=one", "-f", "-")
		k.ok(bell("default", "applied", "{words: [dong]}"), "apply", "--server-side", "--field-manager=two", "-f", "-")
		if words := k.ok("", "get", "bell", "applied", "-o", "jsonpath={.spec.words}"); words != `["ding","dong"]` {
			t.Errorf("words %s", words)
		}
		k.refused("conflict", bell("default", "applied", "{high: 5}"), "apply", "--server-side", "--field-manager=two", "-f", "-")
	})

	t.Run("authorization", func(t *testing.T) {
		k := admin.on(t)
		k.refused(`User "mallory" cannot list resource "secrets"`, "", "get", "secrets", "--as=mallory")
		k.ok("", "create", "role", "reader", "--verb=list", "--resource=secrets")
		k.ok("", "create", "rolebinding", "reader", "--role=reader", "--user=alice")
		k.ok("", "get", "secrets", "--as=alice")
		k.refused(`User "alice" cannot create resource "secrets"`, "", "create", "secret", "generic", "x", "--as=alice")
		eventually(t, 20*time.Second, "rules in the aggregated role edit", func() bool {
			output, err := k.try("", "auth", "can-i", "create", "configmaps", "--as=bob", "--as-group=editors")
			if err == nil && output == "yes" {
				return true
			}
			_, _ = k.try("", "create", "clusterrolebinding", "editors", "--clusterrole=edit", "--group=editors")
			return false
		})
	})

	// The kubeconfig of a service account, without the administrator's certificate.
	account := kube{kubeconfig: filepath.Join(t.TempDir(), "account.kubeconfig"), cache: t.TempDir()}
	const accountName = "system:serviceaccount:default:operator"
	t.Run("service account token", func(t *testing.T) {
		k := admin.on(t)
		k.ok("", "create", "serviceaccount", "operator")
		token := k.ok("", "create", "token", "operator", "--duration=1h")
		var config map[string]any
		if err := json.Unmarshal([]byte(k.ok("", "config", "view", "--raw", "-o", "json")), &config); err != nil {
			t.Fatal(err)
		}
		config["users"].([]any)[0].(map[string]any)["user"] = map[string]any{"token": token}
		content, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(account.kubeconfig, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if name := account.on(t).ok("", "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"); name != accountName {
			t.Errorf("the token is %q", name)
		}
		account.on(t).refused("forbidden", "", "get", "configmaps")
	})

	t.Run("namespace deletion", func(t *testing.T) {
		k := admin.on(t)
		k.ok("", "create", "namespace", "doomed")
		eventually(t, 20*time.Second, "default service account", func() bool {
			_, err := k.try("", "get", "serviceaccount", "default", "-n", "doomed")
			return err == nil
		})
		k.ok("", "create", "configmap", "x", "--from-literal=a=b", "-n", "doomed")
		var bells strings.Builder
		for i := range 20 {
			bells.WriteString(bell("doomed", fmt.Sprintf("bell-%d", i), "{}") + "---\n")
		}
		k.ok(bells.String(), "create", "-f", "-")
		k.ok("", "patch", "bell", "bell-7", "-n", "doomed", "--type=merge", "-p", `{"metadata":{"finalizers":["example.com/held"]}}`)
		k.ok("", "delete", "namespace", "doomed", "--wait=false")
		eventually(t, 30*time.Second, "only the held one is left", func() bool {
			output, err := k.try("", "get", "bells", "-n", "doomed", "-o", "name")
			return err == nil && output == "bell.example.com/bell-7"
		})
		k.ok("", "patch", "bell", "bell-7", "-n", "doomed", "--type=merge", "-p", `{"metadata":{"finalizers":[]}}`)
		eventually(t, 30*time.Second, "namespace is gone", func() bool {
			output, err := k.try("", "get", "namespace", "doomed")
			return err != nil && strings.Contains(output, "NotFound")
		})
	})

	t.Run("owner references", func(t *testing.T) {
		k := admin.on(t)
		k.ok(bell("default", "owner", "{}"), "create", "-f", "-")
		uid := k.ok("", "get", "bell", "owner", "-o", "jsonpath={.metadata.uid}")
		k.ok(fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: dependent\n  ownerReferences:\n"+
			"    - {apiVersion: example.com/v1, kind: Bell, name: owner, uid: %s}\n", uid), "create", "-f", "-")
		k.ok("", "delete", "bell", "owner")
		// The collector learns of new definitions every 30 seconds.
		eventually(t, 60*time.Second, "dependent is gone", func() bool {
			output, err := k.try("", "get", "configmap", "dependent")
			return err != nil && strings.Contains(output, "NotFound")
		})
	})

	t.Run("audit log", func(t *testing.T) {
		k := admin.on(t)
		k.ok("", "create", "secret", "generic", "quiet", "--from-literal=key=do-not-log-me")
		account.on(t).refused("forbidden", "", "delete", "secret", "quiet")
		var created, denied bool
		for _, line := range auditLines(t, auditLog) {
			if line.Level != "Metadata" || line.Stage != "ResponseComplete" {
				t.Fatalf("unexpected line %+v", line)
			}
			if line.ObjectRef.Resource != "secrets" || line.ObjectRef.Namespace != "default" {
				continue
			}
			created = created || line.User.Username == "admin" && line.Verb == "create" && line.ResponseStatus.Code == 201
			denied = denied || line.User.Username == accountName && line.ResponseStatus.Code == 403
		}
		if !created || !denied {
			t.Errorf("created %v, denied %v", created, denied)
		}
		if content, _ := os.ReadFile(auditLog); bytes.Contains(content, []byte("do-not-log-me")) || bytes.Contains(content, []byte("ZG8tbm90LWxvZy1tZQ")) {
			t.Error("the audit log holds a secret")
		}
	})

	t.Run("a second server on the same directory", func(t *testing.T) {
		if refusal := <-second; !strings.Contains(refusal, "is in use by another API server") {
			t.Errorf("answer: %s", refusal)
		}
	})

	t.Logf("resident: apiserver %d MiB, controller-manager %d MiB", api.residentMiB(), controllers.residentMiB())
	before, err := os.ReadFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", port(t, admin))
	linesBefore := len(auditLines(t, auditLog))

	t.Run("end of standard input", func(t *testing.T) {
		controllers.closeStdin()
		controllers.waitGone()
		api.closeStdin()
		api.waitGone()
		if connection, err := net.Dial("tcp", address); err == nil {
			_ = connection.Close()
			t.Errorf("%s still answers", address)
		}
	})

	t.Run("restart", func(t *testing.T) {
		api, controllers = startBoth()
		after, err := os.ReadFile(kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, after) {
			t.Error("the kubeconfig has changed")
		}
		k := admin.on(t)
		if high := k.ok("", "get", "bell", "good", "-o", "jsonpath={.spec.high}"); high != "3" {
			t.Errorf("state lost: %q", high)
		}
		// The old token is still valid: the signing key is the same.
		account.on(t).ok("", "auth", "whoami")
		if lines := len(auditLines(t, auditLog)); lines <= linesBefore {
			t.Errorf("%d audit lines, %d before", lines, linesBefore)
		}
		k.ok("", "create", "namespace", "again")
		k.ok("", "delete", "namespace", "again", "--timeout=30s")
	})

	t.Run("SIGTERM", func(t *testing.T) {
		// The API server first: the other must leave even with nobody to talk to.
		for _, s := range []*server{api, controllers} {
			if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			s.waitGone()
		}
	})

	t.Run("kill, and the port is taken", func(t *testing.T) {
		taken, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = taken.Close() }()
		api := start(t, "apiserver", "--data-dir", dataDir)
		if now := net.JoinHostPort("127.0.0.1", port(t, admin)); now == address {
			t.Errorf("the port is still %s", now)
		}
		k := admin.on(t)
		k.ok("", "create", "configmap", "survivor")
		if err := api.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-api.exited
		api = start(t, "apiserver", "--data-dir", dataDir)
		k.ok("", "get", "configmap", "survivor")
		api.closeStdin()
		api.waitGone()
	})
}

type auditLine struct {
	Level, Stage, Verb string
	User               struct{ Username string }
	ObjectRef          struct{ Resource, Namespace string }
	ResponseStatus     struct{ Code int }
}

func auditLines(t *testing.T, path string) []auditLine {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []auditLine
	for text := range bytes.Lines(content) {
		var line auditLine
		if err := json.Unmarshal(text, &line); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		lines = append(lines, line)
	}
	return lines
}
