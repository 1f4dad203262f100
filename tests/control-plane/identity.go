package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const validity = 10 * 365 * 24 * time.Hour

// pkiPath is the path of one of the files that createIdentities makes.
func pkiPath(dataDir, file string) string {
	return filepath.Join(dataDir, "pki", file)
}

// createIdentities makes the keys and certificates of a new data directory: a CA, the serving certificate, one client
// certificate each for the administrator and the controller manager, and the key that signs service-account tokens.
// A directory that has them keeps them.
func createIdentities(dataDir string) error {
	final := filepath.Join(dataDir, "pki")
	if _, err := os.Stat(final); err == nil {
		return nil
	}
	// All or nothing: a start that was killed half-way must not leave a CA without its certificates.
	temporary, err := os.MkdirTemp(dataDir, "pki-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temporary) }()

	ca := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "control-plane-ca"},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	caKey, err := writePair(temporary, "ca", ca, nil, nil)
	if err != nil {
		return err
	}
	leaves := map[string]*x509.Certificate{
		"apiserver": {
			Subject:     pkix.Name{CommonName: "kube-apiserver"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		},
		"admin": {
			Subject:     pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		},
		"controller-manager": {
			// All controllers share this identity, so it may do what each of them may.
			Subject:     pkix.Name{CommonName: "system:kube-controller-manager", Organization: []string{"system:masters"}},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		},
	}
	for name, leaf := range leaves {
		leaf.KeyUsage = x509.KeyUsageDigitalSignature
		if _, err := writePair(temporary, name, leaf, ca, caKey); err != nil {
			return err
		}
	}
	serviceAccountKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := writeKey(filepath.Join(temporary, "service-account.key"), serviceAccountKey); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(serviceAccountKey.Public())
	if err != nil {
		return err
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	if err := os.WriteFile(filepath.Join(temporary, "service-account.pub"), encoded, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, final)
}

// writePair signs the certificate (with its own key if there is no issuer) and writes NAME.crt and NAME.key.
func writePair(dir, name string, certificate, issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if issuer == nil {
		issuer, issuerKey = certificate, key
	}
	certificate.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	certificate.NotBefore = now.Add(-time.Hour)
	certificate.NotAfter = now.Add(validity)
	der, err := x509.CreateCertificate(rand.Reader, certificate, issuer, key.Public(), issuerKey)
	if err != nil {
		return nil, err
	}
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, name+".crt"), encoded, 0o600); err != nil {
		return nil, err
	}
	return key, writeKey(filepath.Join(dir, name+".key"), key)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// writeKubeconfig writes DIR/NAME.kubeconfig with everything embedded and returns its path.
func writeKubeconfig(dataDir, name, server string) (string, error) {
	contents := map[string][]byte{}
	for _, file := range []string{"ca.crt", name + ".crt", name + ".key"} {
		content, err := os.ReadFile(pkiPath(dataDir, file))
		if err != nil {
			return "", err
		}
		contents[file] = content
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["control-plane"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: contents["ca.crt"]}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: contents[name+".crt"], ClientKeyData: contents[name+".key"]}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: "control-plane", AuthInfo: name, Namespace: "default"}
	config.CurrentContext = name

	encoded, err := clientcmd.Write(*config)
	if err != nil {
		return "", fmt.Errorf("%s.kubeconfig: %w", name, err)
	}
	path := kubeconfigPath(dataDir, name)
	return path, writeAtomically(path, encoded)
}

func kubeconfigPath(dataDir, name string) string {
	return filepath.Join(dataDir, name+".kubeconfig")
}

// writeAtomically lets readers see the old or the new file, never half of one.
func writeAtomically(path string, content []byte) error {
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
