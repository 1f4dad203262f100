package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.uber.org/zap"
)

// etcd listens on sockets in the data directory, not on ports: nothing to guess, and nobody else on the machine can reach it.
// The names are relative (the process works in the data directory) because a socket's path is limited to 108 bytes.
const (
	etcdClientURL = "unix://etcd-client.sock"
	etcdPeerURL   = "unix://etcd-peer.sock"
)

// etcdServer is an etcd that is quiet about being closed: it would report each of its listeners as an error, with a stack.
type etcdServer struct {
	*embed.Etcd
	level zap.AtomicLevel
}

func (e *etcdServer) close() {
	e.level.SetLevel(zap.FatalLevel)
	e.Close()
}

// startEtcd starts a one-member etcd and waits until it serves.
func startEtcd(ctx context.Context, dataDir string) (*etcdServer, error) {
	logging := zap.NewProductionConfig()
	logging.Level = zap.NewAtomicLevelAt(zap.ErrorLevel)
	logging.DisableStacktrace = true
	logger, err := logging.Build()
	if err != nil {
		return nil, err
	}
	config := embed.NewConfig()
	config.Dir = filepath.Join(dataDir, "etcd")
	config.ListenClientUrls = []url.URL{mustURL(etcdClientURL)}
	config.ListenPeerUrls = []url.URL{mustURL(etcdPeerURL)}
	// Only other members and discovering clients would use these, and there are none; the form host:port is demanded.
	config.AdvertiseClientUrls = []url.URL{mustURL("http://127.0.0.1:2379")}
	config.AdvertisePeerUrls = []url.URL{mustURL("http://127.0.0.1:2380")}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger)
	// The data need not outlive the machine, and syncing every write to disk would dominate every test.
	config.UnsafeNoFsync = true
	config.QuotaBackendBytes = 4 << 30
	// One member has nobody to wait for in an election.
	config.TickMs = 20
	config.ElectionMs = 200
	// kube-apiserver compacts; nobody uses the JSON gateway.
	config.EnableGRPCGateway = false

	started, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	etcd := &etcdServer{Etcd: started, level: logging.Level}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err = <-etcd.Err():
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	etcd.close()
	return nil, fmt.Errorf("etcd: %w", err)
}

// preset puts objects into the store as they are, with the UIDs and times that an API server would not take from a client. What is
// there already is replaced.
func (e *etcdServer) preset(ctx context.Context, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	client := v3client.New(e.Server)
	defer client.Close()
	lines := json.NewDecoder(file)
	for {
		var line struct {
			Key   string          `json:"key"`
			Value json.RawMessage `json:"value"`
		}
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if _, err := client.Put(ctx, line.Key, string(line.Value)); err != nil {
			return fmt.Errorf("%s: %w", line.Key, err)
		}
	}
}

func mustURL(text string) url.URL {
	parsed, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return *parsed
}
