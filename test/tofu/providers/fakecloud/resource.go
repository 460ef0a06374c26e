package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// common is what all resources have, and how one is told to go wrong.
type common struct {
	ID   types.String `tfsdk:"id"`
	Name types.String `tfsdk:"name"`
	Tags types.Map    `tfsdk:"tags"`

	CreateSeconds types.Float64 `tfsdk:"create_seconds"`
	UpdateSeconds types.Float64 `tfsdk:"update_seconds"`
	DeleteSeconds types.Float64 `tfsdk:"delete_seconds"`
	FailOn        types.String  `tfsdk:"fail_on"`
	FailWith      types.String  `tfsdk:"fail_with"`
	HangOn        types.String  `tfsdk:"hang_on"`
	CrashOn       types.String  `tfsdk:"crash_on"`
}

// model is a resource's schema as a struct.
type model[S any] interface {
	*S
	shared() *common
	// attributes are what the cloud is asked for.
	attributes() map[string]any
	// take is what the cloud has.
	take(o *object)
}

// thing is the resource of every type: what differs is in its model.
type thing[S any, M model[S]] struct {
	kind   string
	schema map[string]schema.Attribute
	// refuse says why an object must not be deleted, or nothing.
	refuse func(S, *object) error
	cloud  *cloud
}

func (c *common) shared() *common { return c }

func (c *common) wishes(seconds types.Float64) wishes {
	return wishes{
		fail:    c.FailOn.ValueString(),
		hang:    c.HangOn.ValueString(),
		crash:   c.CrashOn.ValueString(),
		message: c.FailWith.ValueString(),
		seconds: seconds.ValueFloat64(),
	}
}

func (r *thing[S, M]) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = r.kind
}

func (r *thing[S, M]) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"id":             schema.StringAttribute{Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
		"tags":           schema.MapAttribute{Optional: true, ElementType: types.StringType},
		"create_seconds": schema.Float64Attribute{Optional: true, Description: "How long creating takes."},
		"update_seconds": schema.Float64Attribute{Optional: true},
		"delete_seconds": schema.Float64Attribute{Optional: true},
		"fail_on":        schema.StringAttribute{Optional: true, Description: "Operations that fail half way: create, create-untracked (the object exists, the state does not know it), read, update, delete; separated by commas."},
		"fail_with":      schema.StringAttribute{Optional: true, Description: "What the error says."},
		"hang_on":        schema.StringAttribute{Optional: true, Description: "Operations that never return."},
		"crash_on":       schema.StringAttribute{Optional: true, Description: "Operations in which the provider panics."},
	}
	maps.Copy(attributes, r.schema)
	resp.Schema = schema.Schema{Attributes: attributes}
}

func (r *thing[S, M]) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if c, is := req.ProviderData.(*cloud); is {
		r.cloud = c
	}
}

func (r *thing[S, M]) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("id"), req, resp)
}

func (r *thing[S, M]) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var s S
	resp.Diagnostics.Append(req.Plan.Get(ctx, &s)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m := M(&s)
	c := m.shared()
	call := r.cloud.begin("create", r.kind, "", c.Name.ValueString())
	o := &object{Type: r.kind, Name: c.Name.ValueString(), Status: "creating", Attributes: r.asked(m)}
	err := r.cloud.add(o)
	if err == nil {
		call.ID = o.ID
		err = call.halfway(ctx, c.wishes(c.CreateSeconds))
		if err == nil {
			o.Status = "ready"
			err = r.cloud.save(o)
		}
		if err == nil || !has(c.FailOn.ValueString(), "create-untracked") {
			r.take(m, o)
			resp.Diagnostics.Append(resp.State.Set(ctx, &s)...)
		}
	}
	call.end(err)
	if err != nil {
		resp.Diagnostics.AddError(fmt.Sprintf("Creating %s %q failed", r.kind, c.Name.ValueString()), err.Error())
	}
}

func (r *thing[S, M]) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var s S
	resp.Diagnostics.Append(req.State.Get(ctx, &s)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m := M(&s)
	c := m.shared()
	call := r.cloud.begin("read", r.kind, c.ID.ValueString(), c.Name.ValueString())
	o, err := r.cloud.load(c.ID.ValueString())
	if err == nil {
		err = call.halfway(ctx, c.wishes(types.Float64Null()))
	}
	call.end(err)
	if err != nil {
		resp.Diagnostics.AddError(fmt.Sprintf("Reading %s %q failed", r.kind, c.ID.ValueString()), err.Error())
		return
	}
	if o == nil {
		resp.State.RemoveResource(ctx)
		return
	}
	r.take(m, o)
	resp.Diagnostics.Append(resp.State.Set(ctx, &s)...)
}

