// Package provider maps the Terraform provider kreuzwerker/docker to the Pulumi
// package "docker", wire-compatible with the PyPI SDK pulumi-docker of Version.
//
// The native docker.Image of the official plugin is not part of it: build images
// with docker.RemoteImage(build=...).
package provider

import (
	upstream "github.com/terraform-providers/terraform-provider-docker/export"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
)

// Version is the plugin version the SDK asks the engine for.
const Version = "5.2.0"

// Info returns the mapping. The names set by hand are those the official mapping sets by hand too.
func Info() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:           shimv2.NewProvider(upstream.New(Version)),
		Name:        "docker",
		Version:     Version,
		GitHubOrg:   "kreuzwerker",
		License:     "Apache-2.0",
		DisplayName: "Docker",
		Resources: map[string]*tfbridge.ResourceInfo{
			"docker_image":  {Tok: "docker:index/remoteImage:RemoteImage"},
			"docker_config": {Tok: "docker:index/serviceConfig:ServiceConfig"},
			"docker_container": {
				Fields: map[string]*tfbridge.SchemaInfo{
					"command":           {Name: "command"},
					"networks_advanced": {Name: "networksAdvanced"},
				},
			},
		},
		DataSources: map[string]*tfbridge.DataSourceInfo{
			"docker_image": {Tok: "docker:index/getRemoteImage:getRemoteImage"},
		},
	}
	info.MustComputeTokens(tokens.SingleModule("docker_", "index", tokens.MakeStandard("docker")))
	info.SetAutonaming(255, "-")
	return info
}
