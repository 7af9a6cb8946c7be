package statefun

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"holdfast.example/legacy/statefun/internal/protocol"
	"holdfast.example/legacy/statefun/io"
)

var counterType = FunctionType{"test", "counter"}

// counter adds up what it gets; 0 clears it.
type counter struct {
	Sum  State `state:"sum" expireAfterWrite:"1m"`
	Last State `state:"last" expireAfterInvoke:"1h30m"`
	Unit State `state:"unit"`
}

func (c counter) Invoke(ctx context.Context, output Output, msg *anypb.Any) error {
	var add, sum wrapperspb.Int64Value
	if err := msg.UnmarshalTo(&add); err != nil {
		return err
	}
	if add.Value == 0 {
		c.Sum.Clear()
		return nil
	}
	if _, err := c.Sum.Get(&sum); err != nil {
		return err
	}
	sum.Value += add.Value
	if caller := Caller(ctx); caller != nil {
		if err := output.SendAfter(*caller, 1500*time.Millisecond, &sum); err != nil {
			return err
		}
	}
	return c.Sum.Set(&sum)
}

func serving(t *testing.T) FunctionRegistry {
	registry := NewFunctionRegistry()
	if err := registry.RegisterFunction(counterType, &counter{}); err != nil {
		t.Fatal(err)
	}
	return registry
}

