package expr

import (
	"errors"
	"testing"
)

func object() Object {
	return Bind(map[string]any{
		"metadata": map[string]any{"name": "a", "generation": int64(2), "labels": map[string]any{"a.b/c": "x"}},
		"spec":     map[string]any{"replicas": int64(3), "half": 0.5},
		"status": map[string]any{
			"phase": "Running", "ready": int64(1), "nothing": nil,
			"conditions": []any{
				map[string]any{"type": "Ready", "status": "True", "reason": "Fine", "observedGeneration": int64(2)},
				map[string]any{"type": "Old", "status": "False"},
				"no condition",
			},
		},
	})
}

func TestTests(t *testing.T) {
	for source, want := range map[string]string{
		`true`:                                "true",
		`status.phase == "Running"`:           "true",
		`self.status.phase == "Failed"`:       "false",
		`condition("Ready").status == "True"`: "true",
		`condition("None").status == ""`:      "true",
		`condition("Ready").observedGeneration == metadata.generation`: "true",
		`condition("None").observedGeneration == 0`:                    "true",
		`status.absent == "x"`:                                         "missing",
		`status.absent.deeper == "x"`:                                  "missing",
		`spec.absent["x"].y == 1`:                                      "missing",
		`status.nothing.x == 1`:                                        "missing",
		`has(status.absent.deeper)`:                                    "missing",
		`has(status.absent)`:                                           "false",
		`has(status.phase) && !has(status.absent)`:                     "true",
		`status.absent == "x" || status.phase != ""`:                   "true",
		`status.phase == "" && status.absent == "x"`:                   "false",
		`status.?absent.orValue("") == ""`:                             "true",
		`status.?absent.deeper.orValue("d") == "d"`:                    "true",
		`status.?phase.orValue("") == "Running"`:                       "true",
		`self.?status.?ready.orValue(0) < spec.replicas`:               "true",
		`status.ready < spec.replicas`:                                 "true",
		`spec.half < spec.replicas`:                                    "true",
		`conditions[0].type == "Ready"`:                                "true",
		`conditions[5].type == "Ready"`:                                "missing",
		`status.conditions[1]["type"] == "Old"`:                        "true",
		`conditions.exists(c, c.type == "Old" && c.status == "False")`: "true",
		`conditions.filter(c, c.status != "True").size() == 1`:         "true",
		`metadata.labels["a.b/c"] == "x"`:                              "true",
		`"x" in metadata.labels`:                                       "false",
		`status.phase in ["Running", "Done"]`:                          "true",
		`status.phase.lowerAscii().startsWith("run")`:                  "true",
		`sets.contains(["a", "b"], ["a"])`:                             "true",
		`[1, 2, 3].slice(0, 1) == [1]`:                                 "true",
		`status.phase > 3`:                                             "error",
		`status.phase`:                                                 "error",
		`1 / (spec.replicas - 3) == 1`:                                 "error",
		`spec.replicas.x == 1`:                                         "error",
	} {
		t.Run(source, func(t *testing.T) {
			test, err := CompileTest(source)
			if err != nil {
				t.Fatal(err)
			}
			got := "false"
			switch yes, err := test.True(object()); {
			case errors.Is(err, ErrMissing):
				got = "missing"
			case err != nil:
				got = "error"
				t.Log(err)
			case yes:
				got = "true"
			}
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	for source, want := range map[string]string{
		``:                                "",
		`condition("Ready").statu == "x"`: `column 19: a condition has no field "statu"`,
		`stauts.phase == "x"`:             "column 1: undeclared reference to 'stauts'",
		`status.phase == `:                "",
		`"text"`:                          "it gives a string where a bool is needed",
		"true &&\n  nope()":               "line 2, column 7: undeclared reference to 'nope'",
	} {
		t.Run(source, func(t *testing.T) {
			_, err := CompileTest(source)
			if err == nil {
				t.Fatal("compiled")
			}
			if want != "" && err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
			t.Log(err)
		})
	}
}
