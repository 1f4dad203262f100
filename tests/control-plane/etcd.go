package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcd listens on sockets in the data directory, not on ports: nothing to guess, and nobody else on the machine can reach it.
// The names are relative (the process works in the data directory) because a socket's path is limited to 108 bytes.
const (
	etcdClientURL = "unix://etcd-client.sock"
	etcdPeerURL   = "unix://etcd-peer.sock"
)

// startEtcd starts a one-member etcd and waits until it serves.
func startEtcd(ctx context.Context, dataDir string) (*embed.Etcd, error) {
	config := embed.NewConfig()
	config.Dir = filepath.Join(dataDir, "etcd")
	config.ListenClientUrls = []url.URL{mustURL(etcdClientURL)}
	config.ListenPeerUrls = []url.URL{mustURL(etcdPeerURL)}
	// Only other members and discovering clients would use these, and there are none; the form host:port is demanded.
	config.AdvertiseClientUrls = []url.URL{mustURL("http://127.0.0.1:2379")}
	config.AdvertisePeerUrls = []url.URL{mustURL("http://127.0.0.1:2380")}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.LogLevel = "error"
	config.LogOutputs = []string{"stderr"}
	// The data need not outlive the machine, and syncing every write to disk would dominate every test.
	config.UnsafeNoFsync = true
	config.QuotaBackendBytes = 4 << 30
	// One member has nobody to wait for in an election.
	config.TickMs = 20
	config.ElectionMs = 200
	// kube-apiserver compacts; nobody uses the JSON gateway.
	config.EnableGRPCGateway = false

	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err = <-etcd.Err():
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	etcd.Close()
	return nil, fmt.Errorf("etcd: %w", err)
}

func mustURL(text string) url.URL {
	parsed, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return *parsed
}
