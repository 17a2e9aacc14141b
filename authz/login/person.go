package login

import "time"

// Person is someone who can sign in: the resource owner of RFC 6749 and the
// end-user of OpenID Connect.
type Person struct {
	// ID is the subject identifier, the `sub` that clients are told unless they
	// have pairwise ones. It is made once, at random, and never changes or gets
	// reused (OpenID Connect Core, section 2).
	ID string
	// Username and Email are as the person wrote them. Both sign in; both are
	// unique by their Key.
	Username string
	Email    string
	// EmailVerified says that the operator vouches for Email.
	EmailVerified bool
	// PasswordHash is an argon2id PHC string; empty means no password sign-in.
	PasswordHash string
	// Profile holds the other standard claims (OpenID Connect Core, 5.1).
	Profile Profile
	// Groups is released as the `groups` claim with the profile scope.
	Groups []string
	// Attributes are the operator's own; claims can be taken from them.
	Attributes Attributes
	// Admin marks an operator of this server.
	Admin bool
	// Disabled people cannot sign in, and their grants yield nothing.
	Disabled bool
	// CreatedAt and UpdatedAt are in UTC.
	CreatedAt, UpdatedAt time.Time
}

// Profile holds the standard claims of OpenID Connect Core, section 5.1, that
// are not on Person itself. Its JSON names are the claims' own.
type Profile struct {
	Name                string   `json:"name,omitempty"`
	GivenName           string   `json:"given_name,omitempty"`
	FamilyName          string   `json:"family_name,omitempty"`
	MiddleName          string   `json:"middle_name,omitempty"`
	Nickname            string   `json:"nickname,omitempty"`
	ProfileURL          string   `json:"profile,omitempty"`
	Picture             string   `json:"picture,omitempty"`
	Website             string   `json:"website,omitempty"`
	Gender              string   `json:"gender,omitempty"`
	Birthdate           string   `json:"birthdate,omitempty"`
	Zoneinfo            string   `json:"zoneinfo,omitempty"`
	Locale              string   `json:"locale,omitempty"`
	PhoneNumber         string   `json:"phone_number,omitempty"`
	PhoneNumberVerified bool     `json:"phone_number_verified,omitempty"`
	Address             *Address `json:"address,omitempty"`
}

// Address is the address claim of OpenID Connect Core, section 5.1.1.
type Address struct {
	Formatted     string `json:"formatted,omitempty"`
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
}

// Session is one sign-in of one person in one browser. It lives at the server
// and can be ended there at once.
type Session struct {
	// ID is public: it is the `sid` of tokens. It opens nothing.
	ID string
	// TokenHash is the SHA-256 (lowercase hex) of the secret in the cookie.
	TokenHash string
	// Subject is the Person.ID.
	Subject string
	// AuthTime is when the person last proved who they are (`auth_time`).
	AuthTime time.Time
	// AMR lists how (RFC 8176), for example "pwd".
	AMR []string
	// ACR is the authentication context class reached.
	ACR string
	// Device is where the person signed in.
	Device Device
	// LastUsed is when the session was last used, kept to touchEvery.
	LastUsed time.Time
	// CreatedAt, ExpiresAt and EndedAt are in UTC; EndedAt is zero while the
	// session lives. ExpiresAt moves on with LastUsed, up to ExpiresLatest,
	// which is zero in a row of an older release: ExpiresAt stands for both.
	CreatedAt, ExpiresAt, ExpiresLatest, EndedAt time.Time
}

// Device is the browser of a session, as its person is to know it again. All of
// it comes from the network and proves nothing.
type Device struct {
	// Address is the IP address that the sign-in came from.
	Address string
	// UserAgent is what the browser called itself (RFC 9110, section 10.1.5).
	UserAgent string
	// Remembered says that the person asked to be kept signed in there: the
	// session is of the longer class, and its cookie outlives the browser.
	Remembered bool
}

// SetupLink lets whoever holds its token create the first administrator.
type SetupLink struct {
	// TokenHash is the SHA-256 (lowercase hex) of the token in the link.
	TokenHash string
	// ExpiresAt is an hour after the link was printed.
	ExpiresAt time.Time
}
