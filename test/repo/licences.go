package repo

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// shipped are the packages of the root module whose dependencies end up with a
// user.
var shipped = []string{"./api/...", "./cmd/...", "./internal/..."}

// families are the licences that we may link, by a phrase that only their text
// has. Order matters where one text quotes another.
var families = []struct {
	name   string
	phrase *regexp.Regexp
}{
	{"Apache-2.0", phrase(`Apache License,? Version 2\.0`)},
	{"MPL-2.0", phrase(`Mozilla Public License,? (Version|v\.?) ?2\.0`)},
	{"CC0-1.0", phrase(`CC0 1\.0 Universal`)},
	{"ISC", phrase(`Permission to use, copy, modify, and(/or)? distribute this software for any purpose with or without fee`)},
	{"MIT", phrase(`Permission is hereby granted, free of charge, to any person obtaining a copy`)},
	{"BSD", phrase(`Redistribution and use in source and binary forms, with or without modification, are permitted`)},
}

// foreign are licences whose text would be taken for one of families, or which
// are worth naming when they turn up.
var foreign = regexp.MustCompile(`(?i)GNU (AFFERO |LESSER )?GENERAL PUBLIC LICENSE\s+Version|Server Side Public License|Business Source License|Commons Clause`)

// phrase matches words however they are wrapped, also where each line of the text
// is quoted or commented.
func phrase(words string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)` + strings.ReplaceAll(words, " ", `\s+(?:[>#*/]+\s+)?`))
}

// Licence returns the family that the text of a licence belongs to, or "" with
// what is wrong.
func Licence(text string) (family, problem string) {
	if m := foreign.FindString(text); m != "" && !strings.Contains(text, "Exhibit B") {
		return "", "has the " + strings.Join(strings.Fields(m), " ")
	}
	for _, f := range families {
		if f.phrase.MatchString(text) {
			return f.name, ""
		}
	}
	return "", "has a licence that test/repo/licences.go does not know"
}

// Licences classifies the licence of each module that is linked into what we
// ship, looking at the module's own files.
func Licences(root string) (map[string]string, []Problem, error) {
	args := append([]string{"list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}"}, shipped...)
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stderr = os.Stderr
	listed, err := cmd.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go list: %w", err)
	}
	modules := strings.Split(strings.TrimSpace(string(listed)), "\n")
	slices.Sort(modules)

	found := map[string]string{}
	var problems []Problem
	for _, m := range slices.Compact(modules) {
		module, dir, ok := strings.Cut(m, " ")
		if !ok {
			continue
		}
		family, what := moduleLicence(dir)
		if what != "" {
			problems = append(problems, Problem{module, what, "Lockstep is Apache-2.0 and links only what may be passed on under it"})
		}
		found[module] = family
	}
	return found, problems, nil
}

// moduleLicence reads the first licence of a module's root that is of a known
// family. A module under several licences lets us choose.
func moduleLicence(dir string) (family, problem string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", "is not in the module cache: " + err.Error()
	}
	problem = "has no licence file"
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !(strings.Contains(name, "LICEN") || strings.HasPrefix(name, "COPYING")) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err.Error()
		}
		if family, problem = Licence(string(text)); family != "" {
			return family, ""
		}
	}
	return "", problem
}
