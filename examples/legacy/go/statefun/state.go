package statefun

import (
	"fmt"
	"reflect"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"holdfast.example/legacy/statefun/internal/protocol"
)

// State is one value that an address remembers. A field of a function's struct; its name, and when it expires, if it does, are in the
// field's tags:
//
//	type Greeter struct {
//		Seen    statefun.State `state:"seen"`
//		Session statefun.State `state:"session" expireAfterInvoke:"1m"`
//		Recent  statefun.State `state:"recent" expireAfterWrite:"5s"`
//	}
type State interface {
	// Get reads the value into `into`, and says whether there is one.
	Get(into proto.Message) (exists bool, err error)
	Set(value proto.Message) error
	Clear()
}

// declaredState is a State field of a function: where it is, and what the runtime has to know of it.
type declaredState struct {
	field int
	spec  *protocol.FromFunction_PersistedValueSpec
}

var stateInterface = reflect.TypeOf((*State)(nil)).Elem()

// declaredStates reads the tags of a function's struct.
func declaredStates(function reflect.Type) ([]declaredState, error) {
	var states []declaredState
	names := map[string]string{}
	for i := 0; i < function.NumField(); i++ {
		field := function.Field(i)
		if field.Type != stateInterface {
			continue
		}
		where := function.Name() + "." + field.Name
		if !field.IsExported() {
			return nil, fmt.Errorf("%s: a state must be an exported field", where)
		}
		name := field.Tag.Get("state")
		if name == "" {
			return nil, fmt.Errorf("%s: a state needs a name, as `state:\"name\"`", where)
		}
		if other, taken := names[name]; taken {
			return nil, fmt.Errorf("%s: the state %s is that of %s, too", where, name, other)
		}
		names[name] = where
		expiration, err := expiration(field.Tag)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		states = append(states, declaredState{i, &protocol.FromFunction_PersistedValueSpec{StateName: name, ExpirationSpec: expiration}})
	}
	return states, nil
}

// expiration gives nil for a state that never expires.
func expiration(tags reflect.StructTag) (*protocol.FromFunction_ExpirationSpec, error) {
	afterInvoke, onInvoke := tags.Lookup("expireAfterInvoke")
	afterWrite, onWrite := tags.Lookup("expireAfterWrite")
	spec := &protocol.FromFunction_ExpirationSpec{}
	text := afterInvoke
	switch {
	case onInvoke && onWrite:
		return nil, fmt.Errorf("either expireAfterInvoke or expireAfterWrite, not both")
	case onInvoke:
		spec.Mode = protocol.FromFunction_ExpirationSpec_AFTER_INVOKE
	case onWrite:
		spec.Mode, text = protocol.FromFunction_ExpirationSpec_AFTER_WRITE, afterWrite
	default:
		return nil, nil
	}
	after, err := time.ParseDuration(text)
	if err != nil {
		return nil, err
	}
	spec.ExpireAfterMillis = after.Milliseconds()
	if spec.ExpireAfterMillis <= 0 {
		return nil, fmt.Errorf("expires after %s, expected a millisecond or more", text)
	}
	return spec, nil
}

// stateValue is a State during one batch.
type stateValue struct {
	name    string
	value   *anypb.Any // nil: none
	changed bool
}

// newStateValue takes the bytes that the runtime keeps: a serialized Any.
func newStateValue(name string, bytes []byte) (*stateValue, error) {
	state := &stateValue{name: name}
	if len(bytes) == 0 {
		return state, nil
	}
	state.value = &anypb.Any{}
	if err := proto.Unmarshal(bytes, state.value); err != nil {
		return nil, fmt.Errorf("state %s: %w", name, err)
	}
	return state, nil
}

func (s *stateValue) Get(into proto.Message) (bool, error) {
	if s.value == nil {
		return false, nil
	}
	if whole, ok := into.(*anypb.Any); ok {
		proto.Reset(whole)
		proto.Merge(whole, s.value)
		return true, nil
	}
	if err := s.value.UnmarshalTo(into); err != nil {
		return true, fmt.Errorf("state %s: %w", s.name, err)
	}
	return true, nil
}

func (s *stateValue) Set(value proto.Message) error {
	packed, err := pack(value)
	if err != nil {
		return fmt.Errorf("state %s: %w", s.name, err)
	}
	s.value, s.changed = packed, true
	return nil
}

func (s *stateValue) Clear() { s.value, s.changed = nil, true }

// mutation is what the runtime has to change; nil: nothing.
func (s *stateValue) mutation() (*protocol.FromFunction_PersistedValueMutation, error) {
	if !s.changed {
		return nil, nil
	}
	mutation := &protocol.FromFunction_PersistedValueMutation{StateName: s.name}
	if s.value == nil {
		return mutation, nil // DELETE
	}
	bytes, err := proto.Marshal(s.value)
	if err != nil {
		return nil, fmt.Errorf("state %s: %w", s.name, err)
	}
	mutation.MutationType = protocol.FromFunction_PersistedValueMutation_MODIFY
	mutation.StateValue = bytes
	return mutation, nil
}
