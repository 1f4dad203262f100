// Command control-plane is a real Kubernetes control plane in one binary, for tests and demonstrations:
// kube-apiserver on an embedded etcd, the controllers that namespaces and owner references need, and kubectl.
//
// Feature gates, metrics and logging are global to a Kubernetes process, so each mode is a process of its own.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
)

const usage = `usage:
  control-plane apiserver --data-dir DIR [--audit-log FILE] [--preset FILE] [--exit-with-stdin=false] [any kube-apiserver flag]
  control-plane controller-manager --data-dir DIR [--exit-with-stdin=false] [any kube-controller-manager flag]
  control-plane kubectl ...
`

func main() {
	// A link named kubectl is kubectl.
	if filepath.Base(os.Args[0]) == "kubectl" {
		runKubectl()
		return
	}
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	mode, args := os.Args[1], os.Args[2:]
	var err error
	switch mode {
	case "apiserver":
		err = runAPIServer(args)
	case "controller-manager":
		err = runControllerManager(args)
	case "kubectl":
		// kubectl reads os.Args itself, for plugins and verbosity.
		os.Args = append([]string{"kubectl"}, args...)
		runKubectl()
	case "help", "-h", "--help":
		fmt.Print(usage)
	default:
		err = fmt.Errorf("unknown mode %q\n%s", mode, usage)
	}
	switch {
	case errors.Is(err, pflag.ErrHelp):
		os.Exit(0)
	case err != nil:
		fmt.Fprintf(os.Stderr, "control-plane %s: %v\n", mode, err)
		os.Exit(1)
	}
}
