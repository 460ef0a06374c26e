package form

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

func TestWrite(t *testing.T) {
	type item struct {
		Name string `json:"name"`
		Size int64  `json:"size"`
	}
	type list struct {
		Head  `json:",inline"`
		Items []item `json:"items"`
	}
	answer := list{Head: Of("ThingList"), Items: []item{{"a<b", 1000000}, {"c", 2}}}
	cases := map[string]struct {
		why  string
		form string
		want string
	}{
		"JSON":     {why: "Read by jq.", form: "json", want: "{\n  \"apiVersion\": \"cli.lockstep.dev/v1alpha1\",\n  \"kind\": \"ThingList\",\n  \"items\": [\n    {\n      \"name\": \"a<b\",\n      \"size\": 1000000\n    },\n    {\n      \"name\": \"c\",\n      \"size\": 2\n    }\n  ]\n}\n"},
		"YAML":     {why: "Read by people.", form: "yaml", want: "apiVersion: cli.lockstep.dev/v1alpha1\nitems:\n- name: a<b\n  size: 1000000\n- name: c\n  size: 2\nkind: ThingList\n"},
		"JSONL":    {why: "One thing a line.", form: "jsonl", want: "{\"name\":\"a<b\",\"size\":1000000}\n{\"name\":\"c\",\"size\":2}\n"},
		"Template": {why: "Numbers stay as they are, and a line ends.", form: "template={{range .items}}{{.name}}={{.size}} {{end}}", want: "a<b=1000000 c=2 \n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f, err := Parse(tc.form, Listing)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := f.Write(&out, answer, answer.Items[0], answer.Items[1]); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("%s\nWrite (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for _, value := range []string{"xml", "template={{", "patch"} {
		if _, err := Parse(value, Listing); !errors.Is(err, fault.KindUsage) {
			t.Errorf("-o %s: got %v, want a Usage", value, err)
		}
	}
	f, err := Parse("", Listing)
	if err != nil || !f.Is(Table) {
		t.Errorf("no -o: got %v, %v, want the first form", f, err)
	}
}
