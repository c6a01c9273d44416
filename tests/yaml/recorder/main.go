// Recorder writes down how kubectl reads manifests: kubectl.json, and kubectl-bytes.json for files
// that are not UTF-8.
//
// It starts itself as kubectl, the whole client from k8s.io/kubectl, for every row of rows.go, as
// `kubectl create --dry-run=client --validate=false -o json -f FILE`, beside a server on loopback
// that answers kubectl's question which kinds there are, and nothing else.
//
//	go run . FOLDER
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

// asKubectl is set in the environment of the process that is to be kubectl.
const asKubectl = "RECORDER_AS_KUBECTL"

// Row is one manifest and what kubectl makes of it.
type Row struct {
	Name string `json:"name"`
	// The plain scalar that the row is about, where it is about one.
	Scalar *string `json:"scalar,omitempty"`
	YAML   string  `json:"yaml,omitempty"`
	Bytes  []byte  `json:"base64,omitempty"`
	// What kubectl prints, object by object, numbers to the letter.
	Documents []json.RawMessage `json:"documents,omitempty"`
	// True where kubectl ends with an error.
	Error bool `json:"error,omitempty"`
}

func main() {
	if os.Getenv(asKubectl) != "" {
		util.CheckErr(cmd.NewDefaultKubectlCommand().Execute())
		return
	}
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "name the folder to write to: go run . FOLDER")
		os.Exit(2)
	}
	if err := record(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func record(folder string) error {
	server := httptest.NewServer(discovery())
	defer server.Close()
	scratch, err := os.MkdirTemp("", "recorder")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	tables := map[string][]Row{"kubectl.json": rows(), "kubectl-bytes.json": byteRows()}
	for name, table := range tables {
		for index := range table {
			if err := ask(server.URL, scratch, &table[index]); err != nil {
				return fmt.Errorf("%s: %w", table[index].Name, err)
			}
		}
		if err := write(filepath.Join(folder, name), table); err != nil {
			return err
		}
	}
	return nil
}

// ask fills in what kubectl says.
func ask(server, scratch string, row *Row) error {
	manifest := filepath.Join(scratch, "manifest.yaml")
	content := row.Bytes
	if content == nil {
		content = []byte(row.YAML)
	}
	if err := os.WriteFile(manifest, content, 0o600); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	kubectl := exec.Command(self, "create", "--server="+server, "--cache-dir="+scratch,
		"--dry-run=client", "--validate=false", "-o=json", "-f="+manifest)
	kubectl.Env = append(os.Environ(), asKubectl+"=1", "HOME="+scratch, "KUBECONFIG="+scratch+"/none")
	var output, complaint bytes.Buffer
	kubectl.Stdout, kubectl.Stderr = &output, &complaint
	var status *exec.ExitError
	if err := kubectl.Run(); errors.As(err, &status) {
		said := complaint.String()
		if strings.Contains(said, "no objects passed to") {
			row.Documents = []json.RawMessage{}
			return nil
		}
		if isOfReader(said) {
			row.Error = true
			return nil
		}
		return fmt.Errorf("kubectl failed for another reason: %s", said)
	} else if err != nil {
		return err
	}
	decoder := json.NewDecoder(&output)
	for {
		var document json.RawMessage
		if err := decoder.Decode(&document); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		row.Documents = append(row.Documents, document)
	}
}

// isOfReader tells errors of reading a manifest from all others.
func isOfReader(complaint string) bool {
	for _, sign := range []string{"error parsing ", "cannot unmarshal ", "unable to decode ", "Object 'Kind' is missing", "is not a list"} {
		if strings.Contains(complaint, sign) {
			return true
		}
	}
	return false
}

func write(path string, table []Row) error {
	var text bytes.Buffer
	text.WriteString("[\n")
	for index, row := range table {
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(row); err != nil {
			return err
		}
		if index+1 < len(table) {
			text.Truncate(text.Len() - 1)
			text.WriteString(",\n")
		}
	}
	text.WriteString("]\n")
	return os.WriteFile(path, text.Bytes(), 0o644)
}
