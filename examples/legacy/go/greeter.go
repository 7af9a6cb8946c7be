package main

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/anypb"

	"holdfast.example/legacy/messages"
	"holdfast.example/legacy/statefun"
	"holdfast.example/legacy/statefun/io"
)

var (
	greeterType   = statefun.FunctionType{Namespace: "demo", Type: "greeter"}
	guestBookType = statefun.FunctionType{Namespace: "demo", Type: "guestbook"}
	guestBook     = statefun.Address{FunctionType: guestBookType, Id: "all"}
	greets        = io.EgressIdentifier{EgressNamespace: "demo", EgressType: "greets"}
)

// Greeter counts how often it saw somebody. Who was here within the last second is back soon.
type Greeter struct {
	Seen   statefun.State `state:"seen"`
	Recent statefun.State `state:"recent" expireAfterWrite:"1s"`
}

func (g Greeter) Invoke(ctx context.Context, output statefun.Output, msg *anypb.Any) error {
	var request messages.GreetRequest
	if err := msg.UnmarshalTo(&request); err != nil {
		return err
	}
	var seen messages.SeenCount
	if _, err := g.Seen.Get(&seen); err != nil {
		return err
	}
	recent, err := g.Recent.Get(&anypb.Any{})
	if err != nil {
		return err
	}
	seen.Seen++
	if err := g.Seen.Set(&seen); err != nil {
		return err
	}
	if err := g.Recent.Set(&request); err != nil {
		return err
	}

	response := &messages.GreetResponse{Name: request.Name, Greeting: greeting(request.Name, seen.Seen, recent)}
	record := io.KafkaRecord{Topic: "greetings", Key: statefun.Self(ctx).Id, Value: response}
	message, err := record.ToMessage()
	if err != nil {
		return err
	}
	if err := output.SendEgress(greets, message); err != nil {
		return err
	}
	if err := output.Send(guestBook, &messages.Visit{Name: request.Name}); err != nil {
		return err
	}
	if caller := statefun.Caller(ctx); caller != nil {
		return output.Send(*caller, response)
	}
	return nil
}

func greeting(name string, seen int64, recent bool) string {
	switch {
	case seen == 1:
		return fmt.Sprintf("Welcome %s", name)
	case recent:
		return fmt.Sprintf("Back so soon, %s? Visit number %d", name, seen)
	default:
		return fmt.Sprintf("Nice to see you again %s, visit number %d", name, seen)
	}
}

// GuestBook knows all guests. It answers who asks (with any message but a Visit), and forgets them if nobody comes for a day.
type GuestBook struct {
	Visitors statefun.State `state:"visitors" expireAfterInvoke:"24h"`
}

func (g *GuestBook) Invoke(ctx context.Context, output statefun.Output, msg *anypb.Any) error {
	var visitors messages.Visitors
	if _, err := g.Visitors.Get(&visitors); err != nil {
		return err
	}
	if msg.MessageIs(&messages.Visit{}) {
		var visit messages.Visit
		if err := msg.UnmarshalTo(&visit); err != nil {
			return err
		}
		if visitors.Visits == nil {
			visitors.Visits = map[string]int64{}
		}
		visitors.Visits[visit.Name]++
		return g.Visitors.Set(&visitors)
	}
	caller := statefun.Caller(ctx)
	if caller == nil {
		return nil
	}
	guests := &messages.Guests{Guests: int64(len(visitors.Visits))}
	for _, visits := range visitors.Visits {
		guests.Visits += visits
	}
	return output.Send(*caller, guests)
}
