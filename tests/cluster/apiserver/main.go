// The API server of the cluster tests: Kubernetes' own, built from its module. Kubernetes publishes
// the program for some platforms only, and the module everywhere that Go runs.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