func any(t *testing.T, message proto.Message) *anypb.Any {
	packed, err := anypb.New(message)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func request(t *testing.T, functionType FunctionType, states map[string][]byte, numbers ...int64) []byte {
	batch := &protocol.ToFunction_InvocationBatchRequest{Target: toWire(Address{functionType, "a"})}
	for name, value := range states {
		batch.State = append(batch.State, &protocol.ToFunction_PersistedValue{StateName: name, StateValue: value})
	}
	for _, number := range numbers {
		batch.Invocations = append(batch.Invocations, &protocol.ToFunction_Invocation{
			Caller: &protocol.Address{Namespace: "test", Type: "caller", Id: "c"}, Argument: any(t, wrapperspb.Int64(number))})
	}
	bytes, err := proto.Marshal(&protocol.ToFunction{Request: &protocol.ToFunction_Invocation_{Invocation: batch}})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func ask(t *testing.T, registry FunctionRegistry, request []byte) *protocol.FromFunction {
	bytes, err := registry.Invoke(context.Background(), request)
	if err != nil {
		t.Fatal(err)
	}
	var answer protocol.FromFunction
	if err := proto.Unmarshal(bytes, &answer); err != nil {
		t.Fatal(err)
	}
	return &answer
}

func known(t *testing.T, sum int64) map[string][]byte {
	states := map[string][]byte{"sum": nil, "last": nil, "unit": nil}
	if sum != 0 {
		bytes, err := proto.Marshal(any(t, wrapperspb.Int64(sum)))
		if err != nil {
			t.Fatal(err)
		}
		states["sum"] = bytes
	}
	return states
}

func TestStatesTheRuntimeDoesNotKnowAreAskedForWithTheirExpiration(t *testing.T) {
	answer := ask(t, serving(t), request(t, counterType, map[string][]byte{"unit": nil}, 1))
	missing := answer.GetIncompleteInvocationContext().GetMissingValues()
	if len(missing) != 2 {
		t.Fatalf("asked for %v", missing)
	}
	sum, last := missing[0], missing[1]
	if sum.StateName != "sum" || sum.ExpirationSpec.Mode != protocol.FromFunction_ExpirationSpec_AFTER_WRITE || sum.ExpirationSpec.ExpireAfterMillis != 60_000 {
		t.Errorf("sum is %v", sum)
	}
	if last.StateName != "last" || last.ExpirationSpec.Mode != protocol.FromFunction_ExpirationSpec_AFTER_INVOKE || last.ExpirationSpec.ExpireAfterMillis != 5_400_000 {
		t.Errorf("last is %v", last)
	}
}

func TestABatchSharesItsStatesAndWritesWhatChangedOnce(t *testing.T) {
	result := ask(t, serving(t), request(t, counterType, known(t, 10), 1, 2)).GetInvocationResult()
	if len(result.StateMutations) != 1 || result.StateMutations[0].StateName != "sum" ||
		result.StateMutations[0].MutationType != protocol.FromFunction_PersistedValueMutation_MODIFY {
		t.Fatalf("mutations %v", result.StateMutations)
	}
	state, err := newStateValue("sum", result.StateMutations[0].StateValue)
	if err != nil {
		t.Fatal(err)
	}
	var sum wrapperspb.Int64Value
	if exists, err := state.Get(&sum); err != nil || !exists || sum.Value != 13 {
		t.Errorf("sum is %d, %v, %v", sum.Value, exists, err)
	}
	if len(result.DelayedInvocations) != 2 || result.DelayedInvocations[0].DelayInMs != 1500 || result.DelayedInvocations[0].Target.Id != "c" {
		t.Errorf("delayed %v", result.DelayedInvocations)
	}
}

func TestAClearedStateIsDeletedAndTheNextBatchKnowsNothingOfTheLast(t *testing.T) {
	registry := serving(t)
	result := ask(t, registry, request(t, counterType, known(t, 10), 5, 0)).GetInvocationResult()
	if len(result.StateMutations) != 1 || result.StateMutations[0].MutationType != protocol.FromFunction_PersistedValueMutation_DELETE {
		t.Errorf("mutations %v", result.StateMutations)
	}
	result = ask(t, registry, request(t, counterType, known(t, 0), 7)).GetInvocationResult()
	state, _ := newStateValue("sum", result.StateMutations[0].StateValue)
	var sum wrapperspb.Int64Value
	if _, err := state.Get(&sum); err != nil || sum.Value != 7 {
		t.Errorf("sum is %d, %v", sum.Value, err)
	}
}

type twice struct {
	counter
	A State `state:"same"`
	B State `state:"same"`
}
type both struct {
	counter
	A State `state:"a" expireAfterInvoke:"1m" expireAfterWrite:"1m"`
}
type nameless struct {
	counter
	A State
}
type private struct {
	counter
	a State `state:"a"`
}
type forever struct {
	counter
	A State `state:"a" expireAfterWrite:"0s"`
}
type timeless struct {
	counter
	A State `state:"a" expireAfterWrite:"soon"`
}

func TestDeclarationsThatMakeNoSenseAreRefused(t *testing.T) {
	for wanted, function := range map[string]StatefulFunction{
		"too":            &twice{},
		"not both":       &both{},
		"needs a name":   &nameless{},
		"exported":       &private{},
		"a millisecond":  &forever{},
		"invalid durati": &timeless{},
		"a pointer":      counter{},
	} {
		err := NewFunctionRegistry().RegisterFunction(counterType, function)
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%T: %v, expected %q", function, err, wanted)
		}
	}
	registry := serving(t)
	if err := registry.RegisterFunction(counterType, &counter{}); err == nil {
		t.Error("a type was registered twice")
	}
}

func TestWhatTheRuntimeShouldNotAskIsABadRequest(t *testing.T) {
	registry := serving(t)
	for name, body := range map[string][]byte{
		"empty": nil, "garbage": []byte("garbage"), "unknown function": request(t, FunctionType{"test", "other"}, nil, 1)} {
		if _, err := registry.Invoke(context.Background(), body); !errors.Is(err, errBadRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHttpSaysWhatIsWrong(t *testing.T) {
	registry := serving(t)
	post := func(contentType string, body []byte) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		registry.ServeHTTP(w, r)
		return w
	}
	good := request(t, counterType, known(t, 0), 1)
	if w := post(contentType, good); w.Code != 200 || w.Header().Get("Content-Type") != contentType {
		t.Errorf("good: %d %s", w.Code, w.Body)
	}
	if w := post("text/plain", good); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("text/plain: %d", w.Code)
	}
	if w := post(contentType, nil); w.Code != http.StatusBadRequest {
		t.Errorf("empty: %d", w.Code)
	}
	broken := known(t, 0)
	broken["sum"] = []byte("garbage")
	if w := post(contentType, request(t, counterType, broken, 1)); w.Code != http.StatusInternalServerError {
		t.Errorf("state that is no Any: %d", w.Code)
	}
	w := httptest.NewRecorder()
	registry.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
}

func TestAKafkaRecordNeedsATopicAndAValue(t *testing.T) {
	for _, record := range []io.KafkaRecord{{Topic: "t"}, {Value: wrapperspb.Int64(1)}} {
		if _, err := record.ToMessage(); err == nil {
			t.Errorf("%v was taken", record)
		}
	}
}
