package verify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"signet/keys/verify"
)

func Example() {
	verifier, err := verify.New(verify.Config{
		Issuer:   "https://id.example.com",
		Audience: "https://api.example.com",
		Realm:    "orders",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()

	orders := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := verify.FromContext(r.Context())
		fmt.Fprintf(w, "the orders of %s\n", claims.Subject)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", verifier.Handler(orders, verify.Scopes("orders:read")))

	// A request without a token hears how to come back.
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/orders", nil))
	fmt.Println(answer.Code, answer.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer realm="orders"
}
