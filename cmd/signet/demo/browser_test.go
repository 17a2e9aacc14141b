package demo

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser follows links and redirects, keeps cookies and presses buttons. It
// runs no scripts: no page needs them.
type browser struct {
	t    *testing.T
	http *http.Client
}

// page is what the browser shows.
type page struct {
	status int
	url    *url.URL
	root   *html.Node
}

func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Jar: jar}}
}

func (b *browser) open(address string) *page {
	b.t.Helper()
	return b.show(b.http.Get(address))
}

func (b *browser) show(resp *http.Response, err error) *page {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	root, err := html.Parse(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return &page{resp.StatusCode, resp.Request.URL, root}
}

// press follows the link or submits the form of the element with this id,
// with the form's own values and those of fill.
func (b *browser) press(p *page, id string, fill url.Values) *page {
	b.t.Helper()
	element := p.find(id)
	if element == nil {
		b.t.Fatalf("%s has no #%s; it says:\n%s", p.url.Path, id, p.text())
	}
	if element.Data == "a" {
		return b.open(p.resolve(b.t, attribute(element, "href")))
	}
	form := element
	for form.Data != "form" {
		form = form.Parent
	}
	values := url.Values{}
	for node := range form.Descendants() {
		if node.Data == "input" {
			values.Set(attribute(node, "name"), attribute(node, "value"))
		}
	}
	if name := attribute(element, "name"); name != "" {
		values.Set(name, attribute(element, "value"))
	}
	for name, value := range fill {
		values[name] = value
	}
	return b.show(b.http.PostForm(p.resolve(b.t, attribute(form, "action")), values))
}

func (p *page) resolve(t *testing.T, reference string) string {
	t.Helper()
	u, err := p.url.Parse(reference)
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func (p *page) find(id string) *html.Node {
	for node := range p.root.Descendants() {
		if node.Type == html.ElementNode && attribute(node, "id") == id {
			return node
		}
	}
	return nil
}

// textOf is the text of the element with this id, empty when there is none.
func (p *page) textOf(id string) string {
	if node := p.find(id); node != nil {
		return text(node)
	}
	return ""
}

func (p *page) text() string { return text(p.root) }

func text(root *html.Node) string {
	var out []string
	for node := range root.Descendants() {
		if node.Type == html.TextNode {
			out = append(out, strings.Fields(node.Data)...)
		}
	}
	return strings.Join(out, " ")
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// fetch is a request as a program sends it, with a token in the header.
func fetch(t *testing.T, address, token string) (status int, challenge, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("WWW-Authenticate"), string(read)
}
