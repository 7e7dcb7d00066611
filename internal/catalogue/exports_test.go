package catalogue

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// packages are the folders of the packages that programs import.
var packages = []string{"calib", "exprgraph", "model", "ops", "ptq", "qtensor"}

// TestEveryPackage compares packages with the folders of the module that hold an importable package.
func TestEveryPackage(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		files, err := filepath.Glob(filepath.Join("../..", e.Name(), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) > 0 && e.Name() != "bench" && e.Name() != ".ci" {
			found = append(found, e.Name())
		}
	}
	if !slices.Equal(found, packages) {
		t.Errorf("got packages %q in the module, want %q: add what is new to packages", found, packages)
	}
}

// exported is what the sources of a package export, as "pkg.Name", and the docs of methods by
// "pkg.Type.Name".
type exported struct {
	functions, types []string
	methods          map[string]string
}

func exports(pkg string) (exported, error) {
	all := exported{methods: map[string]string{}}
	files, err := filepath.Glob(filepath.Join("../..", pkg, "*.go"))
	if err != nil || len(files) == 0 {
		return all, fmt.Errorf("package %s: %d files, error %w", pkg, len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return all, err
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				switch {
				case d.Recv != nil:
					of := strings.TrimPrefix(types.ExprString(d.Recv.List[0].Type), "*")
					all.methods[pkg+"."+of+"."+d.Name.Name] = strings.Join(strings.Fields(d.Doc.Text()), " ")
				case d.Name.IsExported():
					all.functions = append(all.functions, pkg+"."+d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() {
						name := pkg + "." + s.Name.Name
						if s.Assign.IsValid() { // an alias, which reflection knows by what it stands for
							name = types.ExprString(s.Type)
						}
						all.types = append(all.types, name)
					}
				}
			}
		}
	}
	return all, nil
}

// TestEveryExport compares the entries with the export lists.
func TestEveryExport(t *testing.T) {
	var functions, kinds []string
	docs := map[string]string{}
	for _, pkg := range packages {
		all, err := exports(pkg)
		if err != nil {
			t.Fatal(err)
		}
		functions, kinds = append(functions, all.functions...), append(kinds, all.types...)
		maps.Copy(docs, all.methods)
	}
	named := map[string]bool{}
	for _, of := range exportedTypes {
		named[of.String()] = true
	}
	for name, words := range exceptions {
		if !strings.Contains(docs[name], words) {
			t.Errorf("%s panics and is documented as %q, want it to say %q", name, docs[name], words)
		}
	}
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"functions", slices.Sorted(maps.Keys(entries)), slices.Sorted(slices.Values(functions))},
		{"types", slices.Sorted(maps.Keys(named)), slices.Sorted(slices.Values(kinds))},
	} {
		for _, name := range c.want {
			if !slices.Contains(c.got, name) {
				t.Errorf("%s has no entry among the %s", name, c.what)
			}
		}
		for _, name := range c.got {
			if !slices.Contains(c.want, name) {
				t.Errorf("%s has an entry among the %s and is not exported", name, c.what)
			}
		}
	}
	t.Logf("%d functions and %d types", len(functions), len(kinds))
}

// TestEntriesAreWhatTheySay compares the name of each entry with that of its function.
func TestEntriesAreWhatTheySay(t *testing.T) {
	for name, f := range entries {
		if got := nameOf(reflect.ValueOf(f)); got != name {
			t.Errorf("the entry of %s is %s", name, got)
		}
	}
}
