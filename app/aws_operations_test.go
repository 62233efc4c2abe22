package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/s3"
)

const (
	module  = "github.com/approval-relay/approval-relay/"
	sdk     = "github.com/aws/aws-sdk-go-v2/"
	service = sdk + "service/"
)

// uncalled are operations in the source of Watermill's SNS and SQS packages that this program never reaches: it only
// lets them subscribe a queue to a topic.
func uncalled() []string {
	return []string{"SNS.CreateTopic", "SQS.DeleteMessage"}
}

// Every call of an AWS client in the program, and in the libraries that the program lets call AWS, is an operation
// that the metrics know.
func TestAWSOperationsAreComplete(t *testing.T) {
	t.Parallel()
	program := listProgram(t)
	found := map[string]string{} // operation: position
	for _, p := range program.callers(t) {
		program.findOperations(t, p, found)
	}
	for _, operation := range uncalled() {
		require.Contains(t, found, operation, "it is not in the source any more: remove it from uncalled")
		delete(found, operation)
	}
	known := AWSOperations()
	for operation, position := range found {
		require.Contains(t, known, operation, "%s calls it: name it in AWSOperations of the adapter's settings, or of package app", position)
	}
	for _, operation := range known {
		if operation == s3.Operation || operation == s3.HeadOperation { // made without the SDK's client
			continue
		}
		require.Contains(t, found, operation, "the program does not call it any more")
	}
}

// The check finds a planted call of each shape: of a client, of a narrow interface, as a method value, and of
// clients that a credentials provider and a paginator are given.
func TestAWSOperationsPlanted(t *testing.T) {
	t.Parallel()
	const source = `package planted
import (
	"context"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)
type narrow interface {
	PurgeQueue(context.Context, *sqs.PurgeQueueInput, ...func(*sqs.Options)) (*sqs.PurgeQueueOutput, error)
	Close() error
}
func planted(ctx context.Context, client *sqs.Client, api narrow, roles *sts.Client, table *dynamodb.Client) any {
	_, _ = client.ListQueues(ctx, nil)
	_, _ = api.PurgeQueue(ctx, nil)
	_ = api.Close()
	_ = stscreds.NewAssumeRoleProvider(roles, "role")
	_ = dynamodb.NewScanPaginator(table, nil)
	return client.TagQueue
}`
	program := listProgram(t)
	file, err := parser.ParseFile(program.files, "planted.go", source, 0)
	require.NoError(t, err)
	found := map[string]string{}
	program.findInFiles(t, "planted", []*ast.File{file}, found)
	require.ElementsMatch(t, []string{
		"SQS.ListQueues", "SQS.PurgeQueue", "SQS.TagQueue", "STS.AssumeRole", "DynamoDB.Scan",
	}, keysOf(found))
}

// listedPackage is a package as "go list" describes it.
type listedPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Export     string // the file with its export data
	Standard   bool
}

// program is the packages that the binary is made of.
type program struct {
	files    *token.FileSet
	packages map[string]listedPackage
	imports  types.Importer
}

func listProgram(t *testing.T) *program {
	t.Helper()
	p := &program{files: token.NewFileSet(), packages: map[string]listedPackage{}}
	const fields = "-json=ImportPath,Dir,GoFiles,Imports,Export,Standard"
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-export", fields, module+"cmd/approval-relay")
	list.Stderr = os.Stderr
	out, err := list.Output()
	require.NoError(t, err)
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var listed listedPackage
		err := decoder.Decode(&listed)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		p.packages[listed.ImportPath] = listed
	}
	p.imports = importer.ForCompiler(p.files, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(p.packages[path].Export)
	})
	return p
}

