// Package statefun serves stateful functions in the interim protocol of StateFun (between 2.2 and 3.0), which the early Go SDK spoke
// (github.com/apache/flink-statefun/statefun-go-sdk/v2, never released). It has the part of that SDK's interface that its README
// shows, so a function written for it builds against this package with another import path. It is an example, and small enough to be
// read: a function, its states, what it sends, an HTTP handler.
package statefun

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"holdfast.example/legacy/statefun/internal/protocol"
	"holdfast.example/legacy/statefun/io"
)

// FunctionType is "namespace/type" of a module.yaml.
type FunctionType struct {
	Namespace string
	Type      string
}

func (t FunctionType) String() string { return t.Namespace + "/" + t.Type }

// Address is one instance of a function.
type Address struct {
	FunctionType
	Id string
}

func (a Address) String() string { return a.FunctionType.String() + "/" + a.Id }

// StatefulFunction is what users write: a struct whose fields of type State are its states.
type StatefulFunction interface {
	// Invoke handles one message. After an error nothing of the whole batch has happened, and it is tried again.
	Invoke(ctx context.Context, output Output, msg *anypb.Any) error
}

// Output takes what a function sends. A message that is no Any is packed into one.
type Output interface {
	Send(target Address, message proto.Message) error
	// SendAfter sends when the duration is over; whole milliseconds count.
	SendAfter(target Address, duration time.Duration, message proto.Message) error
	SendEgress(egress io.EgressIdentifier, message proto.Message) error
}

type contextKey int

const (
	selfKey contextKey = iota
	callerKey
)

// Self is the address that is invoked.
func Self(ctx context.Context) *Address { return ctx.Value(selfKey).(*Address) }

// Caller is who sent the message: nil if it came from an ingress.
func Caller(ctx context.Context) *Address { return ctx.Value(callerKey).(*Address) }

// output collects what one batch sends.
type output struct {
	response *protocol.FromFunction_InvocationResponse
}

func (o *output) Send(target Address, message proto.Message) error {
	argument, err := pack(message)
	if err != nil {
		return fmt.Errorf("message to %s: %w", target, err)
	}
	o.response.OutgoingMessages = append(o.response.OutgoingMessages,
		&protocol.FromFunction_Invocation{Target: toWire(target), Argument: argument})
	return nil
}

func (o *output) SendAfter(target Address, duration time.Duration, message proto.Message) error {
	if duration < 0 {
		return fmt.Errorf("message to %s: a delay of %s", target, duration)
	}
	argument, err := pack(message)
	if err != nil {
		return fmt.Errorf("message to %s: %w", target, err)
	}
	o.response.DelayedInvocations = append(o.response.DelayedInvocations, &protocol.FromFunction_DelayedInvocation{
		DelayInMs: duration.Milliseconds(), Target: toWire(target), Argument: argument})
	return nil
}

func (o *output) SendEgress(egress io.EgressIdentifier, message proto.Message) error {
	argument, err := pack(message)
	if err != nil {
		return fmt.Errorf("record to %s: %w", egress.String(), err)
	}
	o.response.OutgoingEgresses = append(o.response.OutgoingEgresses, &protocol.FromFunction_EgressMessage{
		EgressNamespace: egress.EgressNamespace, EgressType: egress.EgressType, Argument: argument})
	return nil
}

func pack(message proto.Message) (*anypb.Any, error) {
	if packed, ok := message.(*anypb.Any); ok {
		return packed, nil
	}
	if message == nil {
		return nil, fmt.Errorf("it is nil")
	}
	return anypb.New(message)
}

func toWire(a Address) *protocol.Address {
	return &protocol.Address{Namespace: a.Namespace, Type: a.Type, Id: a.Id}
}

// fromWire gives nil for no address, and for one that is empty throughout, as StateFun's SDKs do.
func fromWire(a *protocol.Address) *Address {
	if a.GetNamespace() == "" && a.GetType() == "" && a.GetId() == "" {
		return nil
	}
	return &Address{FunctionType{a.GetNamespace(), a.GetType()}, a.GetId()}
}
