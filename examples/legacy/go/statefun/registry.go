package statefun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"reflect"

	"google.golang.org/protobuf/proto"

	"holdfast.example/legacy/statefun/internal/protocol"
)

const (
	contentType     = "application/octet-stream"
	requestBytesMax = 64 << 20
)

// FunctionRegistry serves functions: over HTTP, or with Invoke behind anything else that brings requests.
type FunctionRegistry interface {
	http.Handler
	// RegisterFunction takes a pointer to a struct. Each batch is handled by a copy of that struct, with its own states: what batches
	// share belongs behind pointers in it.
	RegisterFunction(functionType FunctionType, function StatefulFunction) error
	// Invoke answers one request of the runtime.
	Invoke(ctx context.Context, request []byte) ([]byte, error)
}

// NewFunctionRegistry gives an empty one. Register before serving.
func NewFunctionRegistry() FunctionRegistry { return &registry{map[FunctionType]*registered{}} }

type registry struct {
	functions map[FunctionType]*registered
}

type registered struct {
	original reflect.Value // Of the struct.
	states   []declaredState
}

// errBadRequest is wrapped by what the runtime should not have asked.
var errBadRequest = errors.New("bad request")

func (r *registry) RegisterFunction(functionType FunctionType, function StatefulFunction) error {
	pointer := reflect.ValueOf(function)
	if pointer.Kind() != reflect.Ptr || pointer.IsNil() || pointer.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("%s: expected a pointer to a struct, got %T", functionType, function)
	}
	if _, taken := r.functions[functionType]; taken {
		return fmt.Errorf("%s is registered already", functionType)
	}
	states, err := declaredStates(pointer.Elem().Type())
	if err != nil {
		return fmt.Errorf("%s: %w", functionType, err)
	}
	r.functions[functionType] = &registered{pointer.Elem(), states}
	return nil
}

func (r *registry) Invoke(ctx context.Context, request []byte) ([]byte, error) {
	var message protocol.ToFunction
	if err := proto.Unmarshal(request, &message); err != nil {
		return nil, fmt.Errorf("%w: %v", errBadRequest, err)
	}
	batch := message.GetInvocation()
	self := fromWire(batch.GetTarget())
	if self == nil {
		return nil, fmt.Errorf("%w: no target", errBadRequest)
	}
	function, known := r.functions[self.FunctionType]
	if !known {
		return nil, fmt.Errorf("%w: no function %s here", errBadRequest, self.FunctionType)
	}
	answer, err := function.handle(ctx, self, batch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", self, err)
	}
	return proto.Marshal(answer)
}

func (f *registered) handle(ctx context.Context, self *Address, batch *protocol.ToFunction_InvocationBatchRequest) (*protocol.FromFunction, error) {
	given := map[string][]byte{}
	for _, state := range batch.GetState() {
		given[state.GetStateName()] = state.GetStateValue()
	}
	if missing := f.missing(given); len(missing) > 0 {
		return &protocol.FromFunction{Response: &protocol.FromFunction_IncompleteInvocationContext_{
			IncompleteInvocationContext: &protocol.FromFunction_IncompleteInvocationContext{MissingValues: missing}}}, nil
	}

	copied := reflect.New(f.original.Type())
	copied.Elem().Set(f.original)
	states := make([]*stateValue, len(f.states))
	for i, declared := range f.states {
		state, err := newStateValue(declared.spec.GetStateName(), given[declared.spec.GetStateName()])
		if err != nil {
			return nil, err
		}
		states[i] = state
		copied.Elem().Field(declared.field).Set(reflect.ValueOf(state))
	}

	out := &output{&protocol.FromFunction_InvocationResponse{}}
	ctx = context.WithValue(ctx, selfKey, self)
	for _, invocation := range batch.GetInvocations() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		with := context.WithValue(ctx, callerKey, fromWire(invocation.GetCaller()))
		if err := copied.Interface().(StatefulFunction).Invoke(with, out, invocation.GetArgument()); err != nil {
			return nil, err
		}
	}
	for _, state := range states {
		mutation, err := state.mutation()
		if err != nil {
			return nil, err
		}
		if mutation != nil {
			out.response.StateMutations = append(out.response.StateMutations, mutation)
		}
	}
	return &protocol.FromFunction{Response: &protocol.FromFunction_InvocationResult{InvocationResult: out.response}}, nil
}

// missing are the states that the runtime does not know yet: it names all that it knows, with or without a value.
func (f *registered) missing(given map[string][]byte) []*protocol.FromFunction_PersistedValueSpec {
	var missing []*protocol.FromFunction_PersistedValueSpec
	for _, state := range f.states {
		if _, known := given[state.spec.GetStateName()]; !known {
			missing = append(missing, state.spec)
		}
	}
	return missing
}

func (r *registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "expected POST, got "+request.Method, http.StatusMethodNotAllowed)
		return
	}
	if given := request.Header.Get("Content-Type"); given != "" && given != contentType {
		http.Error(w, "expected "+contentType+", got "+given, http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, requestBytesMax))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := r.Invoke(request.Context(), body)
	switch {
	case errors.Is(err, errBadRequest):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case err != nil:
		log.Print(err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(answer)
	}
}
