// Everything of state, secrets, metadata and invocation that the Go SDK can ask, right and wrong; {"call", "answer"} a line.
//
// The port is in DAPR_GRPC_PORT, as an application of Dapr's has it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"google.golang.org/grpc/status"
)

func say(call string, answer any) {
	line, err := json.Marshal(map[string]any{"call": call, "answer": answer})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

// attempt says what came back, or what went wrong.
func attempt[T any](call string, answer T, err error, show func(T) any) {
	if err != nil {
		said := map[string]any{"error": err.Error()}
		for inner := err; inner != nil; inner = errors.Unwrap(inner) {
			if from, ok := status.FromError(inner); ok {
				said = map[string]any{"code": from.Code().String(), "message": from.Message(), "details": len(from.Details())}
				break
			}
		}
		say(call, said)
		return
	}
	say(call, show(answer))
}

func done(call string, err error) {
	attempt(call, struct{}{}, err, func(struct{}) any { return "ok" })
}

func item(found *dapr.StateItem) any {
	return map[string]any{"value": string(found.Value), "has etag": found.Etag != ""}
}

func several(found []*dapr.BulkStateItem) any {
	items := [][]any{}
	for _, one := range found {
		items = append(items, []any{one.Key, string(one.Value), one.Etag != "", one.Error})
	}
	sort.Slice(items, func(a, b int) bool { return items[a][0].(string) < items[b][0].(string) })
	return items
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d, err := dapr.NewClientWithAddressContext(ctx, "127.0.0.1:"+os.Getenv("DAPR_GRPC_PORT"))
	if err != nil {
		panic(err)
	}
	defer d.Close()
	get := func(call, store, key string) {
		found, err := d.GetState(ctx, store, key, nil)
		attempt(call, found, err, item)
	}
	bulk := func(call, store string, keys ...string) {
		found, err := d.GetBulkState(ctx, store, keys, nil, 2)
		attempt(call, found, err, several)
	}

	done("wait", d.Wait(ctx, 10*time.Second))
	done("save", d.SaveState(ctx, "store", "a", []byte("one"), nil))
	get("get", "store", "a")
	get("get missing", "store", "missing")
	done("save bytes", d.SaveState(ctx, "store", "bytes", []byte{0, 255, 128}, nil))
	get("get bytes", "store", "bytes")
	done("save in no store", d.SaveState(ctx, "nowhere", "a", []byte("x"), nil))
	get("get from no store", "nowhere", "a")
	done("save an empty key", d.SaveState(ctx, "store", "", []byte("x"), nil))
	done("save a bad key", d.SaveState(ctx, "store", "a||b", []byte("x"), nil))
	get("get an empty key", "store", "")
	done("save with ttl", d.SaveState(ctx, "store", "t", []byte("x"), map[string]string{"ttlInSeconds": "1000"}))
	done("save with a bad ttl", d.SaveState(ctx, "store", "t", []byte("x"), map[string]string{"ttlInSeconds": "soon"}))
	found, err := d.GetStateWithConsistency(ctx, "store", "a", nil, dapr.StateConsistencyStrong)
	attempt("get strongly", found, err, item)
	etag := ""
	if found != nil {
		etag = found.Etag
	}
	first := []dapr.StateOption{dapr.WithConcurrency(dapr.StateConcurrencyFirstWrite), dapr.WithConsistency(dapr.StateConsistencyStrong)}
	done("save with its etag", d.SaveStateWithETag(ctx, "store", "a", []byte("two"), etag, nil, first...))
	done("save with an old etag", d.SaveStateWithETag(ctx, "store", "a", []byte("three"), "999999", nil, first...))
	done("first write of what is there", d.SaveState(ctx, "store", "a", []byte("four"), nil, first...))
	done("first write of what is not", d.SaveState(ctx, "store", "fresh", []byte("x"), nil, first...))
	done("save several", d.SaveBulkState(ctx, "store", &dapr.SetStateItem{Key: "b", Value: []byte("1")}, &dapr.SetStateItem{Key: "c", Value: []byte("2")}))
	bulk("get several", "store", "a", "b", "c", "missing")
	bulk("get several from no store", "nowhere", "a")
	upsert := func(key, value, etag string) *dapr.StateOperation {
		one := &dapr.SetStateItem{Key: key, Value: []byte(value)}
		if etag != "" {
			one.Etag = &dapr.ETag{Value: etag}
		}
		return &dapr.StateOperation{Type: dapr.StateOperationTypeUpsert, Item: one}
	}
	drop := func(key string) *dapr.StateOperation {
		return &dapr.StateOperation{Type: dapr.StateOperationTypeDelete, Item: &dapr.SetStateItem{Key: key}}
	}
	done("transaction", d.ExecuteStateTransaction(ctx, "store", nil, []*dapr.StateOperation{upsert("b", "10", ""), upsert("d", "11", ""), drop("c")}))
	done("transaction with a bad etag", d.ExecuteStateTransaction(ctx, "store", nil, []*dapr.StateOperation{upsert("b", "20", ""), upsert("d", "21", "999999")}))
	done("transaction in no store", d.ExecuteStateTransaction(ctx, "nowhere", nil, []*dapr.StateOperation{upsert("b", "20", "")}))
	bulk("after the transactions", "store", "b", "c", "d")
	done("delete with a bad etag", d.DeleteStateWithETag(ctx, "store", "b", &dapr.ETag{Value: "999999"}, nil, nil))
	done("delete", d.DeleteState(ctx, "store", "b", nil))
	done("delete missing", d.DeleteState(ctx, "store", "b", nil))
	done("delete several", d.DeleteBulkState(ctx, "store", []string{"d", "missing"}, nil))
	bulk("after the deletes", "store", "b", "d")

	for _, secret := range [][2]string{{"file", "user"}, {"file", "db.host"}, {"file", "missing"}, {"nowhere", "user"}} {
		values, err := d.GetSecret(ctx, secret[0], secret[1], nil)
		attempt("secret "+secret[1]+" of "+secret[0], values, err, func(values map[string]string) any { return values })
	}
	all, err := d.GetBulkSecret(ctx, "file", nil)
	attempt("all secrets", all, err, func(all map[string]map[string]string) any { return all })

	done("set metadata", d.SetMetadata(ctx, "team", "blue"))
	about, err := d.GetMetadata(ctx)
	attempt("metadata", about, err, func(about *dapr.GetMetadataResponse) any {
		parts := [][]any{}
		for _, part := range about.RegisteredComponents {
			sort.Strings(part.Capabilities)
			parts = append(parts, []any{part.Name, part.Type, part.Capabilities})
		}
		sort.Slice(parts, func(a, b int) bool { return parts[a][0].(string) < parts[b][0].(string) })
		return map[string]any{"id": about.ID, "team": about.ExtendedMetadata["team"], "components": parts}
	})

	seen := func(body []byte) any {
		var echo map[string]any
		if json.Unmarshal(body, &echo) != nil {
			return string(body)
		}
		delete(echo, "headers")
		return echo
	}
	for _, app := range []string{"orders", "stock", "nobody"} {
		body, err := d.InvokeMethodWithContent(ctx, app, "echo/b?q=1", "post", &dapr.DataContent{ContentType: "application/json", Data: []byte(`{"x":1}`)})
		attempt("invoke "+app, body, err, seen)
		for _, method := range []string{"echo", "status/404", "status/503"} {
			body, err := d.InvokeMethod(ctx, app, method, "get")
			attempt("invoke "+app+" "+method, body, err, seen)
		}
	}
	done("publish without a broker", d.PublishEvent(ctx, "pubsub", "topic", []byte("x")))
	done("binding that is not there", d.InvokeOutputBinding(ctx, &dapr.InvokeBindingRequest{Name: "b", Operation: "create"}))
	done("shutdown", d.Shutdown(ctx))
}
