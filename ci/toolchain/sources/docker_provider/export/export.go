// Package export is added to a copy of terraform-provider-docker, whose provider
// package is internal, so that a module of another name can use it.
package export

import (
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/terraform-providers/terraform-provider-docker/internal/provider"
)

// New returns the provider built on the Terraform plugin SDK; the other half adds only docker_compose.
func New(version string) *schema.Provider {
	return provider.New(version)()
}
