package web

import "net/http"

// texts is every sentence that a person reads, in one language. A %s is
// filled in by the page. Another language is another value of this type.
type texts struct {
	// Lang and Dir are the attributes of the html element.
	Lang, Dir string

	// ErrorTitle precedes the title of a page that refused something.
	ErrorTitle string
	// ErrorSummary names the list of what to change in a form.
	ErrorSummary string

	LoginTitle, LoginFor, Username, Password, SignIn                string
	LoginNoUsername, LoginNoPassword, LoginMismatch, LoginBusy      string
	FactorTitle, FactorFor, FactorMissing, FactorMismatch           string
	ConsentTitle, ConsentHeading, ConsentNew, ConsentOld            string
	ConsentOnlyOld, SignedInAs, NotYou, Allow, Deny                 string
	ConsentNoAnswer, Policy, Terms, HostScheme, HostDevice          string
	ConsentOnDevice                                                 string
	Publisher, ReturnTo, ReturnScheme, ReturnDevice, NewTab         string
	FormPostTitle, FormPostText, Continue                           string
	LogoutTitle, LogoutFor, LogoutText, SignOut, StaySignedIn       string
	LoggedOutHeading, LoggedOutText, LoggedOutTodo                  string
	LoggedOutApps, LoggedOutContinue, LoggedOutFrame                string
	SetupTitle, SetupText, SetupUsername, SetupUsernameHint         string
	SetupEmail, SetupName, SetupPasswordHint, SetupCreate, Optional string
	SetupProblem, SetupTaken                                        string
	SetupDoneHeading, SetupDoneText, SetupDoneTodo                  string
	SetupDeadHeading, SetupDeadText, SetupDeadTodo                  string
	HomeTitle, HomeText, HomeSignedIn, HomeSignedOut                string
	HomeAccount, HomeAccountSignIn, Remember                        string

	AccountTitle, AccountLoginFor                            string
	AccountName, AccountUsername, AccountEmail               string
	AccountSessions, AccountSessionsText, AccountNoOthers    string
	AccountMoreSessions, SignedInSince, LastSeen, EndSession string
	EndOthers, EndOthersText, EndOthersSure                  string
	AccountApps, AccountAppsText, AccountNoApps              string
	AccessSince, AccessUsed, Revoke, RevokeText, RevokeSure  string
	AccountRecent, AccountRecentText                         string
	AccountEnded, AccountOthersEnded, AccountRevoked         string
	SessionThis, SessionActive, SessionEnded, SessionExpired string
	SessionRemembered                                        string
	DeviceOn, DeviceBrowser, DeviceUnknown                   string

	// JustNow to DaysAgo say how long ago something was; OnDate takes a date in
	// DateFormat, which is a layout of package time.
	JustNow                       string
	MinutesAgo, HoursAgo, DaysAgo count
	OnDate, DateFormat            string

	ForwardUnknown, ForwardSignIn, ForwardLost, ForwardOpen string
	ForwardBarredHeading, ForwardBarred, ForwardOther       string

	FormStale                                 string
	LostHeading, LostText, LostTodo           string
	ExpiredHeading, ExpiredText, StartAgain   string
	DoneHeading, DoneText, DoneAction         string
	ErrorID, ErrorCode                        string
	ErrorForeignForm, ErrorMalformed          string
	ErrorForeignOrigin                        string
	TodoApp, TodoAddress, TodoBack, TodoLater string
	Refused, NotFound, Broken                 string
}

