// Receives signed callbacks. PORT says where to listen; CALLBACK_SECRETS holds one or more whsec_ secrets, with spaces between.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	tolerance    = 5 * time.Minute
	largestBytes = 32 * 1024 * 1024
)

var (
	digits  = regexp.MustCompile(`^[0-9]{1,12}$`)
	secrets [][]byte
)

// Whether the callback is young and carries a signature of one of our secrets.
func verifies(headers http.Header, body []byte) bool {
	id, timestamp := headers.Get("webhook-id"), headers.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if !digits.MatchString(timestamp) || err != nil || math.Abs(float64(time.Now().Unix()-seconds)) > tolerance.Seconds() {
		return false
	}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		ours := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		for _, theirs := range strings.Fields(headers.Get("webhook-signature")) {
			if hmac.Equal([]byte(ours), []byte(theirs)) {
				return true
			}
		}
	}
	return false
}

func receive(response http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		response.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, largestBytes))
	if err != nil {
		response.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if !verifies(request.Header, body) {
		response.WriteHeader(http.StatusUnauthorized)
		return
	}
	// Your work goes here. Answer after it is safe: what is answered with 2xx does not come again.
	fmt.Println("accepted", request.Header.Get("webhook-id"), request.Header.Get("X-Function-Status"), len(body))
	response.WriteHeader(http.StatusNoContent)
}

func main() {
	for _, text := range strings.Fields(os.Getenv("CALLBACK_SECRETS")) {
		secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
		if err != nil {
			log.Fatal("a secret is no base64")
		}
		secrets = append(secrets, secret)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8000"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s/\n", listener.Addr())
	log.Fatal(http.Serve(listener, http.HandlerFunc(receive)))
}
