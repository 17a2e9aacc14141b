package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
)

// nodeHeader is where the proxy of a cluster says which node has answered.
const nodeHeader = "Signet-Test-Node"

func TestRotationStormOnTwoNodes(t *testing.T)   { stormOnNodes(t, 2) }
func TestRotationStormOnThreeNodes(t *testing.T) { stormOnNodes(t, 3) }

// stormOnNodes is TestRotationStorm with several nodes on one database. One of
// them is killed in the middle, so that it can do nothing about it, and started
// again after a while. Requests go to all nodes in turn, so that a token of one
// is verified by the JWKS of another.
func stormOnNodes(t *testing.T, n int) {
	c := startCluster(t, n)
	s := startStorm(t, c.URL, c.secret)
	victim := c.nodes[n-1]
	s.awaitRotations(*rotations / 4)
	victim.kill()
	s.awaitRotations(*rotations / 2)
	victim.start()
	before := c.issued()
	s.awaitRotations(*rotations)
	s.until("tokens of every node after the restart", func() bool {
		for i, now := range c.issued() {
			if now == before[i] {
				return false
			}
		}
		return true
	})
	s.end()
	c.checkKeys(s.kids)
	t.Logf("tokens by node: %v, %v of them when node %d was back", c.issued(), before, n)
}

// cluster is several nodes on one database behind a proxy, which has the port
// of the issuer.
type cluster struct {
	*install
	secret string
	nodes  []*node
}

// node is one process of a cluster.
type node struct {
	install // with a port of its own
	cmd     *exec.Cmd
	issued  atomic.Int64
}

func startCluster(t *testing.T, n int) *cluster {
	t.Helper()
	c := &cluster{install: newInstall(t)}
	c.secret = c.prepareStorm()
	for range n {
		nd := &node{install: *c.install}
		nd.port = freePort(t)
		nd.start()
		c.nodes = append(c.nodes, nd)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:"+c.port)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &http.Server{Handler: &httputil.ReverseProxy{
		Rewrite:   func(*httputil.ProxyRequest) {}, // the node is chosen for each try
		Transport: &roundRobin{nodes: c.nodes},
	}}
	go func() { _ = proxy.Serve(ln) }()
	t.Cleanup(func() { proxy.Close() })
	return c
}

func (n *node) start() {
	n.t.Helper()
	n.cmd, _ = n.launch()
	logKeys(n.t, "the node on port "+n.port, n.cmd)
}

// kill ends the process at once (SIGKILL).
func (n *node) kill() {
	n.t.Helper()
	if err := n.cmd.Process.Kill(); err != nil {
		n.t.Fatal(err)
	}
	_ = n.cmd.Wait()
}

// issued counts the tokens of each node.
func (c *cluster) issued() []int64 {
	var all []int64
	for _, n := range c.nodes {
		all = append(all, n.issued.Load())
	}
	return all
}

// checkKeys checks that the nodes have made one key for each generation, and
// signed with no others.
func (c *cluster) checkKeys(signed []string) {
	c.t.Helper()
	out, stderr, code := c.run("keys", "list", "--json")
	var all []struct {
		KID        string
		Generation int
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != 0 {
		c.t.Fatalf("keys list: exit %d, %v\n%s%s", code, err, out, stderr)
	}
	generations, known := map[int]string{}, map[string]bool{}
	for _, k := range all {
		if other, taken := generations[k.Generation]; taken {
			c.t.Errorf("generation %d has two keys: %s and %s", k.Generation, other, k.KID)
		}
		generations[k.Generation], known[k.KID] = k.KID, true
	}
	for _, kid := range signed {
		if !known[kid] {
			c.t.Errorf("%s has signed, and is not in the database", kid)
		}
	}
}

// roundRobin sends each request to the next node, and to the one after it when
// the connection is refused or breaks before the whole answer is there. That
// is safe to do: each of these requests may be sent twice.
type roundRobin struct {
	nodes []*node
	next  atomic.Uint64
}

func (r *roundRobin) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	var failure error
	first := int(r.next.Add(1) % uint64(len(r.nodes)))
	for try := range 2 * len(r.nodes) {
		i := (first + try) % len(r.nodes)
		resp, err := r.nodes[i].try(req, body)
		if err != nil {
			failure = fmt.Errorf("node %d: %w", i+1, err)
			continue
		}
		resp.Header.Set(nodeHeader, strconv.Itoa(i+1))
		if req.Method == http.MethodPost && resp.StatusCode == http.StatusOK {
			r.nodes[i].issued.Add(1)
		}
		return resp, nil
	}
	return nil, failure
}

// try sends a request to this node and waits for the whole answer.
func (n *node) try(req *http.Request, body []byte) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL = &url.URL{Scheme: "http", Host: "127.0.0.1:" + n.port, Path: req.URL.Path, RawQuery: req.URL.RawQuery}
	req.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	return resp, nil
}