func english() *texts {
	return &texts{
		Lang: "en", Dir: "ltr",
		ErrorTitle: "Error: %s", ErrorSummary: "There is a problem",

		LoginTitle: "Sign in", LoginFor: "to continue to %s",
		Username: "Username or email", Password: "Password", SignIn: "Sign in",
		LoginNoUsername: "Enter your username or email.",
		LoginNoPassword: "Enter your password.",
		LoginMismatch:   "That name and password do not match. Try again.",
		LoginBusy:       "Too many people are signing in right now. Wait a few seconds and try again.",

		FactorTitle: "Confirm it is you", FactorFor: "%s asks for one more proof than your password.",
		FactorMissing:  "Fill in what is asked for.",
		FactorMismatch: "That does not match. Try again.",

		ConsentTitle: "Allow access", ConsentHeading: "%s wants access to your account",
		ConsentNew: "It wants to:", ConsentOld: "What you allowed before",
		ConsentOnlyOld: "You allowed all of this before.",
		SignedInAs:     "Signed in as %s", NotYou: "Not you?", Allow: "Allow", Deny: "Deny",
		ConsentNoAnswer: "Choose Allow or Deny.", Policy: "Privacy policy", Terms: "Terms of service",
		ConsentOnDevice: "It runs on this device, where any program can say that it is this app. Allow it only if you have just started it yourself.",
		Publisher:       "Published by", NewTab: "(opens in a new tab)",
		ReturnTo: "You go back to %s", ReturnScheme: "You go back to an app on this device (%s)", ReturnDevice: "You go back to a program on this device (%s)",
		HostScheme: "An app on this device (%s)", HostDevice: "A program on this device (%s)",

		FormPostTitle: "Continue", FormPostText: "You are on your way back to the app.", Continue: "Continue",

		LogoutTitle: "Sign out?", LogoutFor: "%s asks to sign you out.",
		LogoutText: "You will have to sign in again the next time an app asks.",
		SignOut:    "Sign out", StaySignedIn: "Stay signed in",
		LoggedOutHeading: "Signed out", LoggedOutText: "You are signed out of this server.",
		LoggedOutTodo: "Apps you were using may keep you signed in until you sign out there.",
		LoggedOutApps: "The apps you were using are being told.", LoggedOutContinue: "Continue", LoggedOutFrame: "Sign-out of an app",

		SetupTitle:    "Create the first administrator",
		SetupText:     "This server has no people yet. Whoever you create here can run it.",
		SetupUsername: "Username", SetupUsernameHint: "What you will sign in with.",
		SetupEmail: "Email", SetupName: "Full name", Optional: "(optional)",
		SetupPasswordHint: "At least 8 characters. A few words in a row make a good one.",
		SetupCreate:       "Create administrator", SetupProblem: "%s %s.",
		SetupTaken:       "That username or email belongs to somebody else. Choose another.",
		SetupDoneHeading: "The server is ready", SetupDoneText: "The administrator %s has been created.",
		SetupDoneTodo:    "You can close this page. Sign in with this name when an app asks you to.",
		SetupDeadHeading: "This link no longer works", SetupDeadText: "The link has been used, or is more than an hour old.",
		SetupDeadTodo: "If nobody has been created yet, start the server again: it prints a new link.",

		HomeTitle: "Sign-in server", HomeText: "Apps send you here when they ask you to sign in. To sign in, open the app you want to use.",
		HomeSignedIn: "You are signed in on this browser.", HomeSignedOut: "You are not signed in on this browser.",

		ForwardUnknown:       "This server does not guard that site, or was not asked by its proxy.",
		ForwardSignIn:        "Sign in to open this page.",
		ForwardLost:          "The sign-in could not be finished",
		ForwardOpen:          "Open %s",
		ForwardBarredHeading: "You cannot open this site",
		ForwardBarred:        "Your account is in none of the groups that may open %s. Ask whoever runs it for access.",
		ForwardOther:         "Sign in as someone else",
		HomeAccount:          "Your account", HomeAccountSignIn: "Sign in to your account",
		Remember: "Keep me signed in on this device",

		AccountTitle: "Your account", AccountLoginFor: "to see your account",
		AccountName: "Name", AccountUsername: "Username", AccountEmail: "Email",
		AccountSessions: "Where you are signed in", AccountSessionsText: "If you do not know one of these, end it and change your password.",
		AccountNoOthers: "You are signed in nowhere else.", AccountMoreSessions: "There are more. You can end all of them at once.",
		SignedInSince: "signed in", LastSeen: "last seen", EndSession: "End",
		EndOthers: "Sign out everywhere else", EndOthersText: "Every other browser will have to sign in again. You stay signed in here.",
		EndOthersSure: "Yes, sign out everywhere else",
		AccountApps:   "Apps with access", AccountAppsText: "What you allowed these apps to do. Remove those that you no longer use.",
		AccountNoApps: "No app has access to your account. Those that you allow will be listed here.",
		AccessSince:   "Since", AccessUsed: "last used", Revoke: "Remove access",
		RevokeText: "%s loses its access at once. It will have to ask you again.", RevokeSure: "Yes, remove access",
		AccountRecent: "Recent sign-ins", AccountRecentText: "The latest ones, also those that have ended.",
		AccountEnded:       "The session has been ended.",
		AccountOthersEnded: "You are signed out everywhere else.", AccountRevoked: "The app has no access any more.",
		SessionThis: "This browser", SessionActive: "Signed in", SessionEnded: "Ended", SessionExpired: "Expired",
		SessionRemembered: "kept signed in",
		DeviceOn:          "%s on %s", DeviceBrowser: "Browser", DeviceUnknown: "Unknown browser",

		JustNow: "just now", MinutesAgo: count{"a minute ago", "%s minutes ago"},
		HoursAgo: count{"an hour ago", "%s hours ago"}, DaysAgo: count{"a day ago", "%s days ago"},
		OnDate: "on %s", DateFormat: "2 January 2006",

		FormStale:   "This page had changed since it was opened. Check it and try again.",
		LostHeading: "This page cannot go on",
		LostText:    "It was opened in another browser, it is more than a day old, or this browser does not keep cookies.",
		LostTodo:    "Go back to the app and start again. If that does not help, allow cookies for this site.",

		ExpiredHeading: "This page is too old", ExpiredText: "For your safety, a sign-in has to be finished within a short time. Nothing is lost.",
		StartAgain:  "Start again",
		DoneHeading: "You have already finished here", DoneText: "The app has its answer. You can close this page, or go on to the app once more.",
		DoneAction: "Continue to the app",

		ErrorID: "Error id", ErrorCode: "Code",
		ErrorForeignForm:   "The form was sent by another website.",
		ErrorMalformed:     "The request could not be read.",
		ErrorForeignOrigin: "No client has this origin. Add it to the client's allowed_origins, or register a redirect URI with it.",
		TodoApp:            "Go back to the app and try again. If it happens again, tell the people who make the app, with the id below.",
		TodoAddress:        "Check the address, or go back to the app you came from.",
		TodoBack:           "Go back and try again. If it happens again, tell whoever runs this server, with the id below.",
		TodoLater:          "Wait a minute and try again. If it happens again, tell whoever runs this server, with the id below.",
		Refused:            "Request refused", NotFound: "Page not found", Broken: "Something went wrong",
	}
}

