package model_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"euryale/model"
)

// aliases are the exported names of package model that are types of internal packages, of which go doc shows
// nothing but what their comment says.
var aliases = map[string]reflect.Type{
	"Network":     reflect.TypeFor[model.Network](),
	"Node":        reflect.TypeFor[model.Node](),
	"Value":       reflect.TypeFor[model.Value](),
	"Constant":    reflect.TypeFor[model.Constant](),
	"Trained":     reflect.TypeFor[model.Trained](),
	"Dim":         reflect.TypeFor[model.Dim](),
	"Op":          reflect.TypeFor[model.Op](),
	"Array":       reflect.TypeFor[model.Array](),
	"Type":        reflect.TypeFor[model.Type](),
	"Activations": reflect.TypeFor[model.Activations](),
}

// TestAliasesShowTheirTypes compares the Go declarations in the comment of each alias with the exported
// fields and methods that its type has. A type without an alias is declared in the comment of the one that
// leads to it.
func TestAliasesShowTheirTypes(t *testing.T) {
	comments := aliasComments(t)
	if got, want := slices.Sorted(maps.Keys(comments)), slices.Sorted(maps.Keys(aliases)); !slices.Equal(got, want) {
		t.Fatalf("got aliases %q, want %q: add them to this test", got, want)
	}
	compared := 0
	for name, of := range aliases {
		got, want := declared(t, name, comments[name]), map[string]string{}
		members(of, name, want)
		for _, key := range slices.Sorted(maps.Keys(want)) {
			if got[key] != want[key] {
				t.Errorf("the doc of %s has %q for %s, want %q", name, got[key], key, want[key])
			}
			delete(got, key)
			compared++
		}
		for key := range got {
			t.Errorf("the doc of %s has %s, which is not there", name, key)
		}
	}
	t.Logf("compared %d fields and methods of %d aliases", compared, len(aliases))
}

// aliasComments returns the comments of the exported aliases in the source of package model.
func aliasComments(t *testing.T) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok || d.Tok != token.TYPE {
				continue
			}
			for _, s := range d.Specs {
				if s := s.(*ast.TypeSpec); s.Assign.IsValid() && s.Name.IsExported() {
					comments[s.Name.Name] = s.Doc.Text() + d.Doc.Text()
				}
			}
		}
	}
	return comments
}

// declared returns what the indented lines of a comment declare, by type and member.
func declared(t *testing.T, name, comment string) map[string]string {
	t.Helper()
	source := "package p\n"
	for line := range strings.Lines(comment) {
		if strings.HasPrefix(line, "\t") && !strings.Contains(line, "·") { // no equation
			source += line
		}
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("the doc of %s: %v", name, err)
	}
	list := map[string]string{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			receiver := strings.TrimPrefix(types.ExprString(d.Recv.List[0].Type), "*")
			list[receiver+"."+d.Name.Name] = signature(d.Type)
		case *ast.GenDecl:
			s := d.Specs[0].(*ast.TypeSpec)
			switch of := s.Type.(type) {
			case *ast.StructType:
				list[s.Name.Name] = "struct"
				addFields(list, s.Name.Name, of.Fields)
			case *ast.InterfaceType:
				list[s.Name.Name] = "interface"
				addFields(list, s.Name.Name, of.Methods)
			default:
				list[s.Name.Name] = types.ExprString(of)
			}
		}
	}
	return list
}

func addFields(list map[string]string, of string, fields *ast.FieldList) {
	for _, f := range fields.List {
		for _, n := range f.Names {
			if method, ok := f.Type.(*ast.FuncType); ok {
				list[of+"."+n.Name] = signature(method)
				continue
			}
			list[of+"."+n.Name] = types.ExprString(f.Type)
		}
	}
}

// signature returns a function's type as package reflect writes it, without the names of what it takes.
func signature(f *ast.FuncType) string {
	of := func(list *ast.FieldList) (all []string) {
		if list == nil {
			return nil
		}
		for _, p := range list.List {
			for range max(1, len(p.Names)) {
				all = append(all, types.ExprString(p.Type))
			}
		}
		return all
	}
	results := of(f.Results)
	text := "func(" + strings.Join(of(f.Params), ", ") + ") " + strings.Join(results, ", ")
	if len(results) > 1 {
		text = "func(" + strings.Join(of(f.Params), ", ") + ") (" + strings.Join(results, ", ") + ")"
	}
	return text
}

var (
	// internalName is the name of a package under internal before a type.
	internalName = regexp.MustCompile(`\b(ir|nn)\.`)
	// receiverName is the receiver in the type of a method, and what follows it.
	receiverName = regexp.MustCompile(`^func\([^,)]*(, )?`)
)

// written returns a type as source has it.
func written(t reflect.Type) string {
	return strings.ReplaceAll(internalName.ReplaceAllString(t.String(), ""), "uint8", "byte")
}

// members adds the exported fields and methods of a type, and of the types that lead from it to no alias.
func members(of reflect.Type, name string, list map[string]string) {
	list[name] = of.Kind().String()
	receiver := of
	if of.Kind() != reflect.Interface {
		receiver = reflect.PointerTo(of)
	}
	for m := range receiver.Methods() {
		list[name+"."+m.Name] = written(m.Type)
		if of.Kind() != reflect.Interface {
			list[name+"."+m.Name] = receiverName.ReplaceAllString(written(m.Type), "func(")
		}
	}
	if of.Kind() != reflect.Struct {
		return
	}
	for f := range of.Fields() {
		if !f.IsExported() {
			continue
		}
		list[name+"."+f.Name] = written(f.Type)
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map {
			inner = inner.Elem()
		}
		if strings.Contains(inner.PkgPath(), "/internal/") && aliases[inner.Name()] == nil && list[inner.Name()] == "" {
			members(inner, inner.Name(), list)
		}
	}
}
