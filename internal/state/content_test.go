package state

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const twoResources = `{"version":4,"terraform_version":"1.11.4","serial":3,"lineage":"l",
 "outputs":{"url":{"value":"hunter2","type":"string","sensitive":true},"ids":{"value":["a"],"type":["list","string"]}},
 "resources":[
  {"module":"module.db[0]","mode":"managed","type":"cloud_database","name":"main","provider":"module.db.provider[\"registry.terraform.io/acme/cloud\"].eu",
   "instances":[{"index_key":"eu\"1","attributes":{"size":1,"password":"hunter2"}},{"index_key":"us","status":"tainted","attributes":{"size":1}},{"index_key":"us","deposed":"0a1b","attributes":{"size":1}}]},
  {"mode":"managed","type":"cloud_bucket","name":"b","instances":[{"index_key":0,"attributes_flat":{"id":"x"}},{"index_key":1,"attributes":null}]},
  {"mode":"data","type":"cloud_zone","name":"z","instances":[{"attributes":{}}]}]}`

func parsed(t *testing.T, text string) Content {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParse(t *testing.T) {
	c := parsed(t, twoResources)
	var got []string
	for _, r := range c.Resources {
		line := r.Address
		if r.Deposed != "" {
			line += " deposed " + r.Deposed
		}
		if r.Tainted {
			line += " tainted"
		}
		got = append(got, line)
	}
	want := []string{
		"cloud_bucket.b[0]", "cloud_bucket.b[1]", "data.cloud_zone.z",
		`module.db[0].cloud_database.main["eu\"1"]`, `module.db[0].cloud_database.main["us"] tainted`, `module.db[0].cloud_database.main["us"] deposed 0a1b`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	if c.Count() != 5 || c.Serial != 3 || c.Lineage != "l" || c.Tool != "1.11.4" {
		t.Errorf("count %d serial %d lineage %s tool %s", c.Count(), c.Serial, c.Lineage, c.Tool)
	}
	if len(c.Outputs) != 2 || c.Outputs[0].Type != `["list","string"]` || !c.Outputs[1].Sensitive {
		t.Errorf("outputs %+v", c.Outputs)
	}
	if p := c.Resources[3].Provider; p != "registry.terraform.io/acme/cloud" {
		t.Errorf("provider %q", p)
	}
	sealed := parsed(t, `{"serial":1,"lineage":"l","meta":{},"encrypted_data":"eA==","encryption_version":"v0"}`)
	if !sealed.Sealed || sealed.Count() != -1 {
		t.Errorf("a state that the tool encrypts: %+v", sealed)
	}
}

func TestCompare(t *testing.T) {
	a := parsed(t, twoResources)
	b := parsed(t, strings.NewReplacer(
		`"password":"hunter2"`, `"password": "hunter3", "new":1`, // also otherwise indented
		`{"index_key":0,"attributes_flat":{"id":"x"}},`, ``,
		`"name":"z"`, `"name":"y"`,
		`"value":"hunter2"`, `"value":"hunter3"`,
		`"value":["a"]`, `"value": [ "a" ]`,
	).Replace(twoResources))
	d := Compare(a, b)
	want := Difference{
		Comparable: true, Unchanged: 3,
		Resources: []ResourceDifference{
			{Address: "cloud_bucket.b[0]", Type: "cloud_bucket", How: Removed},
			{Address: "data.cloud_zone.y", Type: "cloud_zone", How: Added},
			{Address: "data.cloud_zone.z", Type: "cloud_zone", How: Removed},
			{Address: `module.db[0].cloud_database.main["eu\"1"]`, Type: "cloud_database", How: Changed, Attributes: []string{"new", "password"}},
		},
		Outputs: []OutputDifference{{Name: "url", How: Changed, Sensitive: true}},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("Compare (-want +got):\n%s", diff)
	}
	text, err := json.Marshal(d)
	if err != nil || strings.Contains(string(text), "hunter") {
		t.Errorf("a value is in the difference: %s %v", text, err)
	}
	if d := Compare(a, parsed(t, `{"serial":1,"lineage":"l","encrypted_data":"eA=="}`)); d.Comparable {
		t.Error("what nobody can read is compared")
	}
}

func TestSpare(t *testing.T) {
	for name, tt := range map[string]struct {
		why      string
		versions []Version
		want     int
	}{
		"Oldest":    {"Runs that wrote once lose the oldest.", []Version{{Run: "a"}, {Run: "b"}, {Run: "c"}}, 0},
		"SameRun":   {"What a run wrote over itself is missed least.", []Version{{Run: "a"}, {Run: "b"}, {Run: "b"}, {Run: "c"}}, 1},
		"Person":    {"What people wrote is no part of a run.", []Version{{By: "a"}, {By: "a"}, {By: "a"}}, 0},
		"Newest":    {"The newest is never spared.", []Version{{Run: "a"}}, -1},
		"Tombstone": {"What there was before it was deleted is all that there is.", []Version{{Run: "a"}, {Deleted: true}}, -1},
		"Before":    {"It may go where something was kept after it.", []Version{{Run: "a"}, {Deleted: true}, {Run: "c"}}, 0},
		"Previous":  {"The last two of a run are its end and the one before, which a rollback wants.", []Version{{Run: "a"}, {Run: "b"}, {Run: "b"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Head{Versions: tt.versions}).spare(); got != tt.want {
				t.Errorf("%s\nspared %d, want %d", tt.why, got, tt.want)
			}
		})
	}
}

func TestKey(t *testing.T) {
	for text, good := range map[string]bool{"default": true, "prod-eu_1.2": true, "": false, "a/b": false, "..": false, ".x": false, "a b": false, strings.Repeat("x", 91): false} {
		k := Key{Workspace: text}
		k.Unit.Namespace, k.Unit.Name = "team", "net"
		if err := k.Check(); (err == nil) != good {
			t.Errorf("workspace %q: %v", text, err)
		}
	}
	if (Key{Workspace: "default"}).Check() == nil {
		t.Error("a state of nothing is let")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(twoResources), int64(4))
	f.Add([]byte(`{"serial":1,"lineage":"l","encrypted_data":"eA=="}`), int64(1))
	f.Add([]byte(`{"version":4,"serial":1,"Serial":2,"lineage":"l"}`), int64(0))
	f.Fuzz(func(t *testing.T, raw []byte, serial int64) {
		c, err := Parse(raw)
		if err != nil {
			return
		}
		Compare(c, c)
		if d := Compare(c, Content{}); !c.Sealed && !d.Comparable {
			t.Error("not compared")
		}
		if serial < 0 {
			return
		}
		again, err := withSerial(raw, serial)
		if err != nil {
			return
		}
		if got, err := Parse(again); err != nil || got.Serial != serial || got.Lineage != c.Lineage {
			t.Errorf("under another serial: %v %v", got, err)
		}
	})
}

func FuzzDecodeHead(f *testing.F) {
	k := Key{Workspace: "default"}
	k.Unit.Namespace, k.Unit.Name = "team", "net"
	good, err := Head{Format: 1, Namespace: "team", Name: "net", Workspace: "default", Next: 2, Lock: &Lock{ID: "x"}, Versions: []Version{{Number: 1, ID: "a", Parts: 1, Size: 1}}}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"format":1,"namespace":"team","name":"net","workspace":"default","versions":[{"number":9223372036854775807}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := DecodeHead(k, raw)
		if err != nil {
			return
		}
		h.Current()
		h.spare()
		text, err := h.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeHead(k, text); err != nil {
			t.Errorf("what was read is not read again: %v", err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	s, err := newSeal(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	k := Key{Workspace: "default"}
	v := Version{ID: "a", Size: 5, Key: s.fingerprint}
	good, err := s.close(k, "a", []byte("hello"))
	if err != nil {
		f.Fatal(err)
	}
	if got, err := s.open(k, v, good); err != nil || string(got) != "hello" {
		f.Fatalf("%q %v", got, err)
	}
	if _, err := s.open(Key{Workspace: "other"}, v, good); err == nil {
		f.Fatal("opened as that of another state")
	}
	f.Add(good)
	f.Add([]byte("LSS1"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got, err := s.open(k, v, raw); err == nil && string(got) != "hello" {
			t.Errorf("opened what nobody sealed: %q", got)
		}
	})
}
