package signintest

import "maps"

// Sample is an ID token of a real provider: its claims beside those that every ID token has (iss, aud, exp, iat, nonce).
// The names and types of the claims are the provider's, the values are made up.
type Sample struct {
	Claims map[string]any
	// Source is the page that describes the claims.
	Source string
}

// Samples returns ID tokens as providers send them, by the name of the provider.
func Samples() map[string]Sample {
	return map[string]Sample{
		"Entra ID": {map[string]any{
			"sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "oid": "00000000-0000-0000-66f3-3332eca7ea81",
			"tid": "9122040d-6c67-4c5b-b112-36a304b66dad", "ver": "2.0", "name": "Ann Example",
			"preferred_username": "ann@example.com", "email": "ann@example.com", "rh": "0.AXEA", "uti": "x", "aio": "x",
		}, "https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference"},
		"Entra ID with xms_edov": {map[string]any{
			"sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "oid": "00000000-0000-0000-66f3-3332eca7ea81",
			"tid": "9122040d-6c67-4c5b-b112-36a304b66dad", "ver": "2.0", "email": "ann@example.com", "xms_edov": true,
		}, "https://learn.microsoft.com/entra/identity-platform/optional-claims-reference"},
		"Okta": {map[string]any{
			"sub": "00u1a2b3c4D5E6F7G8H9", "name": "Ann Example", "email": "ann@example.com", "email_verified": true, "ver": 1,
			"jti": "ID.x", "amr": []string{"mfa", "otp", "pwd"}, "idp": "00o1a2b3c4", "preferred_username": "ann@example.com",
			"auth_time": 1771000000, "at_hash": "x",
		}, "https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/"},
		"Google": {map[string]any{
			"azp": ClientID, "sub": "110169484474386276334", "hd": "example.com", "email": "ann@example.com",
			"email_verified": true, "at_hash": "x",
		}, "https://developers.google.com/identity/openid-connect/openid-connect"},
		"Keycloak": {map[string]any{
			"sub": "f3b1a9d2-6c2e-4a52-9f2b-0e7d1c1f5a10", "azp": ClientID, "typ": "ID", "acr": "1", "sid": "x",
			"auth_time": 1771000000, "email": "ann@example.com", "email_verified": true, "preferred_username": "ann",
			"realm_access": map[string]any{"roles": []string{"approver"}}, "attributes": map[string]any{"staff": "ann@example.com"},
		}, "https://www.keycloak.org/docs/latest/server_admin/"},
		"JumpCloud": {map[string]any{
			"sub": "615c0ffee0ddba11", "email": "ann@example.com", "email_verified": "true", "preferred_username": "ann",
			"member_of": []string{"staff"}, "at_hash": "x",
		}, "https://jumpcloud.com/support/sso-with-oidc"},
		"Apple": {map[string]any{
			"sub": "001393.6d621dadasdd04956bds129fa982ba.1517", "email": "ann@example.com", "email_verified": "true",
			"is_private_email": "false", "auth_time": 1771000000, "nonce_supported": true,
		}, "https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple"},
		"Apple without scopes": {map[string]any{
			"sub": "001393.6d621dadasdd04956bds129fa982ba.1517", "auth_time": 1771000000, "nonce_supported": true,
		}, "https://developer.apple.com/documentation/signinwithapple/authenticating-users-with-sign-in-with-apple"},
		"Auth0": {map[string]any{
			"sub": "auth0|5f7c8ec7c33c6c004bbafe82", "email": "ann@example.com", "email_verified": true, "nickname": "ann",
			"https://example.com/email": "ann@example.com", "sid": "x", "updated_at": "2026-03-02T09:30:00.000Z",
		}, "https://auth0.com/docs/secure/tokens/json-web-tokens/create-custom-claims"},
		"Authentik": {map[string]any{
			"sub": "8f14e45fceea167a5a36dedd4bea2543", "email": "ann@example.com", "email_verified": false,
			"preferred_username": "ann", "groups": []string{"staff"}, "acr": "goauthentik.io/providers/oauth2/default",
			"amr": []string{"pwd", "mfa"}, "auth_time": 1771000000,
		}, "https://docs.goauthentik.io/add-secure-apps/providers/oauth2/"},
		"Cognito": {map[string]any{
			"sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:username": "ann", "token_use": "id", "origin_jti": "x",
			"email": "ann@example.com", "email_verified": true, "auth_time": 1771000000,
		}, "https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html"},
	}
}

// Sign makes the provider send the claims of a sample, with the changes. A change to nil removes the claim.
func (p *Provider) Sign(s Sample, changes map[string]any) {
	claims := maps.Clone(s.Claims)
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Claims = claims
}
