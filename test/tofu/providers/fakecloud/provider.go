package main

import (
	"context"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type fakecloud struct{}

type settings struct {
	Dir   types.String `tfsdk:"dir"`
	Token types.String `tfsdk:"token"`
}

func newProvider() provider.Provider { return fakecloud{} }

func (fakecloud) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "fakecloud"
}

func (fakecloud) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"dir":   schema.StringAttribute{Optional: true, Description: "The folder that is the cloud; FAKECLOUD_DIR when it is not set."},
		"token": schema.StringAttribute{Optional: true, Sensitive: true, Description: "The credential; FAKECLOUD_TOKEN when it is not set. A cloud with a file named token takes no other."},
	}}
}

func (fakecloud) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var s settings
	resp.Diagnostics.Append(req.Config.Get(ctx, &s)...)
	if resp.Diagnostics.HasError() {
		return
	}
	c, err := open(either(s.Dir, "FAKECLOUD_DIR"))
	if err != nil {
		resp.Diagnostics.AddError("No cloud to work with", err.Error())
		return
	}
	begun := c.begin("configure", "provider", "", "")
	if err := c.admit(either(s.Token, "FAKECLOUD_TOKEN")); err != nil {
		begun.end(err)
		resp.Diagnostics.AddError("The cloud let nobody in", err.Error())
		return
	}
	if err := begun.halfway(ctx, wishes{}); err != nil {
		begun.end(err)
		resp.Diagnostics.AddError("The cloud did not answer", err.Error())
		return
	}
	begun.end(nil)
	resp.ResourceData, resp.DataSourceData, resp.EphemeralResourceData = c, c, c
}

func (fakecloud) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newNetwork, newDatabase, newBucket}
}

func (fakecloud) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newLookup}
}

func (fakecloud) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{newSession}
}

func either(set types.String, variable string) string {
	if set.ValueString() != "" {
		return set.ValueString()
	}
	return os.Getenv(variable)
}