// heading is what an error page is called.
func (t *texts) heading(status int) string {
	switch {
	case status == http.StatusNotFound:
		return t.NotFound
	case status >= http.StatusInternalServerError:
		return t.Broken
	}
	return t.Refused
}

// todo is what a person can do about it.
func (t *texts) todo(status int) string {
	switch {
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return t.TodoAddress
	case status >= http.StatusInternalServerError:
		return t.TodoLater
	}
	return t.TodoBack
}

// status says what a bare HTTP status means here.
func (t *texts) status(status int) string {
	switch status {
	case http.StatusNotFound:
		return "There is nothing at this address."
	case http.StatusMethodNotAllowed:
		return "This address does not answer that kind of request."
	case http.StatusRequestEntityTooLarge:
		return "The request is larger than 64 KiB."
	case http.StatusRequestTimeout:
		return "The request did not arrive in time."
	}
	if status >= http.StatusInternalServerError {
		return "The server could not complete the request."
	}
	return t.ErrorMalformed
}

// fieldName is the label of a field of the set-up form.
func (t *texts) fieldName(field string) string {
	switch field {
	case "username":
		return t.SetupUsername
	case "email":
		return t.SetupEmail
	case "name":
		return t.SetupName
	case "password":
		return t.Password
	}
	return field
}
