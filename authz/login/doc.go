// Package login owns who is at the browser: people, their credentials, and
// the revocable sign-in sessions that live at the server.
//
//	username or email + password ─► Service.SignIn ─► argon2id (bounded) ─► Session
//	session cookie ─► Service.Session ─► the person's session, if it still lives
//	one more Factor ─► Service.StepUp ─► the same session, at a higher level (acr)
//	set-up link ─► Service.SetUp ─► the first administrator
//
// It knows no HTTP and no database: web sets the cookies, authz/store keeps
// the rows.
package login