// callers returns the packages that import a service of the SDK: ours, and the libraries that call AWS for us. The
// SDK's own packages are left out: handedOver finds the clients that we give them, and outbound.ObserveCalls does not
// see their search for credentials at the start.
func (p *program) callers(t *testing.T) []listedPackage {
	t.Helper()
	var callers []listedPackage
	var libraries []string
	for _, listed := range p.packages {
		usesService := slices.ContainsFunc(listed.Imports, func(path string) bool { return strings.HasPrefix(path, service) })
		if !usesService || strings.HasPrefix(listed.ImportPath, sdk) {
			continue
		}
		if !strings.HasPrefix(listed.ImportPath, module) {
			libraries = append(libraries, listed.ImportPath)
		}
		callers = append(callers, listed)
	}
	require.ElementsMatch(t, []string{
		"github.com/ThreeDotsLabs/watermill-aws/sns", "github.com/ThreeDotsLabs/watermill-aws/sqs",
	}, libraries, "another library calls AWS: read how it does, and whether outbound.ObserveCalls sees it")
	require.Greater(t, len(callers), 8)
	return callers
}

func (p *program) findOperations(t *testing.T, listed listedPackage, found map[string]string) {
	t.Helper()
	var files []*ast.File
	for _, name := range listed.GoFiles {
		file, err := parser.ParseFile(p.files, filepath.Join(listed.Dir, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	p.findInFiles(t, listed.ImportPath, files, found)
}

// findInFiles adds the operations that a package's files call.
func (p *program) findInFiles(t *testing.T, path string, files []*ast.File, found map[string]string) {
	t.Helper()
	info := &types.Info{
		Selections: map[*ast.SelectorExpr]*types.Selection{},
		Types:      map[ast.Expr]types.TypeAndValue{},
	}
	config := types.Config{Importer: p.imports}
	_, err := config.Check(path, p.files, files, info)
	require.NoError(t, err)
	add := func(operation string, at token.Pos) {
		if operation != "" {
			found[operation] = p.files.Position(at).String()
		}
	}
	for expression, selection := range info.Selections {
		if method, ok := selection.Obj().(*types.Func); ok {
			add(operationOf(method), expression.Pos())
		}
	}
	for expression, value := range info.Types {
		call, ok := expression.(*ast.CallExpr)
		if !ok || value.IsType() {
			continue
		}
		for _, operation := range handedOver(info, call) {
			add(operation, call.Pos())
		}
	}
}

// operationOf returns the operation that a method calls, or "" if it does not have the signature of the SDK:
// func(context.Context, *XInput, ...func(*Options)) (*XOutput, error).
func operationOf(method *types.Func) string {
	signature := method.Signature()
	if !signature.Variadic() || signature.Params().Len() != 3 || signature.Recv() == nil {
		return ""
	}
	pointer, ok := signature.Params().At(1).Type().(*types.Pointer)
	if !ok {
		return ""
	}
	input, ok := pointer.Elem().(*types.Named)
	if !ok || input.Obj().Name() != method.Name()+"Input" || input.Obj().Pkg() == nil {
		return ""
	}
	return nameIn(input.Obj().Pkg(), method.Name())
}

// handedOver returns the operations that the SDK may call by itself after a call of its functions: those of the
// narrow interfaces among the parameters, such as the client of a paginator, a waiter or a credentials provider.
func handedOver(info *types.Info, call *ast.CallExpr) []string {
	signature, ok := info.TypeOf(call.Fun).Underlying().(*types.Signature)
	if !ok {
		return nil
	}
	var operations []string
	for i := range min(signature.Params().Len(), len(call.Args)) {
		named, ok := signature.Params().At(i).Type().(*types.Named)
		if !ok || named.Obj().Pkg() == nil || !strings.HasPrefix(named.Obj().Pkg().Path(), sdk) {
			continue
		}
		api, ok := named.Underlying().(*types.Interface)
		if !ok {
			continue
		}
		for method := range api.Methods() {
			operations = append(operations, operationOf(method))
		}
	}
	return operations
}

// nameIn returns the operation as outbound.ObserveCalls names it, or "" if the package is not a service of the SDK.
func nameIn(p *types.Package, method string) string {
	if !strings.HasPrefix(p.Path(), service) {
		return ""
	}
	id, ok := p.Scope().Lookup("ServiceID").(*types.Const)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s.%s", strings.ReplaceAll(constant.StringVal(id.Val()), " ", ""), method)
}

func keysOf[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}
