package main

import (
	"errors"
	"fmt"
	"os"

	"helm.sh/helm/v4/pkg/cmd"
	"helm.sh/helm/v4/pkg/kube"
)

// runHelm is helm's own main.
func runHelm(args []string) int {
	kube.ManagedFieldsManager = "helm"
	os.Args = append([]string{"helm"}, args...)
	root, err := cmd.NewRootCmd(os.Stdout, args, cmd.SetupLogging)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := root.Execute(); err != nil {
		if ended, ok := errors.AsType[cmd.CommandError](err); ok {
			return ended.ExitCode
		}
		return 1
	}
	return 0
}
