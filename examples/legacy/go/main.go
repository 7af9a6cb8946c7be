// The functions of this folder, served in the interim protocol:
//
//	go run . [port]     (or PORT; 0 takes a free one)
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"holdfast.example/legacy/statefun"
)

func main() {
	registry := statefun.NewFunctionRegistry()
	for functionType, function := range map[statefun.FunctionType]statefun.StatefulFunction{
		greeterType:   &Greeter{},
		guestBookType: &GuestBook{},
	} {
		if err := registry.RegisterFunction(functionType, function); err != nil {
			log.Fatal(err)
		}
	}

	port := "8000"
	if len(os.Args) > 1 {
		port = os.Args[1]
	} else if given := os.Getenv("PORT"); given != "" {
		port = given
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/statefun", registry)
	fmt.Printf("listening on http://%s/statefun\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}
