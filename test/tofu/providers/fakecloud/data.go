package main

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	data "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	opened "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// lookup is the data source fakecloud_network: a network by its name.
type lookup struct{ cloud *cloud }

type found struct {
	ID   types.String `tfsdk:"id"`
	Name types.String `tfsdk:"name"`
	CIDR types.String `tfsdk:"cidr"`
}

func newLookup() datasource.DataSource { return &lookup{} }

func (*lookup) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "fakecloud_network"
}

func (*lookup) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = data.Schema{Attributes: map[string]data.Attribute{
		"name": data.StringAttribute{Required: true},
		"id":   data.StringAttribute{Computed: true},
		"cidr": data.StringAttribute{Computed: true},
	}}
}

func (l *lookup) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	if c, is := req.ProviderData.(*cloud); is {
		l.cloud = c
	}
}

func (l *lookup) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var f found
	resp.Diagnostics.Append(req.Config.Get(ctx, &f)...)
	if resp.Diagnostics.HasError() {
		return
	}
	name := f.Name.ValueString()
	call := l.cloud.begin("lookup", "fakecloud_network", "", name)
	o, err := l.cloud.named("fakecloud_network", name)
	if err == nil {
		err = call.halfway(ctx, wishes{})
	}
	if err == nil && o == nil {
		err = fmt.Errorf("404: there is no network named %q", name)
	}
	call.end(err)
	if err != nil {
		resp.Diagnostics.AddError(fmt.Sprintf("Looking up the network %q failed", name), err.Error())
		return
	}
	f.ID, f.CIDR = types.StringValue(o.ID), o.text("cidr")
	resp.Diagnostics.Append(resp.State.Set(ctx, &f)...)
}

// session is the ephemeral resource fakecloud_session: a credential that is in no
// state and no plan.
type session struct{ cloud *cloud }

type credential struct {
	User  types.String `tfsdk:"user"`
	Token types.String `tfsdk:"token"`
}

func newSession() ephemeral.EphemeralResource { return &session{} }

func (*session) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = "fakecloud_session"
}

func (*session) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = opened.Schema{Attributes: map[string]opened.Attribute{
		"user":  opened.StringAttribute{Required: true},
		"token": opened.StringAttribute{Computed: true, Sensitive: true},
	}}
}

func (s *session) Configure(_ context.Context, req ephemeral.ConfigureRequest, _ *ephemeral.ConfigureResponse) {
	if c, is := req.ProviderData.(*cloud); is {
		s.cloud = c
	}
}

func (s *session) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var c credential
	resp.Diagnostics.Append(req.Config.Get(ctx, &c)...)
	if resp.Diagnostics.HasError() {
		return
	}
	call := s.cloud.begin("open", "fakecloud_session", "", c.User.ValueString())
	err := call.halfway(ctx, wishes{})
	call.end(err)
	if err != nil {
		resp.Diagnostics.AddError("Opening a session failed", err.Error())
		return
	}
	c.Token = types.StringValue("session-of-" + c.User.ValueString())
	resp.Diagnostics.Append(resp.Result.Set(ctx, &c)...)
}

// prefix is the validator of a network's addresses.
type prefix struct{}

func (prefix) Description(context.Context) string             { return "a range such as 10.0.0.0/16" }
func (p prefix) MarkdownDescription(c context.Context) string { return p.Description(c) }

func (prefix) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := netip.ParsePrefix(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Not a range of addresses", fmt.Sprintf("%q is not a range such as 10.0.0.0/16.", req.ConfigValue.ValueString()))
	}
}
