package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/logs"
)

// modeFlags are the flags of ours; all others go to the Kubernetes component as they are.
type modeFlags struct {
	dataDir       string
	auditLog      string
	preset        string
	exitWithStdin bool
}

// parse reads the arguments into our flags and the component's. The component's flags are set twice: first with ours (which
// may depend on the data directory), then with the caller's, which therefore win.
func parse(mode string, component cliflag.NamedFlagSets, args []string, defaults func(*modeFlags) ([]string, error)) (*modeFlags, error) {
	own := &modeFlags{exitWithStdin: true}
	ownFlags := pflag.NewFlagSet(mode, pflag.ContinueOnError)
	ownFlags.StringVar(&own.dataDir, "data-dir", "", "Directory of the cluster: etcd's data, keys and kubeconfigs. Created if absent; a restart with it keeps everything.")
	if mode == "apiserver" {
		ownFlags.StringVar(&own.auditLog, "audit-log", "", "Append one JSON line for each answered request (level Metadata) to this file.")
		ownFlags.StringVar(&own.preset, "preset", "", "What the store holds before the API server starts: a JSON object a line, with its key in etcd and its value.")
	}
	ownFlags.BoolVar(&own.exitWithStdin, "exit-with-stdin", true, "End when standard input ends.")

	all := pflag.NewFlagSet(mode, pflag.ContinueOnError)
	all.AddFlagSet(ownFlags)
	globalflag.AddGlobalFlags(component.FlagSet("global"), mode, logs.SkipLoggingConfigurationFlags())
	for _, set := range component.FlagSets {
		all.AddFlagSet(set)
	}

	var callers []*pflag.Flag
	var values []string
	if err := all.ParseAll(args, func(flag *pflag.Flag, value string) error {
		if ownFlags.Lookup(flag.Name) != nil {
			return all.Set(flag.Name, value)
		}
		callers, values = append(callers, flag), append(values, value)
		return nil
	}); err != nil {
		return nil, err
	}
	if all.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", all.Arg(0))
	}
	if own.dataDir == "" {
		return nil, errors.New("--data-dir is required")
	}
	for _, path := range []*string{&own.dataDir, &own.auditLog, &own.preset} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return nil, err
		}
		*path = absolute
	}
	if err := os.MkdirAll(own.dataDir, 0o700); err != nil {
		return nil, err
	}

	ours, err := defaults(own)
	if err != nil {
		return nil, err
	}
	if err := all.Parse(ours); err != nil {
		return nil, err
	}
	// A list flag set twice would be appended to; the caller's value replaces ours.
	replaced := map[string]bool{}
	for i, flag := range callers {
		if list, ok := flag.Value.(pflag.SliceValue); ok && !replaced[flag.Name] {
			if err := list.Replace(nil); err != nil {
				return nil, err
			}
		}
		replaced[flag.Name] = true
		if err := all.Set(flag.Name, values[i]); err != nil {
			return nil, fmt.Errorf("--%s: %w", flag.Name, err)
		}
	}
	return own, nil
}
