// Command serve runs the example service: SECRET=... go run ./services/adapters/webhook/example/serve
package main

import (
	"log"
	"net/http"
	"os"
	"time"

	"github.com/tandem-sync/tandem/services/adapters/webhook/example"
)

func main() {
	secret := os.Getenv("SECRET")
	if secret == "" {
		log.Fatal("SECRET is not set; it is what the adapter's secretFile holds")
	}
	server := &http.Server{Addr: "127.0.0.1:8081", Handler: example.New(secret), ReadHeaderTimeout: 10 * time.Second}
	log.Printf("listening on %s", server.Addr)
	log.Fatal(server.ListenAndServe())
}
