// Command judges has those who judge what this repository ships, in the very code that they run as: helm renders and installs the
// chart, gopher-lua runs health checks as Argo CD does, kstatus reads objects as Flux does.
//
// promtool is built from the same module, as a program of its own.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const usage = `usage:
  judges helm ...
  judges argocd SCRIPT    reads objects as JSON, one after the other; prints Argo CD's health of each, one JSON object a line
  judges kstatus          the same; prints Flux's status of each
`

func main() {
	// A link named helm is helm.
	if filepath.Base(os.Args[0]) == "helm" {
		os.Exit(runHelm(os.Args[1:]))
	}
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	mode, args := os.Args[1], os.Args[2:]
	var err error
	switch mode {
	case "helm":
		os.Exit(runHelm(args))
	case "argocd":
		err = runArgoCD(args)
	case "kstatus":
		err = runKstatus(args)
	case "help", "-h", "--help":
		fmt.Print(usage)
	default:
		err = fmt.Errorf("unknown mode %q\n%s", mode, usage)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "judges %s: %v\n", mode, err)
		os.Exit(1)
	}
}