func (r *thing[S, M]) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var s S
	resp.Diagnostics.Append(req.Plan.Get(ctx, &s)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m := M(&s)
	c := m.shared()
	call := r.cloud.begin("update", r.kind, c.ID.ValueString(), c.Name.ValueString())
	o, err := r.update(ctx, call, m)
	call.end(err)
	if o != nil {
		r.take(m, o)
		resp.Diagnostics.Append(resp.State.Set(ctx, &s)...)
	}
	if err != nil {
		resp.Diagnostics.AddError(fmt.Sprintf("Updating %s %q failed", r.kind, c.ID.ValueString()), err.Error())
	}
}

// update writes the first half of what changes before the middle and the rest
// after it, so that a failure leaves an object that is neither old nor new.
func (r *thing[S, M]) update(ctx context.Context, call *call, m M) (*object, error) {
	c := m.shared()
	o, err := r.cloud.load(c.ID.ValueString())
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, fmt.Errorf("404: there is no %s", c.ID.ValueString())
	}
	want := r.asked(m)
	var changed []string
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if fmt.Sprint(o.Attributes[k]) != fmt.Sprint(want[k]) {
			changed = append(changed, k)
		}
	}
	for _, k := range changed[:(len(changed)+1)/2] {
		o.Attributes[k] = want[k]
	}
	o.Status = "updating"
	if err := r.cloud.save(o); err != nil {
		return nil, err
	}
	if err := call.halfway(ctx, c.wishes(c.UpdateSeconds)); err != nil {
		return o, err
	}
	o.Name, o.Status, o.Attributes = c.Name.ValueString(), "ready", want
	return o, r.cloud.save(o)
}

func (r *thing[S, M]) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var s S
	resp.Diagnostics.Append(req.State.Get(ctx, &s)...)
	if resp.Diagnostics.HasError() {
		return
	}
	c := M(&s).shared()
	call := r.cloud.begin("delete", r.kind, c.ID.ValueString(), c.Name.ValueString())
	err := r.delete(ctx, call, s)
	call.end(err)
	if err != nil {
		resp.Diagnostics.AddError(fmt.Sprintf("Deleting %s %q failed", r.kind, c.ID.ValueString()), err.Error())
	}
}

func (r *thing[S, M]) delete(ctx context.Context, call *call, s S) error {
	c := M(&s).shared()
	o, err := r.cloud.load(c.ID.ValueString())
	if err != nil || o == nil {
		return err
	}
	if r.refuse != nil {
		if err := r.refuse(s, o); err != nil {
			return err
		}
	}
	o.Status = "deleting"
	if err := r.cloud.save(o); err != nil {
		return err
	}
	if err := call.halfway(ctx, c.wishes(c.DeleteSeconds)); err != nil {
		return err
	}
	return r.cloud.remove(o.ID)
}

func (r *thing[S, M]) asked(m M) map[string]any {
	out := m.attributes()
	for k, v := range m.shared().Tags.Elements() {
		out["tag:"+k] = v.(types.String).ValueString()
	}
	return out
}

func (r *thing[S, M]) take(m M, o *object) {
	c := m.shared()
	c.ID, c.Name = types.StringValue(o.ID), types.StringValue(o.Name)
	tags := map[string]string{}
	for k, v := range o.Attributes {
		if len(k) > 4 && k[:4] == "tag:" {
			tags[k[4:]] = fmt.Sprint(v)
		}
	}
	// No tags and no argument are the same thing to the cloud.
	if len(tags) > 0 || len(c.Tags.Elements()) > 0 {
		c.Tags, _ = types.MapValueFrom(context.Background(), types.StringType, tags)
	}
	m.take(o)
}

// text, number and flag read an attribute of an object that a test may have edited.
func (o *object) text(key string) types.String {
	if v, is := o.Attributes[key].(string); is {
		return types.StringValue(v)
	}
	return types.StringNull()
}

func (o *object) number(key string) types.Int64 {
	switch v := o.Attributes[key].(type) {
	case float64:
		return types.Int64Value(int64(v))
	case int64:
		return types.Int64Value(v)
	}
	return types.Int64Null()
}

func (o *object) flag(key string) types.Bool {
	v, _ := o.Attributes[key].(bool)
	return types.BoolValue(v)
}
