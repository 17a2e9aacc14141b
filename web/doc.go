// Package web owns what browsers and clients meet over HTTP: routes, pages,
// cookies and middleware. It makes no protocol decision. It hands requests to
// authz, asks authz/login who is at the browser, and turns answers and errors
// into pages and redirects. It is the only room that knows echo.
//
//	GET /oauth2/authorize ─► Begin ─► session cookie ─► Advance ─┬─► 303 to the client
//	                                                             └─► a flow: sealed cookie,
//	                                    ┌──── 303 ───────────────────303 to its page
//	                                    ▼
//	/interaction/<flow>/login   ─► SignIn, new session ─┐
//	/interaction/<flow>/factor  ─► StepUp, same session ┤
//	/interaction/<flow>/consent ─► Allow or Deny ───────┴─► Advance, as above
//
// Pages never route to one another: each asks Advance again and goes where it
// says. Nothing is written to the database before somebody signs in. A pending
// request lives in a cookie of its own, sealed and bound to the browser that
// began it (see interaction.go), so any number of tabs work side by side.
//
// A site that knows no OpenID Connect is guarded by its proxy, which asks here
// (forward.go): a sign-in for it is a flow like any other.
//
// Programs find the admin API beside the pages, or on a listener of its own: one
// table of operations (admin_routes.go) is its routes, the checks of what is sent,
// and its OpenAPI document.
//
//	/admin/v1/… ─► AuthorizeAdmin ─► query and body by their schemas ─► the operation
//	            ─► a line of audit, once the change is made
//
// Where to look: routes.go lists every path; middleware.go what surrounds
// every request; cors.go whose scripts may read what; app.go how pages show who
// asks; errors.go is the one place where an error becomes HTTP;
// texts.go holds every sentence that a person reads.
package web
