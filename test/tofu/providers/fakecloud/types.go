package main

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var replaces = []planmodifier.String{stringplanmodifier.RequiresReplace()}

type network struct {
	common
	CIDR types.String `tfsdk:"cidr"`
}

func newNetwork() resource.Resource {
	return &thing[network, *network]{
		kind: "fakecloud_network",
		schema: map[string]schema.Attribute{
			"name": schema.StringAttribute{Required: true},
			"cidr": schema.StringAttribute{Required: true, PlanModifiers: replaces, Validators: []validator.String{prefix{}}},
		},
	}
}

func (n *network) attributes() map[string]any { return map[string]any{"cidr": n.CIDR.ValueString()} }
func (n *network) take(o *object)             { n.CIDR = o.text("cidr") }

type database struct {
	common
	Engine             types.String `tfsdk:"engine"`
	Size               types.Int64  `tfsdk:"size"`
	Network            types.String `tfsdk:"network"`
	Password           types.String `tfsdk:"password"`
	PasswordWO         types.String `tfsdk:"password_wo"`
	PasswordWOVersion  types.Int64  `tfsdk:"password_wo_version"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
	Endpoint           types.String `tfsdk:"endpoint"`
	DSN                types.String `tfsdk:"dsn"`
}

func newDatabase() resource.Resource {
	return &thing[database, *database]{
		kind: "fakecloud_database",
		schema: map[string]schema.Attribute{
			"name":                schema.StringAttribute{Required: true, PlanModifiers: replaces},
			"engine":              schema.StringAttribute{Required: true, PlanModifiers: replaces},
			"size":                schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(10)},
			"network":             schema.StringAttribute{Optional: true, Description: "The id of the network that it is in."},
			"password":            schema.StringAttribute{Optional: true, Sensitive: true},
			"password_wo":         schema.StringAttribute{Optional: true, WriteOnly: true, Sensitive: true, Description: "Like password, and never in the state."},
			"password_wo_version": schema.Int64Attribute{Optional: true, Description: "To be raised when password_wo changed."},
			"deletion_protection": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false)},
			"endpoint":            schema.StringAttribute{Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
			"dsn":                 schema.StringAttribute{Computed: true, Sensitive: true, Description: "An address with the password in it."},
		},
		// What counts is what the cloud has: somebody may have switched it there.
		refuse: func(_ database, o *object) error {
			if o.flag("deletion_protection").ValueBool() {
				return fmt.Errorf("403: %s is protected against deletion; set deletion_protection to false first", o.ID)
			}
			return nil
		},
	}
}

func (d *database) attributes() map[string]any {
	out := map[string]any{
		"engine":              d.Engine.ValueString(),
		"size":                d.Size.ValueInt64(),
		"deletion_protection": d.DeletionProtection.ValueBool(),
	}
	if !d.Network.IsNull() {
		out["network"] = d.Network.ValueString()
	}
	// Clouds do not give a password back, so the folder does not have it either: a
	// test that looks for leaks finds nothing of ours there.
	if secret := d.Password.ValueString(); secret != "" {
		out["password_sha256"] = fmt.Sprintf("%x", sha256.Sum256([]byte(secret)))
	}
	return out
}

func (d *database) take(o *object) {
	d.Engine, d.Size, d.Network = o.text("engine"), o.number("size"), o.text("network")
	d.DeletionProtection = o.flag("deletion_protection")
	d.Endpoint = types.StringValue(o.ID + ".fakecloud.example:5432")
	d.DSN = types.StringValue(fmt.Sprintf("%s://admin:%s@%s", d.Engine.ValueString(), d.Password.ValueString(), d.Endpoint.ValueString()))
	d.PasswordWO = types.StringNull()
}

type bucket struct {
	common
	ForceDestroy types.Bool `tfsdk:"force_destroy"`
	Versioning   types.Bool `tfsdk:"versioning"`
}

func newBucket() resource.Resource {
	return &thing[bucket, *bucket]{
		kind: "fakecloud_bucket",
		schema: map[string]schema.Attribute{
			"name":          schema.StringAttribute{Required: true, PlanModifiers: replaces},
			"force_destroy": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false)},
			"versioning":    schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false)},
		},
		// As with real ones, it is the state that says whether it may be emptied.
		refuse: func(b bucket, o *object) error {
			if held, _ := o.Attributes["objects"].(map[string]any); len(held) > 0 && !b.ForceDestroy.ValueBool() {
				return errors.New("409: the bucket " + o.ID + " is not empty; set force_destroy to delete it with what it holds")
			}
			return nil
		},
	}
}

func (b *bucket) attributes() map[string]any {
	return map[string]any{"versioning": b.Versioning.ValueBool()}
}

func (b *bucket) take(o *object) {
	b.Versioning = o.flag("versioning")
	if b.ForceDestroy.IsNull() { // imported
		b.ForceDestroy = types.BoolValue(false)
	}
}
