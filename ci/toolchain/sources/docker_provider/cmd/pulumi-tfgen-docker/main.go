// Command pulumi-tfgen-docker writes the provider's schema.json.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"

	provider "storestack.local/docker-provider"
)

func main() {
	tfgen.Main("docker", provider.Version, provider.Info())
}
